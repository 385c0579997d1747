# tier: quick
"""Trials over REST: ask, report, tell, read, enqueue, import, retry, kill."""
import csv
import io
import json
import math
import os
import shutil
import subprocess
import threading
import unittest

from harness import API, ROOT, ServerCase, document, wait

GOOD = {"lr": 0.01, "layers": 3, "optimizer": "adam"}


class AskTell(ServerCase):
    def test_the_whole_way(self):
        path = self.create("way", budget={"maxTrials": 3, "parallelTrials": 2})
        for i in range(3):
            r = self.expect(self.s.post(path + "/trials:ask", {"workerId": "w1"}), 200).json
            self.assertEqual(r["retryAfterSeconds"], 0)
            (t,) = r["trials"]
            self.assertEqual(set(t["parameters"]), {"lr", "layers", "optimizer"})
            self.assertTrue(t["leaseExpiresAt"])
            for step in range(3):
                a = self.expect(self.s.post(t["links"]["metrics"], {"loss": 1 / (i + step + 1), "step": step}), 200).json
                self.assertEqual((a["accepted"], a["stop"], a["trialState"]), (1, False, "running"))
            r = self.expect(self.s.post(t["links"]["tell"], {"state": "succeeded"}), 200).json
            self.assertEqual(r["state"], "succeeded")
            self.assertEqual(r["values"], {"loss": 1 / (i + 3)}, "min of what was reported")
        wait(lambda: self.s.get(path).json["status"]["state"] == "succeeded", "the budget is used")
        r = self.s.post(path + "/trials:ask", {"workerId": "w1"}).json
        self.assertEqual((r["trials"], r["state"]), ([], "succeeded"))
        best = self.expect(self.s.get(path + "/best"), 200).json
        self.assertEqual(best["trial"]["number"], 3)
        self.assertEqual(best["values"], {"loss": 0.2})
        self.assertEqual(best["parameters"], best["trial"]["parameters"])
        self.assertNotIn("pareto", best)
        status = self.s.get(path).json["status"]
        self.assertEqual(status["reason"], "MaxTrialsReached")
        self.assertEqual(status["currentOptimalTrial"]["number"], 3)
        self.assertEqual(status["trialsSucceeded"], 3)
        self.assertEqual(status["conditions"][-1]["type"], "Succeeded")

    def test_same_worker_same_trial(self):
        path = self.create("same")
        first = self.ask(path, "w1")
        self.assertEqual([t["number"] for t in self.ask(path, "w1")], [t["number"] for t in first])
        other = self.ask(path, "w2", count=3)
        self.assertEqual(len(other), 3)
        self.assertNotIn(first[0]["number"], [t["number"] for t in other])
        numbers = {t["number"] for t in self.ask(path, "w2", count=3)}
        self.assertEqual(numbers, {t["number"] for t in other})

    def test_many_workers_get_different_trials(self):
        path = self.create("many")
        got = []

        def work(i):
            c = self.s.client()
            r = c.post(path + "/trials:ask", {"workerId": f"w{i}"})
            got.extend(t["number"] for t in r.json["trials"])
            c.close()
        threads = [threading.Thread(target=work, args=(i,)) for i in range(12)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(len(got), 12)
        self.assertEqual(len(set(got)), 12)

    def test_parallel_is_a_limit(self):
        path = self.create("full", budget={"maxTrials": 10, "parallelTrials": 1})
        self.ask(path, "w1")
        r = self.expect(self.s.post(path + "/trials:ask", {"workerId": "w2"}), 200).json
        self.assertEqual(r["trials"], [])
        self.assertEqual(r["state"], "running")
        self.assertGreater(r["retryAfterSeconds"], 0)

    def test_tell_twice(self):
        path = self.create("twice")
        (t,) = self.ask(path)
        tell = t["links"]["tell"]
        told = {"state": "succeeded", "values": {"loss": 0.5, "accuracy": 0.9}}
        r = self.expect(self.s.post(tell, told), 200).json
        self.assertEqual(r["values"], {"loss": 0.5, "accuracy": 0.9})
        self.assertEqual(self.expect(self.s.post(tell, told), 200).json["values"], r["values"])
        p = self.problem(self.s.post(tell, {"values": {"loss": 0.4}}), 409, "conflict")
        self.assertEqual(p["stored"]["values"]["loss"], 0.5)
        self.assertEqual(p["told"]["values"], {"loss": 0.4})
        self.problem(self.s.post(tell, {"state": "failed"}), 409, "conflict")

    def test_tell_failures(self):
        path = self.create("fail")
        for told, state, reason in (
                ({"state": "failed", "reason": "CudaOutOfMemory", "message": "8 GiB were not enough"}, "failed", "CudaOutOfMemory"),
                ({"state": "infeasible"}, "failed", "Infeasible"),
                ({"state": "early_stopped"}, "early_stopped", None),
                ({"values": {"loss": "NaN"}}, "failed", "NonFiniteObjective"),
                ({"values": {"accuracy": 1}}, "metrics_unavailable", "MetricNotReported")):
            (t,) = self.ask(path, f"w-{state}-{reason}")
            r = self.expect(self.s.post(t["links"]["tell"], told), 200).json
            self.assertEqual(r["state"], state, (told, r))
            if reason:
                self.assertEqual(r["reason"], reason, (told, r))
        self.assertIsNone(self.s.get(path + "/best").json["trial"])

    def test_bad_tells(self):
        path = self.create("badtell")
        (t,) = self.ask(path)
        tell = t["links"]["tell"]
        for body, pointer in (({"state": "done"}, "/state"), ({"values": [1]}, "/values"), ({"values": {"loss": "x"}}, "/values/loss"),
                              ({"values": {"a b": 1}}, "/values/a b"), ({"value": 1}, "/value"), ({"reason": 3}, "/reason")):
            r = self.s.post(tell, body)
            self.problem(r, 422, "invalid")
            self.assertIn(pointer, r.codes(), r)
        self.problem(self.s.post(path + "/trials/999:tell", {"values": {"loss": 1}}), 404, "not-found")
        self.problem(self.s.post(path + "/trials/nobody:tell", {"values": {"loss": 1}}), 404, "not-found")
        self.problem(self.s.post(path + "/trials:ask", {}), 422, "invalid")
        self.problem(self.s.post(path + "/trials:ask", {"workerId": "w", "count": 0}), 422, "invalid")

    def test_by_name(self):
        path = self.create("byname")
        (t,) = self.ask(path)
        one = f"{path}/trials/{t['name']}"
        self.assertEqual(self.expect(self.s.get(one), 200).json["number"], t["number"])
        self.expect(self.s.post(one + "/metrics", {"loss": 1, "step": 0}), 200)
        self.expect(self.s.post(one + "/heartbeat"), 200)
        self.assertEqual(self.s.get(one + "/metrics").json["items"][0]["total"], 1)
        self.expect(self.s.post(one + ":tell", {}), 200)

    def test_lease(self):
        """A worker that falls silent loses its trial; what it reports later is taken all the same."""
        path = self.create("lease", retry={"onLost": 0, "onFailed": 0})
        (t,) = self.ask(path, leaseSeconds=1)
        one = f"{path}/trials/{t['number']}"
        wait(lambda: self.s.get(one).json["state"] == "lost", "the lease runs out")
        self.assertEqual(self.s.get(one).json["reason"], "WorkerLost")
        r = self.expect(self.s.post(one + ":tell", {"values": {"loss": 0.3}}), 200).json
        self.assertEqual(r["state"], "succeeded")

    def test_heartbeat_keeps_it(self):
        path = self.create("beat")
        (t,) = self.ask(path, leaseSeconds=60)
        before = self.s.get(f"{path}/trials/{t['number']}").json["leaseExpiresAt"]
        a = self.expect(self.s.post(f"{path}/trials/{t['number']}/heartbeat"), 200).json
        self.assertEqual((a["accepted"], a["stop"], a["trialState"]), (0, False, "running"))
        wait(lambda: self.s.get(f"{path}/trials/{t['number']}").json["leaseExpiresAt"] > before, "the lease is renewed")


class Reports(ServerCase):
    def trial(self, name):
        path = self.create(name)
        (t,) = self.ask(path)
        return path, f"{path}/trials/{t['number']}"

    def series(self, one, query=""):
        return {i["metric"]: i for i in self.expect(self.s.get(f"{one}/metrics{query}"), 200).json["items"]}

    def test_forms(self):
        _, one = self.trial("forms")
        url = one + "/metrics"
        batch = {"metrics": [{"metric": "loss", "value": 0.412, "step": 3, "time": "2026-11-22T10:00:03.120Z"},
                             {"metric": "accuracy", "value": 0.871, "step": 3},
                             {"metric": "grad_norm", "value": "NaN", "step": 3}], "dropped": 0}
        self.assertEqual(self.expect(self.s.post(url, batch), 200).json["accepted"], 3)
        self.assertEqual(self.expect(self.s.post(url, {"loss": "0.4", "accuracy": 0.9, "step": 4}), 200).json["accepted"], 2)
        text = {"Content-Type": "text/plain"}
        self.assertEqual(self.expect(self.s.post(url, "loss=0.3 accuracy=0.91 step=5\n", headers=text), 200).json["accepted"], 2)
        nd = {"Content-Type": "application/x-ndjson"}
        self.assertEqual(self.expect(self.s.post(url, '{"loss":0.2,"step":6}\n{"loss":0.1,"step":7}\n', headers=nd), 200).json["accepted"], 2)
        got = self.series(one)
        self.assertEqual(got["loss"]["points"], [[3, 0.412], [4, 0.4], [5, 0.3], [6, 0.2], [7, 0.1]])
        self.assertEqual(got["grad_norm"]["points"], [[3, "NaN"]])
        self.assertEqual((got["loss"]["total"], got["loss"]["downsampled"]), (5, False))
        timed = self.series(one, "?metric=loss&times=true")["loss"]["points"]
        self.assertEqual(timed[0], [3, 0.412, "2026-11-22T10:00:03.120000Z"])
        self.assertEqual(self.series(one, "?metric=loss&fromStep=6")["loss"]["points"], [[6, 0.2], [7, 0.1]])

    def test_last_write_wins(self):
        _, one = self.trial("again")
        for value in (1, 2, 3):
            self.expect(self.s.post(one + "/metrics", {"loss": value, "step": 0}), 200)
        self.assertEqual(self.series(one)["loss"]["points"], [[0, 3]])

    def test_steps_are_counted(self):
        _, one = self.trial("counted")
        for value in (5, 4, 3):
            self.expect(self.s.post(one + "/metrics", {"loss": value}), 200)
        self.assertEqual([v for _, v in self.series(one)["loss"]["points"]], [5, 4, 3])

    def test_exact_numbers(self):
        _, one = self.trial("exact")
        values = [0.1 + 0.2, 9007199254740992, 5e-324, 1.7976931348623157e308, 1 / 3]
        batch = {"metrics": [{"metric": "loss", "value": v, "step": i} for i, v in enumerate(values)]}
        self.expect(self.s.post(one + "/metrics", batch), 200)
        got = [v for _, v in self.series(one)["loss"]["points"]]
        self.assertEqual([float(v).hex() for v in got], [float(v).hex() for v in values])
        self.expect(self.s.post(one + "/metrics", {"metrics": [
            {"metric": "odd", "value": v, "step": i} for i, v in enumerate(("NaN", "Infinity", "-Infinity"))]}), 200)
        self.assertEqual(self.series(one)["odd"]["points"], [[0, "NaN"], [1, "Infinity"], [2, "-Infinity"]])

    def test_all_or_nothing(self):
        _, one = self.trial("nothing")
        for bad in ({"metrics": [{"metric": "loss", "value": 1}, {"metric": "bad name", "value": 1}]},
                    {"metrics": [{"metric": "loss", "value": 1}, {"metric": "x", "value": "abc"}]},
                    {"metrics": [{"metric": "loss"}]}, {"metrics": {}}, {"loss": [1]}):
            self.problem(self.s.post(one + "/metrics", bad), 422, "invalid")
        for bad in ("{", "", "nul\0l", "[1", '{"loss":1e999}', '{"a":1,"a":2}'):
            r = self.s.post(one + "/metrics", bad, headers={"Content-Type": "application/json"})
            self.assertIn(r.status, (400, 422), (bad, r))
        self.problem(self.s.post(one + "/metrics", b"\xff\xfe", headers={"Content-Type": "application/json"}), 400, "malformed")
        self.problem(self.s.post(one + "/metrics", "x", headers={"Content-Type": "image/png"}), 415, "media-type")
        self.assertEqual(self.series(one), {})

    def test_too_much(self):
        _, one = self.trial("much")
        batch = {"metrics": [{"metric": "loss", "value": 1, "step": i} for i in range(1000)]}
        self.assertEqual(self.expect(self.s.post(one + "/metrics", batch), 200).json["accepted"], 1000)
        batch["metrics"].append({"metric": "loss", "value": 1, "step": 1000})
        r = self.s.post(one + "/metrics", batch)
        self.assertIn(r.status, (413, 422), r)
        self.assertIn("1000", r.text)
        p = self.problem(self.s.post(one + "/metrics", " " * (2 << 20) + "{}"), 413, "too-large")
        self.assertIn("1048576", p["detail"])

    def test_downsampling(self):
        _, one = self.trial("down")
        for part in range(3):
            self.expect(self.s.post(one + "/metrics", {"metrics": [
                {"metric": "loss", "value": math.sin(i), "step": i} for i in range(part * 1000, part * 1000 + 1000)]}), 200)
        got = self.series(one, "?maxPoints=100")["loss"]
        self.assertTrue(got["downsampled"])
        self.assertEqual(got["total"], 3000)
        self.assertLessEqual(len(got["points"]), 100)
        values = [v for _, v in got["points"]]
        self.assertEqual(max(values), max(math.sin(i) for i in range(3000)))
        self.assertEqual(min(values), min(math.sin(i) for i in range(3000)))
        self.assertEqual(sorted(s for s, _ in got["points"]), [s for s, _ in got["points"]])

    def test_after_the_end(self):
        path, one = self.trial("after")
        self.expect(self.s.post(one + "/metrics", {"loss": 0.5, "step": 0}), 200)
        self.expect(self.s.post(one + ":tell", {}), 200)
        a = self.expect(self.s.post(one + "/metrics", {"loss": 0.1, "step": 1}), 200).json
        self.assertEqual((a["accepted"], a["stop"], a["reason"]), (1, True, "TrialFinished"))
        self.assertEqual(self.s.get(one).json["values"], {"loss": 0.5}, "finished values stay")
        self.assertEqual(self.series(one)["loss"]["total"], 2)

    def test_kill_is_heard(self):
        path, one = self.trial("kill")
        self.expect(self.s.post(one + ":kill"), 202)
        self.expect(self.s.post(one + ":kill"), 202)

        def stopped():
            a = self.s.post(one + "/metrics", {"loss": 1, "step": 0}).json
            return a if a.get("stop") else None
        a = wait(stopped, "the report says stop")
        self.assertIn(a["reason"], ("UserKilled", "TrialFinished"))

    def test_no_such_trial(self):
        path, _ = self.trial("none")
        self.problem(self.s.post(path + "/trials/77/metrics", {"loss": 1}), 404, "not-found")
        self.problem(self.s.post(API + "/no-such/trials/1/metrics", {"loss": 1}), 404, "not-found")

    def test_curves(self):
        path = self.create("curves")
        for i, t in enumerate(self.ask(path, count=5)):
            one = f"{path}/trials/{t['number']}"
            self.expect(self.s.post(one + "/metrics", {"metrics": [
                {"metric": "loss", "value": 10 - i + 1 / (s + 1), "step": s} for s in range(4)]}), 200)
            self.expect(self.s.post(one + ":tell", {}), 200)
        got = self.expect(self.s.get(path + "/metrics?metric=loss&top=2"), 200).json
        self.assertEqual(got["metric"], "loss")
        self.assertEqual(sorted(c["number"] for c in got["items"]), [4, 5])
        self.assertEqual(got["items"][0]["steps"], [0, 1, 2, 3])
        self.assertEqual(len(got["items"][0]["values"]), 4)
        chosen = self.s.get(path + "/metrics?metric=loss&trials=1,3").json
        self.assertEqual([c["number"] for c in chosen["items"]], [1, 3])
        self.problem(self.s.get(path + "/metrics"), 422, "invalid")
        self.problem(self.s.get(path + "/metrics?metric=loss&trials=x"), 422, "invalid")


class Lists(ServerCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        s, path = cls.server, API + "/listed"
        assert s.post(API, document("listed", objectives=[{"metric": "loss", "direction": "minimize"}])).status == 201
        trials = [{"state": "succeeded", "parameters": {**GOOD, "layers": 1 + i % 6}, "values": {"loss": (i * 7) % 23, "acc": i}}
                  for i in range(20)]
        trials += [{"state": "failed", "parameters": GOOD, "reason": "Broken", "message": 'a "quoted", word'} for _ in range(3)]
        r = s.post(path + "/trials", {"trials": trials})
        assert r.status == 201, r
        cls.path = path

    def all(self, query=""):
        items, cursor = [], ""
        while cursor is not None:
            page = self.expect(self.s.get(f"{self.path}/trials?limit=4{query}&continue={cursor}"), 200).json
            items += page["items"]
            cursor = page.get("continue")
        return items

    def test_pages(self):
        self.assertEqual([t["number"] for t in self.all()], list(range(1, 24)))
        self.assertEqual([t["number"] for t in self.all("&sort=-number")], list(range(23, 0, -1)))
        ranked = self.all("&sort=rank")
        self.assertEqual([t["values"]["loss"] for t in ranked], sorted((i * 7) % 23 for i in range(20)))
        self.assertEqual(ranked[0]["rank"], 1)
        self.assertEqual([t["number"] for t in self.all("&state=failed")], [21, 22, 23])
        self.assertEqual(len(self.all("&state=failed,succeeded")), 23)
        self.problem(self.s.get(self.path + "/trials?state=broken"), 422, "invalid")
        self.problem(self.s.get(self.path + "/trials?sort=loss"), 422, "invalid")
        cursor = self.s.get(self.path + "/trials?limit=1").json["continue"]
        self.problem(self.s.get(f"{self.path}/trials?limit=1&sort=rank&continue={cursor}"), 422, "invalid")

    def test_only_what_changed(self):
        path = self.create("changes")
        version = self.s.get(path + "/trials").json["version"]
        (t,) = self.ask(path)
        page = self.s.get(f"{path}/trials?after={version}").json
        self.assertEqual([x["number"] for x in page["items"]], [t["number"]])
        version = page["version"]
        self.assertEqual(self.s.get(f"{path}/trials?after={version}").json["items"], [])
        self.expect(self.s.post(t["links"]["tell"], {"values": {"loss": 1}}), 200)
        (x,) = self.s.get(f"{path}/trials?after={version}").json["items"]
        self.assertEqual(x["state"], "succeeded")
        self.assertGreater(x["version"], version)

    def test_csv(self):
        r = self.expect(self.s.get(self.path + "/trials", headers={"Accept": "text/csv"}), 200)
        self.assertTrue(r.headers["Content-Type"].startswith("text/csv"))
        rows = list(csv.DictReader(io.StringIO(r.text, newline="")))
        self.assertEqual(len(rows), 23)
        self.assertEqual((rows[0]["lr"], rows[0]["optimizer"], rows[0]["layers"]), ("0.01", "adam", "1"))
        self.assertEqual(float(rows[5]["loss"]), (5 * 7) % 23)
        self.assertEqual(rows[22]["state"], "failed")
        self.assertEqual(rows[22]["loss"], "")

    def test_csv_pages(self):
        url, n = self.path + "/trials?limit=10&sort=rank", 0
        while url:
            r = self.expect(self.s.get(url, headers={"Accept": "text/csv"}), 200)
            n += len(list(csv.DictReader(io.StringIO(r.text, newline=""))))
            link = r.headers["Link"]
            url = link[1:link.index(">")] if link else None
        self.assertEqual(n, 20)

    def test_pages_while_trials_are_added(self):
        path = self.create("growing")
        self.ask(path, "w0", count=5)
        seen, cursor, i = [], "", 0
        while cursor is not None and i < 20:
            page = self.s.get(f"{path}/trials?limit=2&continue={cursor}").json
            seen += [t["number"] for t in page["items"]]
            i += 1
            if i < 5:
                self.ask(path, f"w{i}")
            cursor = page.get("continue")
        self.assertEqual(seen, sorted(set(seen)))
        self.assertEqual(seen[:5], [1, 2, 3, 4, 5])

    def test_pareto(self):
        objectives = [{"metric": "loss", "direction": "minimize"}, {"metric": "acc", "direction": "maximize"}]
        path = self.create("pareto", objectives=objectives)
        points = [(1, 1), (2, 5), (3, 4), (4, 9), (5, 9), (0.5, 0.5)]
        self.expect(self.s.post(path + "/trials", {"trials": [
            {"state": "succeeded", "parameters": GOOD, "values": {"loss": a, "acc": b}} for a, b in points]}), 201)
        best = self.s.get(path + "/best").json
        front = [(t["values"]["loss"], t["values"]["acc"]) for t in best["pareto"]]
        self.assertEqual(front, [(0.5, 0.5), (1, 1), (2, 5), (4, 9)])
        self.assertEqual(best["objectives"], ["loss", "acc"])
        self.assertEqual(best["trial"]["values"]["loss"], 0.5)


class Bring(ServerCase):
    def test_enqueue_is_tried_first(self):
        path = self.create("enqueue")
        r = self.expect(self.s.post(path + "/trials", {"parameters": GOOD}), 201)
        self.assertEqual(r.headers["Location"], path + "/trials/1")
        self.assertEqual((r.json["state"], r.json["source"], r.json["parameters"]), ("pending", "user", GOOD))
        (t,) = self.ask(path)
        self.assertEqual((t["number"], t["parameters"]), (1, GOOD))

    def test_checked_against_the_space(self):
        path = self.create("checked")
        for body, pointer in (
                ({"parameters": {**GOOD, "lr": 5}}, "/parameters/lr"),
                ({"parameters": {"lr": 0.01}}, "/parameters/layers"),
                ({"parameters": {**GOOD, "optimizer": "lion"}}, "/parameters/optimizer"),
                ({"parameters": {**GOOD, "momentum": 1}}, "/parameters/momentum"),
                ({"parameters": {**GOOD, "layers": 2.5}}, "/parameters/layers"),
                ({}, "/parameters"),
                ({"parameters": 3}, "/parameters"),
                ({"parameters": GOOD, "values": {"loss": 1}}, "/values"),
                ({"state": "succeeded", "parameters": GOOD}, "/values"),
                ({"trials": [{"parameters": GOOD}, {"parameters": {**GOOD, "lr": -1}}]}, "/trials/1/parameters/lr"),
                ({"trials": [{"parameters": GOOD}, {"state": "failed", "parameters": GOOD}]}, "/trials/1/state")):
            r = self.s.post(path + "/trials", body)
            self.problem(r, 422, "invalid")
            self.assertIn(pointer, r.codes(), r)
        self.assertEqual(self.s.get(path + "/trials").json["items"], [], "nothing was added")

    def test_import_does_not_use_the_budget(self):
        path = self.create("import", budget={"maxTrials": 1, "parallelTrials": 1})
        r = self.expect(self.s.post(path + "/trials", {"trials": [
            {"state": "succeeded", "parameters": GOOD, "values": {"loss": 0.5}},
            {"state": "succeeded", "parameters": {**GOOD, "lr": 0.02}, "values": {"loss": 0.25}}]}), 201)
        self.assertEqual([t["source"] for t in r.json["items"]], ["import", "import"])
        self.assertEqual(self.s.get(path + "/best").json["values"], {"loss": 0.25})
        self.assertEqual(len(self.ask(path)), 1)

    def test_no_room(self):
        path = self.create("room", budget={"maxTrials": 1, "parallelTrials": 1})
        self.expect(self.s.post(path + "/trials", {"parameters": GOOD}), 201)
        self.problem(self.s.post(path + "/trials", {"parameters": GOOD}), 409, "conflict")

    def test_retry(self):
        path = self.create("retry")
        (t,) = self.ask(path)
        one = f"{path}/trials/{t['number']}"
        p = self.problem(self.s.post(one + ":retry"), 409, "wrong-state")
        self.assertEqual(p["allowedActions"], ["kill"])
        self.expect(self.s.post(one + ":tell", {"state": "failed"}), 200)
        self.expect(self.s.post(one + ":retry"), 202)
        # The server that drives the experiment may not have heard of it yet: then fresh ones come first.
        workers = iter(range(2, 20))
        again = wait(lambda: next((x for x in self.ask(path, f"w{next(workers)}") if x["number"] == t["number"]), None), "it is given again")
        self.assertEqual((again["attempt"], again["parameters"]), (2, t["parameters"]))
        self.expect(self.s.post(one + ":tell", {"values": {"loss": 1}}), 200)
        self.problem(self.s.post(one + ":retry"), 409, "wrong-state")
        self.problem(self.s.post(one + ":kill"), 409, "wrong-state")


@unittest.skipUnless(shutil.which("curl"), "curl is not installed")
class Curl(ServerCase):
    """What a shell can do with nothing but curl."""

    def curl(self, *args, data=None):
        command = ["curl", "-fsS", "-m", "30", *args]
        return subprocess.run(command, input=data, capture_output=True, text=True, check=True, timeout=60).stdout

    def test_by_hand(self):
        base = f"http://127.0.0.1:{self.s.port}{API}"
        as_json, text = ("-H", "Content-Type: application/json"), ("-H", "Content-Type: text/plain")
        self.curl(*as_json, "--data-binary", "@-", base, data=json.dumps(document("by-hand")))
        asked = json.loads(self.curl(*as_json, "-d", '{"workerId": "shell"}', f"{base}/by-hand/trials:ask"))
        trial = f"{base}/by-hand/trials/{asked['trials'][0]['number']}"
        self.curl(*text, "--data", "loss=0.41 step=3", f"{trial}/metrics")
        self.curl("-X", "POST", f"{trial}/heartbeat")
        self.assertEqual(json.loads(self.curl(*as_json, "-d", "{}", f"{trial}:tell"))["values"], {"loss": 0.41})
        self.assertEqual(json.loads(self.curl(f"{base}/by-hand/best"))["values"], {"loss": 0.41})
        self.assertIn("0.41", self.curl("-H", "Accept: text/csv", f"{base}/by-hand/trials"))
        with self.assertRaises(subprocess.CalledProcessError):
            self.curl(f"{base}/nothing/best")

    def test_the_example(self):
        done = subprocess.run(["sh", os.path.join(ROOT, "examples/ask-tell/search.sh")], capture_output=True, text=True, timeout=120,
                              env={**os.environ, "TRIMTAB_SERVER": f"http://127.0.0.1:{self.s.port}", "TRIALS": "5"})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        status = self.s.get(API + "/branin").json["status"]
        self.assertEqual((status["state"], status["trialsSucceeded"]), ("succeeded", 5))


if __name__ == "__main__":
    unittest.main()
