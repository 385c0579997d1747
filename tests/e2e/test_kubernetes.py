# tier: full
"""Trials on Kubernetes, against an API server of our own making: what must be right at exact moments. The same on a
real cluster is in tests/cluster."""
import contextlib
import http.client
import json
import os
import subprocess
import time
import unittest

import fake_kube
import harness
from cluster import Cluster

API = harness.API
PRINTS = "i=0; while [ $i -lt 5 ]; do echo loss=$((10 - i)) step=$i; i=$((i + 1)); sleep 0.05; done"
PUSHES = ("import json, os, urllib.request\n"
          "for i in range(5):\n"
          "    urllib.request.urlopen(urllib.request.Request(os.environ['TRIMTAB_TRIAL_URL'] + '/metrics',\n"
          "        json.dumps({'loss': 10 - i, 'step': i}).encode(), {'Content-Type': 'application/json',\n"
          "        'Authorization': 'Bearer ' + os.environ['TRIMTAB_TOKEN']})).read()\n")
TO_FILE = ("rm -f $0; i=0; while [ $i -lt 20 ]; do echo loss=$((20 - i)) >> $0; printf 'step %d, ' $i; i=$((i + 1)); sleep 0.03; "
           "done; echo done; echo loss=0 >> $0; exit $1")
HANGS = "echo loss=1; sleep 600"


def document(name, script=PRINTS, trials=4, parallel=2, retry=None, trial=None, **spec):
    return {"apiVersion": "trimtab/v1", "kind": "Experiment", "metadata": {"name": name}, "spec": {
        "objectives": [{"metric": "loss", "direction": "minimize"}],
        "parameters": {"x": {"type": "double", "min": 0, "max": 1}},
        "algorithm": {"name": "random", "seed": 1},
        "budget": {"maxTrials": trials, "parallelTrials": min(parallel, trials)},
        "retry": retry or {"onLost": 0},
        "trial": {"executor": "kubernetes", "image": "example/trainer:1", "terminationGracePeriodSeconds": 1,
                  "metrics": {"collector": "stdout"},
                  "command": ["/bin/sh", "-c", script], **(trial or {})}, **spec}}


def as_manifest(trial):
    """The same trial with the whole Job written out."""
    job = {"apiVersion": "batch/v1", "kind": "Job", "spec": {"backoffLimit": 0, "template": {"spec": {
        "restartPolicy": "Never", "terminationGracePeriodSeconds": trial["terminationGracePeriodSeconds"],
        "containers": [{"name": "main", "image": trial.pop("image"), "command": trial.pop("command")}]}}}}
    return {**trial, "manifest": job}


class KubernetesCase(unittest.TestCase):
    flags = ()

    @classmethod
    def setUpClass(cls):
        cls.kube = fake_kube.Cluster()
        cls.addClassCleanup(cls.kube.close)
        cls.s = cls.server()
        cls.s.__enter__()

    @classmethod
    def server(cls):
        return harness.Server("--runner", "kubernetes", "--kubeconfig", cls.kube.kubeconfig, *cls.flags)

    @classmethod
    def tearDownClass(cls):
        cls.s.stop()
        log = cls.s.log()
        cls.s.__exit__(None)
        assert "kube-token-that-stays-secret" not in log and "tt_" not in log, "secrets stay out of the log"

    def setUp(self):
        self.kube.rules.clear()
        self.kube.schedule = True
        self.kube.silent.clear()

    def create(self, name, *args, manifest=False, **more):
        doc = document(name, *args, **more)
        if manifest:
            doc["spec"]["trial"] = as_manifest(doc["spec"]["trial"])
        answer = self.s.post(API, doc)
        self.assertEqual(answer.status, 201, answer)

    def status(self, name):
        return self.s.get(f"{API}/{name}").json["status"]

    def trials(self, name):
        return self.s.get(f"{API}/{name}/trials?limit=1000").json["items"]

    def trial(self, name, number=1):
        return self.s.get(f"{API}/{name}/trials/{number}").json

    def until(self, condition, what, deadline=60, name=None):
        return harness.wait(condition, lambda: f"{what}\n{name and self.trials(name)}\n{self.s.log()[-3000:]}", deadline)

    def await_end(self, name, state="succeeded", deadline=60):
        self.until(lambda: self.status(name)["state"] in ("succeeded", "failed", "stopped"), f"{name} ends", deadline)
        self.assertEqual(self.status(name)["state"], state, self.trials(name))

    def await_trial(self, name, state, number=1, deadline=60):
        return self.until(lambda: (t := self.trial(name, number)).get("state") == state and t,
                          f"trial {number} of {name} becomes {state}", deadline, name)

    def objects(self, resource, name, ns="default"):
        """Those of an experiment."""
        return [o for o in self.kube.all(resource, ns) if o["metadata"]["labels"].get("trimtab.dev/experiment") == name]

    def nothing_left(self, name, ns="default"):
        for resource in ("jobs", "pods", "secrets"):
            self.until(lambda r=resource: not self.objects(r, name, ns), f"no {resource} of {name} are left")

    def jobs_of(self, name):
        return [j for j in self.kube.made if j.startswith(f"{name}-")]

    def once(self, name, n):
        made = self.jobs_of(name)
        self.assertEqual(len(made), n, made)
        self.assertEqual(len(set(made)), n, f"each attempt has one Job: {made}")


class Life(KubernetesCase):
    def test_metrics_from_logs(self):
        self.create("printed")
        self.await_end("printed")
        for t in self.trials("printed"):
            self.assertEqual((t["state"], t["values"]), ("succeeded", {"loss": 6}), t)
        points = self.s.get(f"{API}/printed/trials/1/metrics?metric=loss").json["items"][0]["points"]
        self.assertEqual(points, [[i, 10 - i] for i in range(5)])
        log = self.s.get(f"{API}/printed/trials/1/logs")
        self.assertEqual(log.text, "".join(f"loss={10 - i} step={i}\n" for i in range(5)))
        self.once("printed", 4)
        self.nothing_left("printed")

    def test_place_of_an_ended_program(self):
        """The next program waits for the last words of one that ended only if they decide what it is."""
        def refuse(method, resource, *_):
            if (method, resource) == ("GET", "pods"):
                raise fake_kube.Refusal(500, "InternalError", "the kubelet does not answer")
        for name, algorithm, meanwhile in (("foreseen", "random", 2), ("learnt", "tpe", 1)):
            with self.subTest(algorithm):
                self.kube.rules.append(refuse)
                self.create(name, "echo loss=1", trials=3, parallel=1, algorithm={"name": algorithm})
                self.until(lambda: len(self.jobs_of(name)) == meanwhile, "as many are made", name=name)
                asked = len(self.kube.requests)
                self.until(lambda: sum("/log?" in r and "follow" not in r for r in self.kube.requests[asked:]) > 3,
                           "the end of its log is asked for")
                self.assertEqual(len(self.jobs_of(name)), meanwhile)
                self.assertEqual(self.trial(name)["state"], "running")
                self.kube.rules.clear()
                self.await_end(name)
                self.assertEqual([t["values"] for t in self.trials(name)], [{"loss": 1}] * 3)
                self.once(name, 3)
                self.nothing_left(name)

    def test_manifest(self):
        self.create("written", manifest=True)
        self.await_end("written")
        self.assertEqual([t["values"] for t in self.trials("written")], [{"loss": 6}] * 4)
        self.nothing_left("written")

    def from_file(self, name, code=0, trials=2, **more):
        path = os.path.join(self.kube.folder, name, "${trial.number}.txt")
        self.create(name, trials=trials, trial={"metrics": {"collector": "file", "path": path},
                                                "command": ["/bin/sh", "-c", TO_FILE, path, str(code)]}, **more)

    def test_metrics_from_a_file(self):
        """All of them, each once, with the steps of their lines; the log is what the program printed."""
        for manifest in (False, True):
            name = f"filed-{manifest}".lower()
            self.from_file(name, manifest=manifest)
            self.await_end(name)
            for t in self.trials(name):
                self.assertEqual((t["state"], t["values"]), ("succeeded", {"loss": 0}), t)
                points = self.s.get(f"{API}/{name}/trials/{t['number']}/metrics?metric=loss").json["items"][0]["points"]
                self.assertEqual(points, [[i, 20 - i] for i in range(21)])
                log = self.s.get(f"{API}/{name}/trials/{t['number']}/logs")
                self.assertEqual(log.text, "".join(f"step {i}, " for i in range(20)) + "done\n")
            self.nothing_left(name)

    def test_exit_code_beside_a_file(self):
        self.from_file("filed-wrong", 3, trials=1)
        t = self.await_trial("filed-wrong", "failed")
        self.assertEqual((t["exitCode"], t["reason"]), (3, "Error"), t)
        self.assertIn("done", t["message"])

    def test_a_file_needs_a_command(self):
        answer = self.s.post(API, document("entry", trial={"command": None, "metrics": {"collector": "file", "path": "m"}}))
        self.assertEqual((answer.status, [e["pointer"] for e in answer.json["errors"]]), (422, ["/spec/trial/command"]), answer)

    def test_metrics_by_push(self):
        self.create("pushed", trial={"command": ["/usr/bin/python3", "-c", PUSHES], "metrics": {"collector": "push"}})
        job = self.until(lambda: self.objects("jobs", "pushed"), "a Job is there")[0]
        secret = self.until(lambda: self.objects("secrets", "pushed"), "a Secret is there")[0]
        self.await_end("pushed")
        self.assertEqual([t["values"] for t in self.trials("pushed")], [{"loss": 6}] * 4)
        self.assertIn("tt_", json.dumps(secret))
        self.assertNotIn('"tt_', json.dumps(job))
        self.nothing_left("pushed")

    def test_object_and_labels(self):
        self.create("labelled", HANGS, trials=1)
        t = self.await_trial("labelled", "running")
        job, pod = self.objects("jobs", "labelled")[0], self.objects("pods", "labelled")[0]
        self.assertEqual(t["object"]["name"], job["metadata"]["name"])
        self.assertEqual(t["object"]["uid"], job["metadata"]["uid"])
        self.assertEqual(t["object"]["pod"], pod["metadata"]["name"])
        for labels in (job["metadata"]["labels"], pod["metadata"]["labels"]):
            self.assertEqual(labels["app.kubernetes.io/managed-by"], "trimtab")
            self.assertEqual(labels["trimtab.dev/experiment"], "labelled")
            self.assertEqual(labels["trimtab.dev/number"], "1")
        owner = self.until(lambda: self.objects("secrets", "labelled")[0]["metadata"].get("ownerReferences"), "the Secret is owned")
        self.assertEqual(owner[0]["uid"], job["metadata"]["uid"])
        self.s.post(f"{API}/labelled/cancel")
        self.nothing_left("labelled")

    def test_cancel(self):
        self.create("cancelled", HANGS)
        self.await_trial("cancelled", "running", 2)
        self.assertEqual(self.s.post(f"{API}/cancelled/cancel").status, 202)
        self.await_end("cancelled", "stopped")
        self.assertEqual({t["state"] for t in self.trials("cancelled")}, {"killed"})
        self.nothing_left("cancelled")

    def test_stopped_early(self):
        script = ('n=$TRIMTAB_TRIAL_NUMBER; i=0; while [ $i -lt 8 ]; do echo loss=$((n * 100 - i)) step=$i; '
                  'i=$((i + 1)); sleep 0.05; done; [ $n -le 3 ] || sleep 600')
        self.create("early", script, trials=5, parallel=1,
                    earlyStopping={"name": "medianstop", "settings": {"min_trials_required": 2, "start_step": 2}})
        self.await_end("early")
        self.assertEqual([t["state"] for t in self.trials("early")][3:], ["early_stopped"] * 2)
        self.nothing_left("early")

    def test_logs_follow(self):
        self.create("followed", "for i in 1 2 3 4 5 6; do echo line $i loss=$i; sleep 0.3; done", trials=1)
        self.await_trial("followed", "running")
        out = subprocess.run([harness.BIN, "logs", "-f", "followed/1"], stdout=subprocess.PIPE, text=True, timeout=60,
                             env={**os.environ, "TRIMTAB_SERVER": f"http://127.0.0.1:{self.s.port}"}, check=True)
        self.assertEqual(out.stdout, "".join(f"line {i} loss={i}\n" for i in range(1, 7)))

    def test_retained(self):
        self.create("kept", trials=1, trial={"retain": True})
        self.await_end("kept")
        self.until(lambda: "Complete" in json.dumps(self.objects("jobs", "kept")), "the Job completes")
        self.s.kill()
        self.s.start()          # looks for what nobody needs
        self.create("after", trials=1)
        self.await_end("after")
        self.nothing_left("after")
        self.assertEqual(len(self.objects("jobs", "kept")), 1)


class Reasons(KubernetesCase):
    flags = ("--start-deadline", "2s")

    def test_exit_code(self):
        self.create("broken", "echo starting; echo no data >&2; exit 3", trials=1)
        t = self.await_trial("broken", "failed")
        self.assertEqual(t["exitCode"], 3)
        self.assertIn("no data", t["message"])

    def test_image(self):
        self.create("imageless", trials=1, trial={"image": "absent/trainer:1"})
        t = self.await_trial("imageless", "failed")
        self.assertEqual(t["reason"], "ImagePullBackOff")
        self.assertIn("absent/trainer:1", t["message"])
        self.nothing_left("imageless")

    def test_unschedulable(self):
        self.kube.schedule = False
        self.create("homeless", trials=1)
        t = self.await_trial("homeless", "failed")
        self.assertEqual(t["reason"], "Unschedulable")
        self.assertIn("0/1 nodes", t["message"])
        self.nothing_left("homeless")

    def test_timeout(self):
        self.create("slow", HANGS, trials=1, trial={"timeout": "2s"})
        t = self.await_trial("slow", "failed")
        self.assertRegex(t["reason"], "Timeout|DeadlineExceeded")

    def test_forbidden(self):
        for verb, resource in (("create", "jobs"), ("create", "secrets"), ("list", "pods"), ("list", "jobs")):
            with self.subTest(verb=verb, resource=resource):
                ns = f"no-{verb}-{resource}"
                self.kube.forbid(verb, resource, ns)
                self.create(ns, trials=1, trial={"namespace": ns})
                t = self.await_trial(ns, "failed")
                self.assertEqual(t["reason"], "Forbidden")
                for word in (verb, resource, ns):
                    self.assertIn(word, t["message"])
                self.nothing_left(ns, ns)

    def test_log_forbidden(self):
        """The trial runs on; its message and one event say why nothing is heard of it."""
        rule = self.kube.forbid("get", "pods")
        self.create("unheard", "echo loss=1; sleep 3", trials=1)
        t = self.until(lambda: (t := self.trial("unheard")).get("reason") == "LogForbidden" and t, "the reason is told")
        self.assertEqual(t["state"], "running")
        self.assertIn("may not get pods/log", t["message"])
        self.until(lambda: sum("/log?" in r for r in self.kube.requests) > 3, "it asks again")
        self.kube.rules.remove(rule)
        self.await_end("unheard")
        self.assertEqual(self.trial("unheard")["values"], {"loss": 1})
        events = [e for e in self.s.get(f"{API}/unheard/events").json["items"] if e["reason"] == "LogForbidden"]
        self.assertEqual(len(events), 1, events)

    def test_quota(self):
        self.kube.quota("jobs", 2)
        self.create("rationed", trials=6, parallel=4)
        waiting = self.until(lambda: [t for t in self.trials("rationed") if t.get("reason") == "QuotaExceeded"], "trials wait")
        self.assertEqual(waiting[0]["state"], "starting")
        self.assertIn("exceeded quota", waiting[0]["message"])
        self.await_end("rationed", deadline=120)
        self.once("rationed", 6)

    def test_quota_of_pods(self):
        rule = self.kube.quota("pods", 0)
        self.create("podless", trials=1)
        t = self.until(lambda: (t := self.trial("podless")).get("reason") == "QuotaExceeded" and t, "the reason is told")
        self.assertEqual(t["state"], "starting")
        self.kube.rules.remove(rule)


class Replicas(KubernetesCase):
    """The log of a run that another server drives comes from its pod."""
    @classmethod
    def setUpClass(cls):
        cls.postgres = Cluster(fsync=False).start()
        cls.addClassCleanup(cls.postgres.__exit__)
        cls.database = cls.postgres.create("replicas")
        super().setUpClass()
        cls.other = cls.server()
        cls.other.__enter__()
        cls.addClassCleanup(cls.other.__exit__, None)

    @classmethod
    def server(cls):
        return harness.Server("--runner", "kubernetes", "--kubeconfig", cls.kube.kubeconfig, database=cls.database)

    def logs(self, name, query=""):
        """Of both servers."""
        return [s.get(f"{API}/{name}/trials/1/logs{query}").text for s in (self.s, self.other)]

    def test_log_of_a_run_elsewhere(self):
        self.create("shared", "for i in 1 2 3; do echo line $i; done; echo loss=1; sleep 4; echo over", trials=1)
        self.await_trial("shared", "running")
        begun = "line 1\nline 2\nline 3\nloss=1\n"
        self.until(lambda: self.logs("shared") == [begun] * 2, "both have it")
        self.assertEqual(self.logs("shared", "?tail=2"), ["line 3\nloss=1\n"] * 2)
        self.assertEqual(self.logs("shared", "?offset=9"), [begun[9:]] * 2)
        self.assertEqual(self.logs("shared", "?follow=true"), [begun + "over\n"] * 2)
        self.await_end("shared")
        self.nothing_left("shared")
        answers = sorted(s.get(f"{API}/shared/trials/1/logs").status for s in (self.s, self.other))
        self.assertEqual(answers, [200, 404])

    def test_marked_lines_are_no_log(self):
        path = os.path.join(self.kube.folder, "shared.txt")
        self.create("shared-file", trials=1, trial={"metrics": {"collector": "file", "path": path}, "command": [
            "/bin/sh", "-c", "echo loss=3 > $0; echo one; sleep 3; echo loss=2 >> $0; echo two", path]})
        self.await_trial("shared-file", "running")
        self.assertEqual(self.logs("shared-file", "?follow=true"), ["one\ntwo\n"] * 2)


class Faults(KubernetesCase):
    def test_job_deleted_by_somebody(self):
        """Whether its end or that of its pod is told first, and though nobody can say for a while which it is."""
        refused = []

        def refuse(method, resource, _ns, name, _body):
            if (method, resource) == ("GET", "jobs") and name and len(refused) < 2:
                refused.append(name)
                raise fake_kube.Refusal(500, "InternalError", "etcd does not answer")
        for name, silent, rules in (("deleted", (), []), ("vanished", ("jobs",), []), ("unsure", ("jobs",), [refuse])):
            with self.subTest(name):
                self.create(name, "[ $TRIMTAB_ATTEMPT = 2 ] || sleep 600; echo loss=1", trials=1, retry={"onLost": 1})
                self.await_trial(name, "running")
                self.kube.silent.update(silent)
                self.kube.rules.extend(rules)
                self.kube.delete("jobs", "default", self.jobs_of(name)[0])
                self.await_end(name)
                self.kube.silent.clear()
                self.kube.rules.clear()
                self.assertEqual(self.trial(name)["attempt"], 2)
                events = self.s.get(f"{API}/{name}/events").json["items"]
                self.assertTrue(any(e["reason"] == "Deleted" for e in events), events)
                self.once(name, 2)
                self.nothing_left(name)
        self.assertEqual(len(refused), 2)

    def test_pod_that_goes_slowly(self):
        """Its Job has decided before its program has ended: another attempt does not meet that."""
        self.create("slowly", "[ $TRIMTAB_ATTEMPT = 2 ] || { trap '' TERM; sleep 600; }; echo loss=1", trials=1,
                    retry={"onLost": 1}, trial={"terminationGracePeriodSeconds": 2})
        self.await_trial("slowly", "running")
        pod = self.objects("pods", "slowly")[0]["metadata"]["name"]
        job = self.kube.get("jobs", "default", self.jobs_of("slowly")[0])
        self.kube.delete("pods", "default", pod)
        self.kube.finish_job(job, "FailureTarget", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
        self.until(lambda: len(self.jobs_of("slowly")) == 2, "it is tried again")
        self.assertNotIn((pod, "Running"), [(p["metadata"]["name"], p["status"]["phase"]) for p in self.kube.all("pods")])
        self.await_end("slowly")
        self.assertEqual(self.trial("slowly")["attempt"], 2)

    def test_api_server_restarts(self):
        self.create("outage", trials=8, parallel=3)
        self.await_trial("outage", "succeeded", 1)
        self.kube.stop_serving()
        time.sleep(1)
        self.kube.start()
        self.await_end("outage")
        self.assertEqual([t.get("values") for t in self.trials("outage")], [{"loss": 6}] * 8, [(t["state"], t["reason"], t["message"]) for t in self.trials("outage")])
        self.once("outage", 8)
        self.nothing_left("outage")

    def test_api_server_hangs(self):
        self.create("paused", trials=6, parallel=3)
        self.await_trial("paused", "succeeded", 1)
        self.kube.hold.clear()
        time.sleep(2)
        self.kube.hold.set()
        self.await_end("paused")
        self.once("paused", 6)

    def test_name_taken(self):
        self.kube.hold.clear()
        self.create("taken", trials=1)
        name = self.until(lambda: self.trials("taken"), "a trial is there")[0]["name"]
        self.kube.put("jobs", "default", {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name},
                                          "spec": {"template": {"spec": {"containers": [{
                                              "name": "c", "image": "i", "command": ["sleep", "60"]}]}}}})
        self.kube.hold.set()
        t = self.await_trial("taken", "failed")
        self.assertEqual(t["reason"], "NameTaken")
        self.assertTrue([j for j in self.kube.all("jobs") if j["metadata"]["name"] == name], "the other's Job is left alone")


class Crash(KubernetesCase):
    POINTS = ("before-launch:2", "after-launch:2", "kube-create-sent:2", "kube-created:2",
              "run-started:2", "kube-ended:2", "run-ended:2", "trials-moved:2", "trials-moved:3", "trials-moved:4")

    def test_killed_and_started_again(self):
        self.create("adopted", trials=6, parallel=3, script="for i in 0 1 2 3 4 5 6 7; do echo loss=$i; sleep 0.2; done")
        self.await_trial("adopted", "running", 2)
        self.s.kill()
        time.sleep(0.5)
        self.s.start()
        self.await_end("adopted")
        for t in self.trials("adopted"):
            self.assertEqual((t["state"], t["attempt"]), ("succeeded", 1))
            points = self.s.get(f"{API}/adopted/trials/{t['number']}/metrics?metric=loss").json["items"][0]["points"]
            self.assertEqual(points, [[i, i] for i in range(8)])
        self.once("adopted", 6)
        self.nothing_left("adopted")

    def test_named_points(self):
        for i, point in enumerate(self.POINTS):
            with self.subTest(point=point):
                self.s.stop()
                self.s.environment["TRIMTAB_FAILPOINT"] = point
                self.s.start()
                with contextlib.suppress(ConnectionError, http.client.HTTPException):
                    self.create(f"dies-{i}", trials=4)
                self.until(lambda: self.s.process.poll() is not None, f"the server dies at {point}")
                self.assertEqual(self.s.process.returncode, -9)
                self.s.close()
                del self.s.environment["TRIMTAB_FAILPOINT"]
                self.s.start()
                self.await_end(f"dies-{i}")
                self.assertEqual({(t["state"], t["attempt"]) for t in self.trials(f"dies-{i}")}, {("succeeded", 1)})
                self.once(f"dies-{i}", 4)
                self.nothing_left(f"dies-{i}")

    def test_quotas_filled_by_what_a_killed_server_made(self):
        """A quota refuses what exists already: it is asked before it is looked whether it does."""
        things = ("jobs", "secrets", "persistentvolumeclaims")
        self.s.stop()
        self.s.environment["TRIMTAB_FAILPOINT"] = "kube-created:1"
        self.s.start()
        for resource in things:
            self.kube.quota(resource, 1)
        with contextlib.suppress(ConnectionError, http.client.HTTPException):
            self.create("full", trials=2, parallel=1, trial={"checkpoints": {"size": "1Gi"}})
        self.until(lambda: self.s.process.poll() is not None, "the server dies")
        self.s.close()
        del self.s.environment["TRIMTAB_FAILPOINT"]
        self.assertEqual([len(self.kube.all(resource)) for resource in things], [1, 1, 1])
        self.s.start()
        self.await_end("full")
        self.assertEqual({(t["state"], t["attempt"]) for t in self.trials("full")}, {("succeeded", 1)})
        self.once("full", 2)
        self.nothing_left("full")
        self.kube.remove("persistentvolumeclaims", "default", self.kube.all("persistentvolumeclaims")[0]["metadata"]["name"])

    def test_cancelled_while_no_server_runs(self):
        self.create("orphaned", HANGS, trials=1)
        self.await_trial("orphaned", "running")
        self.s.kill()
        self.kube.delete("jobs", "default", self.jobs_of("orphaned")[0])
        self.s.start()
        self.await_trial("orphaned", "lost")
        self.nothing_left("orphaned")


if __name__ == "__main__":
    unittest.main()
