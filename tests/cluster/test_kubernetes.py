# tier: full
"""Experiments on a real cluster, from the document to the best trial, and what may go wrong on the way."""
import json
import os
import subprocess
import sys
import time
import unittest

import kube

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import harness                  # noqa: E402  pylint: disable=wrong-import-position

TIMEOUT = 3600
API = harness.API
IMAGE, PYTHON = kube.Cluster.images.BUSYBOX, kube.Cluster.images.PYTHON
PRINTS = "i=0; while [ $i -lt 5 ]; do echo loss=$((10 - i)) step=$i; i=$((i + 1)); sleep 0.05; done"
SLOWLY = "i=0; while [ $i -lt 40 ]; do echo loss=$((100 - i)) step=$i; i=$((i + 1)); sleep 0.25; done"
HANGS = "echo loss=1; exec sleep 600"
ONCE_LOST = '[ "$TRIMTAB_ATTEMPT" = 2 ] || { echo loss=2; exec sleep 600; }; echo loss=1'
PUSHES = """
import json, os, urllib.request
for i in range(5):
    urllib.request.urlopen(urllib.request.Request(os.environ["TRIMTAB_TRIAL_URL"] + "/metrics",
        json.dumps({"loss": 10 - i, "step": i}).encode(), {"Content-Type": "application/json",
        "Authorization": "Bearer " + os.environ["TRIMTAB_TOKEN"]})).read()
"""


def document(name, script=PRINTS, trials=4, parallel=2, retry=None, trial=None, **spec):
    return {"apiVersion": "trimtab/v1", "kind": "Experiment", "metadata": {"name": name}, "spec": {
        "objectives": [{"metric": "loss", "direction": "minimize"}],
        "parameters": {"x": {"type": "double", "min": 0, "max": 1}},
        "algorithm": {"name": "random", "seed": 1},
        "budget": {"maxTrials": trials, "parallelTrials": min(parallel, trials)},
        "retry": retry or {"onLost": 0},
        "trial": {"executor": "kubernetes", "image": IMAGE, "terminationGracePeriodSeconds": 1,
                  "metrics": {"collector": "stdout"},
                  "command": ["sh", "-c", script], **(trial or {})}, **spec}}


class TrialsCase(kube.ClusterCase):
    """A server on this machine, whose pods reach it at the cluster's link."""
    flags = ()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        port = harness.free_port()
        cls.s = harness.Server("--listen", f"0.0.0.0:{port}", "--insecure", "--runner", "kubernetes",
                               "--kubeconfig", cls.cluster.kubeconfig,
                               "--trials-url", f"http://{cls.cluster.below}:{port}", *cls.flags, port=port)
        cls.s.start()
        cls.addClassCleanup(cls.s.__exit__, None)

    def create(self, name, *args, **more):
        answer = self.s.post(API, document(name, *args, **more))
        self.assertEqual(answer.status, 201, answer)

    def status(self, name):
        return self.s.get(f"{API}/{name}").json["status"]

    def trials(self, name):
        return self.s.get(f"{API}/{name}/trials?limit=1000").json["items"]

    def trial(self, name, number=1):
        return self.s.get(f"{API}/{name}/trials/{number}").json

    def points(self, name, number):
        return self.s.get(f"{API}/{name}/trials/{number}/metrics?metric=loss").json["items"][0]["points"]

    def until(self, condition, what, deadline=120, name=None):
        return harness.wait(condition, lambda: f"{what}\n{name and json.dumps(self.trials(name))}\n{self.s.log()[-3000:]}\n"
                            f"{self.in_the_cluster()}", deadline, every=0.1)

    def in_the_cluster(self):
        try:
            return self.c.kubectl("get", "jobs,pods,resourcequotas", "--all-namespaces", "-o", "wide")
        except AssertionError as e:
            return str(e)

    def await_end(self, name, state="succeeded", deadline=180):
        self.until(lambda: self.status(name)["state"] in ("succeeded", "failed", "stopped"), f"{name} ends", deadline, name)
        self.assertEqual(self.status(name)["state"], state, self.trials(name))

    def await_trial(self, name, state, number=1, deadline=120):
        return self.until(lambda: (t := self.trial(name, number)).get("state") == state and t,
                          f"trial {number} of {name} becomes {state}", deadline, name)

    def objects(self, resource, name, namespace="default"):
        said = self.c.kubectl("get", resource, "-n", namespace, "-l", f"trimtab.dev/experiment={name}", "-o", "json")
        return json.loads(said)["items"]

    def nothing_left(self, name, namespace="default"):
        for resource in ("jobs", "pods", "secrets"):
            self.until(lambda r=resource: not self.objects(r, name, namespace), f"no {resource} of {name} are left")

    def cancel(self, name):
        self.assertEqual(self.s.post(f"{API}/{name}/cancel").status, 202)
        self.await_end(name, "stopped")
        self.assertEqual({t["state"] for t in self.trials(name)}, {"killed"})
        self.nothing_left(name)

    def made(self, name, namespace="default"):
        """How often each Job's controller made a pod, from the cluster's own events."""
        events = json.loads(self.c.kubectl("get", "events", "-n", namespace, "-o", "json"))["items"]
        pods = [(e["involvedObject"]["name"], e["message"]) for e in events
                if e["reason"] == "SuccessfulCreate" and e["involvedObject"]["name"].startswith(f"{name}-")]
        return sorted(job for job, _ in set(pods))

    def once(self, name, n):
        made = self.made(name)
        self.assertEqual((len(made), len(set(made))), (n, n), f"one Job and one pod for each attempt: {made}")


class Life(TrialsCase):
    def test_metrics_from_logs(self):
        self.create("printed")
        self.await_end("printed")
        self.assertEqual([t["values"] for t in self.trials("printed")], [{"loss": 6}] * 4)
        for n in range(1, 5):
            self.assertEqual(self.points("printed", n), [[i, 10 - i] for i in range(5)])
            log = self.s.get(f"{API}/printed/trials/{n}/logs")
            self.assertEqual(log.text, "".join(f"loss={10 - i} step={i}\n" for i in range(5)))
        self.nothing_left("printed")
        self.once("printed", 4)

    def test_metrics_by_push(self):
        self.create("pushed", trial={"image": PYTHON, "command": ["python3", "-c", PUSHES],
                                     "metrics": {"collector": "push"}})
        self.await_end("pushed")
        self.assertEqual([t["values"] for t in self.trials("pushed")], [{"loss": 6}] * 4)
        self.assertNotIn("tt_", self.s.log())
        self.nothing_left("pushed")

    def test_cancel(self):
        self.create("cancelled", HANGS)
        self.await_trial("cancelled", "running", 2)
        self.cancel("cancelled")

    def test_stopped_early(self):
        script = ("n=$TRIMTAB_TRIAL_NUMBER; i=0; while [ $i -lt 8 ]; do echo loss=$((n * 100 - i)) step=$i; "
                  "i=$((i + 1)); sleep 0.05; done; [ $n -le 3 ] || exec sleep 600")
        self.create("early", script, trials=5, parallel=1,
                    earlyStopping={"name": "medianstop", "settings": {"min_trials_required": 3, "start_step": 2}})
        self.await_end("early")
        self.assertEqual([t["state"] for t in self.trials("early")], ["succeeded"] * 3 + ["early_stopped"] * 2)
        self.nothing_left("early")

    def test_logs_follow(self):
        self.create("followed", "i=1; while [ $i -le 6 ]; do echo line $i loss=$i; i=$((i + 1)); sleep 0.3; done", trials=1)
        self.until(lambda: self.trial("followed").get("startedAt"), "it runs, or has run")
        out = subprocess.run([harness.BIN, "logs", "-f", "followed/1"], stdout=subprocess.PIPE, text=True, timeout=60,
                             env={**os.environ, "TRIMTAB_SERVER": f"http://127.0.0.1:{self.s.port}"}, check=True)
        self.assertEqual(out.stdout, "".join(f"line {i} loss={i}\n" for i in range(1, 7)))

    def test_taken_over_after_a_kill(self):
        self.create("adopted", SLOWLY, trials=4, parallel=2)
        self.await_trial("adopted", "running", 2)
        self.s.kill()
        time.sleep(2)           # while nobody looks, one trial prints on
        self.s.start()
        self.await_end("adopted")
        for t in self.trials("adopted"):
            self.assertEqual((t["state"], t["attempt"]), ("succeeded", 1), t)
            self.assertEqual(self.points("adopted", t["number"]), [[i, 100 - i] for i in range(40)])
        self.once("adopted", 4)
        self.nothing_left("adopted")


class Reasons(TrialsCase):
    flags = ("--start-deadline", "5s")

    def fails(self, name, *args, **more):
        self.create(name, *args, trials=1, **more)
        t = self.await_trial(name, "failed")
        self.nothing_left(name)
        return t

    def test_exit_code(self):
        t = self.fails("broken", "echo starting; echo no data >&2; exit 3")
        self.assertEqual(t["exitCode"], 3)
        self.assertIn("no data", t["message"])

    def test_image(self):
        t = self.fails("imageless", trial={"image": "registry.invalid/absent:1"})
        self.assertRegex(t["reason"], "ImagePullBackOff|ErrImagePull")
        self.assertIn("registry.invalid/absent:1", t["message"])

    def test_unschedulable(self):
        t = self.fails("homeless", trial={"resources": {"cpu": "1000"}})
        self.assertEqual(t["reason"], "Unschedulable")
        self.assertIn("cpu", t["message"].lower())

    def test_timeout(self):
        t = self.fails("slow", HANGS, trial={"timeout": "3s"})
        self.assertRegex(t["reason"], "Timeout|DeadlineExceeded")

    def test_memory(self):
        t = self.fails("greedy", trial={"image": PYTHON, "resources": {"memory": "32Mi"},
                                        "command": ["python3", "-c", "x = bytearray(1 << 29); print(len(x))"]})
        self.assertRegex(t["reason"], "OutOfMemory|OOMKilled")

    def test_forbidden(self):
        """An account that may do nothing: each is told, nothing hangs."""
        namespace = self.c.namespace("locked")
        config = self.c.account("nobody", "locked", [])
        server = harness.Server("--runner", "kubernetes", "--kubeconfig", config)
        with server:
            answer = server.post(API, document("forbidden", trials=1, trial={"namespace": "locked"}))
            self.assertEqual(answer.status, 201, answer)
            t = harness.wait(lambda: (t := server.get(f"{API}/forbidden/trials/1").json).get("state") == "failed" and t,
                             lambda: f"the trial fails: {server.log()[-2000:]}", 60)
        self.assertEqual(t["reason"], "Forbidden")
        self.assertIn("locked", t["message"])
        del namespace

    def test_quota(self):
        self.c.namespace("rationed")
        self.c.quota("rationed", {"count/jobs.batch": "2"})
        self.create("rationed", trials=5, parallel=4, trial={"namespace": "rationed"})
        waiting = self.until(lambda: [t for t in self.trials("rationed") if t.get("reason") == "QuotaExceeded"], "trials wait")
        self.assertEqual(waiting[0]["state"], "starting")
        self.assertIn("exceeded quota", waiting[0]["message"])
        self.await_end("rationed")


class Faults(TrialsCase):
    """The cluster is hurt, and made well again, while trials run."""

    def tearDown(self):
        self.c.mend()

    def test_job_deleted_by_somebody(self):
        self.create("deleted", ONCE_LOST, trials=1, retry={"onLost": 1})
        t = self.await_trial("deleted", "running")
        self.c.kubectl("delete", "job", t["object"]["name"], "--wait=false")
        self.await_end("deleted")
        self.assertEqual(self.trial("deleted")["attempt"], 2)
        events = self.s.get(f"{API}/deleted/events").json["items"]
        self.assertTrue(any(e["reason"] == "Deleted" for e in events), events)
        self.once("deleted", 2)

    def await_pod_after(self, pod, name):
        """The Job itself gives it a successor: the attempt goes on in that."""
        self.until(lambda: [p for p in self.objects("pods", name)
                            if p["metadata"]["name"] != pod and p["status"]["phase"] == "Running"], f"{pod} is replaced")
        t = self.trial(name)
        self.assertEqual((t["state"], t["attempt"]), ("running", 1), t)
        self.cancel(name)

    def test_pod_evicted(self):
        self.create("evicted", ONCE_LOST, trials=1, retry={"onLost": 1})
        pod = self.await_trial("evicted", "running")["object"]["pod"]
        self.c.evict(pod, "default")
        if self.c.release.replaces:
            self.await_pod_after(pod, "evicted")
            return
        self.await_end("evicted")
        self.assertEqual(self.trial("evicted")["attempt"], 2)

    def test_api_server_killed(self):
        self.create("outage", SLOWLY, trials=4, parallel=2)
        self.await_trial("outage", "running", 2)
        self.c.part("kube-apiserver").kill()
        time.sleep(3)
        self.c.part("kube-apiserver").start()
        self.await_end("outage", deadline=300)
        for n in range(1, 5):
            self.assertEqual(self.points("outage", n), [[i, 100 - i] for i in range(40)])
        self.nothing_left("outage")

    def test_etcd_paused(self):
        self.create("stalled", SLOWLY, trials=4, parallel=2)
        self.await_trial("stalled", "running", 2)
        self.c.part("etcd").pause()
        time.sleep(10)
        self.c.part("etcd").resume()
        self.await_end("stalled", deadline=300)
        for n in range(1, 5):
            self.assertEqual(self.points("stalled", n), [[i, 100 - i] for i in range(40)])
        self.nothing_left("stalled")

    def test_kubelet_killed(self):
        self.create("unwatched", SLOWLY, trials=2, parallel=2)
        self.await_trial("unwatched", "running", 2)
        self.c.part("kubelet").kill()
        time.sleep(5)
        self.c.part("kubelet").start()
        self.await_end("unwatched", deadline=300)
        for n in (1, 2):
            self.assertEqual(self.points("unwatched", n), [[i, 100 - i] for i in range(40)])

    def test_node_that_says_nothing(self):
        """Its pods are given up, and their trials begin anew when there is a node again."""
        self.create("nodeless", ONCE_LOST, trials=1, retry={"onLost": 1},
                    trial={"tolerations": [{"key": "node.kubernetes.io/unreachable", "operator": "Exists",
                                            "effect": "NoExecute", "tolerationSeconds": 2}]})
        pod = self.await_trial("nodeless", "running")["object"]["pod"]
        self.addCleanup(self.c.neighbour_leaves)
        self.c.part("kubelet").kill()

        def lost():
            self.c.neighbour_beats()
            return len(self.objects("pods", "nodeless")) > 1 or self.trial("nodeless")["attempt"] == 2
        self.until(lost, "the trial is lost and tried again", 120, "nodeless")
        self.c.part("kubelet").start()
        if self.c.release.replaces:
            self.await_pod_after(pod, "nodeless")
            return
        self.await_end("nodeless")
        self.assertEqual(self.trial("nodeless")["attempt"], 2)


class Crash(TrialsCase):
    POINTS = ("before-launch:2", "kube-create-sent:2", "kube-created:2", "run-started:2", "kube-ended:2", "run-ended:2",
              "trials-moved:3")

    def dies(self, point, name, *args, **more):
        """The server does, at this point, when it is given this experiment; another one goes on."""
        self.s.stop()
        self.s.environment["TRIMTAB_FAILPOINT"] = point
        self.s.start()
        try:
            self.create(name, *args, **more)
        except OSError:
            pass
        self.until(lambda: self.s.process.poll() is not None, f"the server dies at {point}")
        self.assertEqual(self.s.process.returncode, -9)
        self.s.close()
        del self.s.environment["TRIMTAB_FAILPOINT"]
        self.s.start()
        self.await_end(name)
        self.assertEqual({(t["state"], t["attempt"]) for t in self.trials(name)}, {("succeeded", 1)})

    def test_named_points(self):
        for i, point in enumerate(self.POINTS):
            with self.subTest(point=point):
                name = f"dies-{i}"
                self.dies(point, name, trials=3)
                self.once(name, 3)
                self.nothing_left(name)

    def test_quota_filled_by_what_a_killed_server_made(self):
        """A quota refuses what exists already: it is asked before it is looked whether it does."""
        self.c.namespace("full")
        self.c.quota("full", {"count/jobs.batch": "1"})
        self.dies("kube-created:1", "full", trials=2, parallel=1, trial={"namespace": "full"})
        self.assertEqual(len(self.made("full", "full")), 2)
        self.nothing_left("full", "full")


if __name__ == "__main__":
    unittest.main()
