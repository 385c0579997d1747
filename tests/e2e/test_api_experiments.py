# tier: quick
"""Experiments over REST: create, validate, list, read, change, act on, delete."""
import json
import threading
import unittest

from harness import API, ServerCase, document

YAML = """\
apiVersion: trimtab/v1
kind: Experiment
metadata: {name: from-yaml}
spec:
  objectives: [{metric: loss, direction: minimize}]
  parameters:
    lr: {type: double, min: 1e-5, max: 0.1, scale: log}
  budget: {maxTrials: 3, parallelTrials: 1}
"""


class Create(ServerCase):
    def test_created_then_same_then_different(self):
        doc = document("create-1", labels={"team": "vision"})
        r = self.expect(self.s.post(API, doc), 201)
        self.assertEqual(r.headers["Location"], API + "/create-1")
        self.assertRegex(r.headers["ETag"], r'^"\d+"$')
        x = r.json
        self.assertEqual(x["metadata"]["labels"], {"team": "vision"})
        self.assertEqual(x["metadata"]["namespace"], "default")
        self.assertEqual(f'"{x["metadata"]["resourceVersion"]}"', r.headers["ETag"])
        self.assertEqual(len(x["metadata"]["uid"]), 36)
        self.assertIn(x["status"]["state"], ("running",))
        self.assertEqual(x["status"]["conditions"][-1]["type"], "Running")
        self.assertEqual(x["spec"]["objectives"][0]["strategy"], "min", "defaults are filled in")
        again = self.expect(self.s.post(API, doc), 200)
        self.assertEqual(again.json["metadata"]["uid"], x["metadata"]["uid"])
        doc["spec"]["budget"]["maxTrials"] = 70
        p = self.problem(self.s.post(API, doc), 409, "already-exists")
        self.assertEqual(p["diff"], [{"pointer": "/spec/budget/maxTrials", "stored": 100, "posted": 70}])

    def test_yaml(self):
        r = self.expect(self.s.post(API, YAML, headers={"Content-Type": "application/yaml"}), 201)
        self.assertEqual(r.json["spec"]["parameters"]["lr"]["min"], 1e-5)
        self.expect(self.s.get(API + "/from-yaml"), 200)

    def test_dry_run_creates_nothing(self):
        r = self.expect(self.s.post(API + "?dryRun=All", document("dry")), 200)
        self.assertEqual(r.json["metadata"]["name"], "dry")
        self.assertEqual(r.json["spec"]["objectives"][0]["strategy"], "min")
        self.problem(self.s.get(API + "/dry"), 404, "not-found")

    def test_every_problem_at_once(self):
        doc = document("bad", parameters={
            "lr": {"type": "double", "min": 0.1, "max": 0.01},
            "w": {"type": "double", "min": 0, "max": 1, "scale": "log"},
            "c": {"type": "categorical", "values": []}},
            algorithm={"name": "randm"}, budget={"maxTrial": 3})
        p = self.problem(self.s.post(API, doc), 422, "invalid-experiment")
        pointers = {e["pointer"] for e in p["errors"]}
        self.assertGreaterEqual(len(pointers), 5, p)
        by = {e["pointer"]: e for e in p["errors"]}
        self.assertIn("random", by["/spec/algorithm/name"].get("didYouMean", []))
        self.assertIn("maxTrials", by["/spec/budget/maxTrial"].get("didYouMean", []))
        self.assertRegex(p["title"], r"has \d+ errors")
        self.problem(self.s.get(API + "/bad"), 404, "not-found")

    def test_field_validation(self):
        doc = document("unknown-field")
        doc["spec"]["colour"] = "red"
        self.problem(self.s.post(API, doc), 422, "invalid-experiment")
        r = self.expect(self.s.post(API + "?fieldValidation=Warn", doc), 201)
        self.assertIn("colour", r.headers["Warning"])
        r = self.expect(self.s.post(API + "?fieldValidation=Ignore", doc), 200)
        self.assertNotIn("Warning", r.headers)
        self.assertNotIn("colour", r.json["spec"])

    def test_katib_documents_are_refused_by_name(self):
        p = self.problem(self.s.post(API, {"apiVersion": "kubeflow.org/v1beta1", "kind": "Experiment",
                                           "metadata": {"name": "k"}, "spec": {}}), 422, "invalid-experiment")
        self.assertEqual(p["errors"][0]["code"], "katib-not-supported")

    def test_namespace_of_the_path_wins_or_agrees(self):
        doc = document("placed")
        doc["metadata"]["namespace"] = "other"
        self.problem(self.s.post(API, doc), 422, "invalid-experiment")
        self.expect(self.s.post("/api/v1/namespaces/other/experiments", doc), 201)
        del doc["metadata"]["namespace"]
        for bad in ("-1", "Upper", "a%2Fb", "x" * 64, "9"):
            r = self.s.post(f"/api/v1/namespaces/{bad}/experiments", doc)
            self.problem(r, 422, "invalid-experiment")
            self.assertIn("/metadata/namespace", r.codes())

    def test_validate(self):
        r = self.expect(self.s.post("/api/v1/validate", document("v")), 200)
        self.assertTrue(r.json["valid"])
        self.assertEqual(r.json["document"]["metadata"]["name"], "v")
        self.problem(self.s.post("/api/v1/validate", {"apiVersion": "trimtab/v1"}), 422, "invalid-experiment")


class Idempotency(ServerCase):
    def test_same_key_same_answer(self):
        doc = document("once")
        key = {"Idempotency-Key": "key-1"}
        first = self.expect(self.s.post(API, doc, headers=key), 201)
        self.expect(self.s.delete(API + "/once"), 200)
        second = self.expect(self.s.post(API, doc, headers=key), 201)
        self.assertEqual(second.body, first.body)
        self.assertEqual(second.headers["ETag"], first.headers["ETag"])
        self.assertEqual(second.headers["Location"], first.headers["Location"])
        self.assertEqual(second.headers["Idempotency-Replayed"], "true")
        self.problem(self.s.get(API + "/once"), 404, "not-found")

    def test_other_request_with_the_key(self):
        key = {"Idempotency-Key": "key-2"}
        self.expect(self.s.post(API, document("keyed-a"), headers=key), 201)
        self.problem(self.s.post(API, document("keyed-b"), headers=key), 422, "idempotency-key-reused")
        self.problem(self.s.get(API + "/keyed-b"), 404, "not-found")

    def test_errors_are_kept_too(self):
        key = {"Idempotency-Key": "key-3"}
        self.expect(self.s.post(API, document("kept")), 201)
        other = document("kept", budget={"maxTrials": 3})
        first = self.s.post(API, other, headers=key)
        self.problem(first, 409, "already-exists")
        self.expect(self.s.delete(API + "/kept"), 200)
        self.assertEqual(self.s.post(API, other, headers=key).body, first.body)

    def test_at_once(self):
        """Twenty clients with one key and one new trial: it is added once."""
        path = self.create("at-once")
        body = {"parameters": {"lr": 0.01, "layers": 2, "optimizer": "adam"}}
        answers = []

        def add():
            c = self.s.client()
            answers.append(c.post(path + "/trials", body, headers={"Idempotency-Key": "key-4"}))
            c.close()
        threads = [threading.Thread(target=add) for _ in range(20)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual({r.status for r in answers} - {201, 409}, set(), answers)
        self.assertEqual({r.json["number"] for r in answers if r.status == 201}, {1})
        self.assertEqual(len(self.s.get(path + "/trials?state=pending,running").json["items"]), 1)

    def test_malformed_key(self):
        self.problem(self.s.post(API, document("badkey"), headers={"Idempotency-Key": "x" * 300}), 400, "malformed")


class Read(ServerCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for i in range(12):
            ns = "even" if i % 2 == 0 else "odd"
            doc = document(f"list-{i:02}", labels={"parity": ns, "third": str(i % 3)})
            r = cls.server.post(f"/api/v1/namespaces/{ns}/experiments", doc)
            assert r.status == 201, r

    def names(self, path):
        return [x["metadata"]["name"] for x in self.expect(self.s.get(path), 200).json["items"]]

    def pages(self, path):
        names, cursor = [], ""
        while True:
            page = self.expect(self.s.get(path + (f"&continue={cursor}" if cursor else "")), 200).json
            names += [x["metadata"]["name"] for x in page["items"]]
            if "continue" not in page:
                self.assertEqual(page.get("remainingItemCount"), 0)
                return names
            self.assertGreater(page["remainingItemCount"], 0)
            cursor = page["continue"]

    def test_order_and_pages(self):
        even = [f"list-{i:02}" for i in range(0, 12, 2)]
        base = "/api/v1/namespaces/even/experiments"
        self.assertEqual(self.names(base + "?sort=name"), even)
        self.assertEqual(self.names(base + "?sort=-name"), even[::-1])
        self.assertEqual(self.names(base), even[::-1], "newest first")
        self.assertEqual(self.names(base + "?sort=createdAt"), even)
        for sort in ("name", "-name", "createdAt", "-createdAt"):
            whole = self.names(f"/api/v1/experiments?sort={sort}&labelSelector=parity%3Deven")
            self.assertEqual(self.pages(f"/api/v1/experiments?sort={sort}&limit=2&labelSelector=parity=even"), whole)

    def test_paging_while_others_create(self):
        """What was there when the walk began comes exactly once, whatever is added meanwhile."""
        base = "/api/v1/namespaces/walk/experiments"
        for i in range(9):
            self.expect(self.s.post(base, document(f"old-{i}")), 201)
        seen, cursor, n = [], "", 0
        while cursor is not None:
            page = self.s.get(f"{base}?limit=2&continue={cursor}").json
            seen += [x["metadata"]["name"] for x in page["items"]]
            self.expect(self.s.post(base, document(f"new-{n}")), 201)
            n += 1
            cursor = page.get("continue")
        self.assertEqual(sorted(x for x in seen if x.startswith("old")), [f"old-{i}" for i in range(9)])
        self.assertEqual(len(seen), len(set(seen)))

    def test_selectors(self):
        self.assertEqual(self.names("/api/v1/experiments?labelSelector=parity=odd,third=0&sort=name"), ["list-03", "list-09"])
        self.assertEqual(self.names("/api/v1/experiments?namespace=odd&search=-07"), ["list-07"])
        self.assertEqual(self.names("/api/v1/experiments?namespace=even&state=paused"), [])
        for bad in ("labelSelector=a", "labelSelector=a!=b", "labelSelector==x", "state=runing", "sort=size",
                    "limit=0", "limit=100000", "limit=x", "colour=red", "continue=abc"):
            r = self.s.get("/api/v1/experiments?" + bad)
            self.assertEqual(r.status, 422, (bad, r))

    def test_cursor_of_another_list(self):
        cursor = self.s.get("/api/v1/experiments?limit=1&sort=name").json["continue"]
        self.problem(self.s.get(f"/api/v1/experiments?limit=1&sort=-name&continue={cursor}"), 422, "invalid")

    def test_items(self):
        x = self.s.get("/api/v1/namespaces/even/experiments?limit=1&sort=name").json["items"][0]
        self.assertEqual(x["status"]["progress"], {"finished": 0, "total": 100, "etaSeconds": None})
        self.assertEqual(set(x["spec"]), {"objectives", "algorithm", "budget"})

    def test_fields(self):
        r = self.s.get("/api/v1/namespaces/even/experiments?fields=metadata.name,status.state&sort=name&limit=1")
        self.assertEqual(r.json["items"], [{"metadata": {"name": "list-00"}, "status": {"state": "running"}}])

    def test_not_found(self):
        p = self.problem(self.s.get("/api/v1/namespaces/even/experiments/none"), 404, "not-found")
        self.assertIn("none", p["detail"])
        for path in ("/trials", "/best", "/events", "/metrics?metric=x", "/trials/1", "/trials/1/metrics",
                     "/trials/1/logs"):
            self.problem(self.s.get("/api/v1/namespaces/even/experiments/none" + path), 404, "not-found")


class Change(ServerCase):
    def test_patch(self):
        path = self.create("patch", labels={"a": "1", "b": "2"})
        r = self.expect(self.s.patch(path, {"spec": {"budget": {"maxTrials": 150}},
                                            "metadata": {"labels": {"a": None, "c": "3"}}}), 200)
        self.assertEqual(r.json["spec"]["budget"]["maxTrials"], 150)
        self.assertEqual(r.json["metadata"]["labels"], {"b": "2", "c": "3"})
        got = self.expect(self.s.get(path), 200)
        self.assertEqual(got.headers["ETag"], r.headers["ETag"])
        self.assertEqual(got.json["spec"]["budget"]["maxTrials"], 150)
        same = self.expect(self.s.patch(path, {"spec": {"budget": {"maxTrials": 150}}}), 200)
        self.assertEqual(same.headers["ETag"], r.headers["ETag"], "nothing changed")

    def test_if_match(self):
        path = self.create("etag")
        tag = self.s.get(path).headers["ETag"]
        patch = {"spec": {"budget": {"maxTrials": 70}}}
        self.expect(self.s.patch(path, patch, headers={"If-Match": tag}), 200)
        self.problem(self.s.patch(path, patch, headers={"If-Match": tag}), 412, "stale")
        self.problem(self.s.patch(path, patch, headers={"If-Match": '"nonsense"'}), 412, "stale")
        self.problem(self.s.delete(path, headers={"If-Match": tag}), 412, "stale")
        self.expect(self.s.patch(path, patch, headers={"If-Match": "*"}), 200)
        self.expect(self.s.delete(path, headers={"If-Match": self.s.get(path).headers["ETag"]}), 200)

    def test_only_some_fields(self):
        path = self.create("fixed")
        for patch in ({"spec": {"algorithm": {"name": "sobol"}}}, {"spec": {"parameters": {"lr": None}}},
                      {"metadata": {"name": "other"}}, {"spec": {"budget": {"maxTrials": -1}}}, {"x": 1}):
            self.problem(self.s.patch(path, patch), 422, "invalid-experiment")
        self.problem(self.s.patch(path, "[", headers={"Content-Type": "application/merge-patch+json"}), 400, "malformed")

    def test_pause_by_patch(self):
        path = self.create("pausing")
        self.assertEqual(self.expect(self.s.patch(path, {"spec": {"paused": True}}), 200).json["status"]["state"], "paused")
        self.assertEqual(self.s.get(path).json["status"]["conditions"][-1]["type"], "Paused")
        self.assertEqual(self.expect(self.s.patch(path, {"spec": {"paused": False}}), 200).json["status"]["state"], "running")

    def test_many_editors(self):
        """Concurrent merge patches without If-Match all take effect."""
        path = self.create("editors")

        def label(i):
            c = self.s.client()
            r = c.patch(path, {"metadata": {"labels": {f"l{i}": str(i)}}})
            results.append(r.status)
            c.close()
        results = []
        threads = [threading.Thread(target=label, args=(i,)) for i in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(results, [200] * 4)
        self.assertEqual(self.s.get(path).json["metadata"]["labels"], {f"l{i}": str(i) for i in range(4)})


class Act(ServerCase):
    def state(self, path):
        return self.s.get(path).json["status"]["state"]

    def act(self, path, verb, status=202, body=None):
        return self.expect(self.s.post(f"{path}/{verb}", body), status)

    def test_pause_resume(self):
        path = self.create("act-1")
        for _ in range(2):
            self.assertEqual(self.act(path, "pause").json["status"]["state"], "paused")
        for _ in range(2):
            self.assertEqual(self.act(path, "resume").json["status"]["state"], "running")

    def test_stop_restart(self):
        from harness import wait
        path = self.create("act-2")
        self.assertIn(self.act(path, "stop").json["status"]["state"], ("stopping", "stopped"))
        wait(lambda: self.state(path) == "stopped", "it stops")
        self.act(path, "stop")
        self.assertEqual(self.s.get(path).json["status"]["conditions"][-1]["type"], "Stopped")
        p = self.problem(self.s.post(path + "/pause"), 409, "wrong-state")
        self.assertEqual(p["allowedActions"], ["restart"])
        self.assertEqual(p["state"], "stopped")
        self.problem(self.s.post(path + "/restart", {"budget": {"maxTrials": 0, "x": 1}}), 422, "invalid-experiment")
        r = self.act(path, "restart", body={"budget": {"maxTrials": 120}})
        self.assertEqual(r.json["status"]["state"], "running")
        self.assertEqual(r.json["spec"]["budget"]["maxTrials"], 120)
        self.act(path, "restart")
        self.act(path, "cancel")
        wait(lambda: self.state(path) == "stopped", "it is cancelled")

    def test_restart_of_what_would_end_at_once(self):
        from harness import wait
        low = [{"metric": "loss", "direction": "minimize", "goal": 0.5}]
        for name, spec, value, refused, enough in (
                ("spent", {"budget": {"maxTrials": 1, "parallelTrials": 1}}, 0.9,
                 ("/spec/budget/maxTrials", "budget-used-up"), {"maxTrials": 2}),
                ("late", {"budget": {"maxTrials": 9, "parallelTrials": 1, "maxDuration": "1s"}}, 0.9,
                 ("/spec/budget/maxDuration", "budget-used-up"), {"maxDuration": "1h"}),
                ("broken", {"budget": {"maxTrials": 9, "parallelTrials": 1, "maxFailedTrials": 1}}, None,
                 ("/spec/budget/maxFailedTrials", "budget-used-up"), {"maxFailedTrials": 3}),
                ("reached", {"budget": {"maxTrials": 9, "parallelTrials": 1}}, 0.4,
                 ("/spec/objectives/0/goal", "goal-reached"), None)):
            with self.subTest(name):
                path = self.create(name, objectives=low, **spec)
                (trial,) = self.ask(path)
                told = {"state": "succeeded", "values": {"loss": value}} if value else {"state": "failed"}
                self.expect(self.s.post(trial["links"]["tell"], told), 200)
                wait(lambda path=path: self.state(path) in ("succeeded", "failed"), "it ends")
                for body in (None, {"budget": {"parallelTrials": 1}}):
                    r = self.s.post(path + "/restart", body)
                    self.problem(r, 422, "invalid")
                    self.assertEqual(r.codes(), dict([refused]))
                if enough:
                    self.assertEqual(self.act(path, "restart", body={"budget": enough}).json["status"]["state"], "running")
                    self.act(path, "cancel")
                else:
                    self.problem(self.s.post(path + "/restart", {"budget": {"maxTrials": 99}}), 422, "invalid")

    def test_of_nothing(self):
        for verb in ("stop", "cancel", "pause", "resume", "restart"):
            self.problem(self.s.post(f"{API}/none/{verb}"), 404, "not-found")
        self.problem(self.s.post(f"{API}/none/explode"), 404, "not-found")

    def test_events_tell(self):
        path = self.create("act-3")
        self.act(path, "pause")
        self.act(path, "resume")
        items = self.s.get(path + "/events").json["items"]
        self.assertEqual([e["reason"] for e in items][-1], "Created")
        self.assertIn("Paused", [e["reason"] for e in items])
        self.assertEqual(sorted((e["id"] for e in items), reverse=True), [e["id"] for e in items])
        walked, cursor = [], ""
        while cursor is not None:
            page = self.s.get(f"{path}/events?limit=1&continue={cursor}").json
            walked += [e["id"] for e in page["items"]]
            cursor = page.get("continue")
        self.assertEqual(walked, [e["id"] for e in items])


class Delete(ServerCase):
    def test_archive_frees_the_name(self):
        path = self.create("gone")
        uid = self.s.get(path).json["metadata"]["uid"]
        r = self.expect(self.s.delete(path), 200)
        self.assertEqual(r.json, {"namespace": "default", "name": "gone", "uid": uid, "deleted": "archived"})
        self.problem(self.s.get(path), 404, "not-found")
        self.problem(self.s.delete(path), 404, "not-found")
        self.create("gone")
        self.assertNotEqual(self.s.get(path).json["metadata"]["uid"], uid)

    def test_archived_ones_are_listed_and_purged_by_uid(self):
        uids = []
        for _ in range(3):
            path = self.create("again", namespace="attic")
            uids.append(self.s.get(path).json["metadata"]["uid"])
            self.expect(self.s.delete(path), 200)
        path = self.create("again", namespace="attic")
        newest = self.s.get(path).json["metadata"]["uid"]
        attic = path.rpartition("/")[0]
        listed, where = [], "?archived=true&limit=2"
        while where:
            page = self.expect(self.s.get(attic + where), 200).json
            listed += [x["metadata"] for x in page["items"]]
            where = page.get("continue") and "?archived=true&limit=2&continue=" + page["continue"]
        self.assertEqual([m["uid"] for m in listed], uids[::-1])
        self.assertGreaterEqual(listed[0]["archivedAt"], listed[1]["archivedAt"])
        self.assertNotIn("archivedAt", self.s.get(path).json["metadata"])
        # Only the one that is named, under its own name, and only for good.
        self.problem(self.s.delete(f"{path}?uid={uids[1]}"), 422, "invalid")
        self.problem(self.s.delete(path + "?purge=true&uid=7"), 422, "invalid")
        self.problem(self.s.delete(f"{attic}/other?purge=true&uid={uids[1]}"), 404, "not-found")
        r = self.expect(self.s.delete(f"{path}?purge=true&uid={uids[1]}"), 200)
        self.assertEqual((r.json["uid"], r.json["deleted"]), (uids[1], "purged"))
        self.problem(self.s.delete(f"{path}?purge=true&uid={uids[1]}"), 404, "not-found")
        left = self.s.get(attic + "?archived=true").json["items"]
        self.assertEqual([x["metadata"]["uid"] for x in left], [uids[2], uids[0]])
        self.assertEqual(self.s.get(path).json["metadata"]["uid"], newest)
        self.expect(self.s.delete(f"{path}?purge=true&uid={newest}"), 200)
        self.problem(self.s.get(path), 404, "not-found")

    def test_purge(self):
        path = self.create("purged")
        trial = self.ask(path)[0]
        self.expect(self.s.post(f"{path}/trials/{trial['number']}/metrics", {"loss": 1}), 200)
        self.assertEqual(self.expect(self.s.delete(path + "?purge=true"), 200).json["deleted"], "purged")
        self.problem(self.s.get(path), 404, "not-found")
        self.problem(self.s.get(path + "/trials"), 404, "not-found")


if __name__ == "__main__":
    unittest.main()
