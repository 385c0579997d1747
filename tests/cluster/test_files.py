# tier: full
"""Metrics from files in pods, which travel in their logs; and logs of runs that another server drives."""
import os
import sys
import time
import unittest

import kube
import test_kubernetes

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import cluster as postgres      # noqa: E402  pylint: disable=wrong-import-position

harness = test_kubernetes.harness
API = test_kubernetes.API
IMAGES = kube.Cluster.images
COLLECTOR = "trimtab-test/collector:1"
WRITES = ("i=0; while [ $i -lt 40 ]; do echo loss=$((100 - i)) >> $0; printf '%d ' $i; i=$((i + 1)); sleep $PAUSE; done; "
          "echo over; echo loss=1 >> $0; exit $CODE")
# A shell ends at SIGTERM, for it is not the container's first process; the trap proves that it came.
STOPS = ("trap 'echo loss=7 step=1000 >> m; exit 4' TERM; n=$TRIMTAB_TRIAL_NUMBER; i=0; "
         "while [ $i -lt 8 ]; do echo loss=$((n * 100 - i)) step=$i >> m; i=$((i + 1)); sleep 0.05; done; "
         "[ $n -le 3 ] || while :; do sleep 0.05; done")
FINDS = [[i, 100 - i] for i in range(40)] + [[40, 1]]


def collector_image():
    """As the server's image has it, and nothing else: it needs no library."""
    layer = IMAGES.Layer()
    layer.copy(os.path.join(os.path.dirname(os.path.abspath(harness.BIN)), "trimtab-collect"),
               "/usr/local/bin/trimtab-collect")
    return IMAGES.archive(COLLECTOR, [layer.finish()])


class Files(test_kubernetes.TrialsCase):
    flags = ("--collector-image", COLLECTOR)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cluster.load(COLLECTOR, collector_image())

    def write(self, name, pause=0.05, code=0, path="out/metrics.txt", trial=None, **more):
        self.create(name, trial={"metrics": {"collector": "file", "path": path},
                                 "command": ["sh", "-c", WRITES, path], "env": {"PAUSE": str(pause), "CODE": str(code)},
                                 **(trial or {})}, **more)

    def all_once(self, name, trials):
        for n in range(1, trials + 1):
            self.assertEqual(self.points(name, n), FINDS)
            self.assertEqual(self.s.get(f"{API}/{name}/trials/{n}/logs").text,
                             "".join(f"{i} " for i in range(40)) + "over\n")

    def test_metrics_from_a_file(self):
        self.write("filed", trials=3)
        self.await_end("filed")
        self.all_once("filed", 3)
        self.nothing_left("filed")

    def test_exit_code(self):
        self.write("filed-wrong", trials=1, code=9)
        t = self.await_trial("filed-wrong", "failed")
        self.assertEqual((t["exitCode"], t["reason"]), (9, "Error"), t)
        self.assertIn("over", t["message"])
        self.assertEqual(self.points("filed-wrong", 1), FINDS)

    def test_memory(self):
        """What the program takes is too much, and not what runs it."""
        eats = "open('m', 'w').write('loss=1\\n'); import time; time.sleep(1); x = bytearray(1 << 29); print(len(x))"
        self.create("filed-greedy", trials=1, trial={
            "image": IMAGES.PYTHON, "resources": {"memory": "32Mi"}, "command": ["python3", "-c", eats],
            "metrics": {"collector": "file", "path": "m"}})
        t = self.await_trial("filed-greedy", "failed")
        self.assertRegex(t["reason"], "OutOfMemory|OOMKilled")
        self.assertEqual(self.points("filed-greedy", 1), [[0, 1]])

    def test_image_that_is_not_there(self):
        with harness.Server("--runner", "kubernetes", "--kubeconfig", self.c.kubeconfig, "--start-deadline", "5s",
                            "--collector-image", "registry.invalid/absent:1") as server:
            document = test_kubernetes.document("filed-imageless", trials=1, trial={
                "metrics": {"collector": "file", "path": "m"}})
            self.assertEqual(server.post(API, document).status, 201)
            t = harness.wait(lambda: (t := server.get(f"{API}/filed-imageless/trials/1").json).get("state") == "failed" and t,
                             server.log, 120)
            self.assertRegex(t["reason"], "ImagePullBackOff|ErrImagePull")
            self.assertIn("registry.invalid/absent:1", t["message"])

    def test_program_that_is_not_there(self):
        self.write("filed-absent", trials=1, trial={"command": ["no-such-program"]})
        t = self.await_trial("filed-absent", "failed")
        self.assertEqual(t["exitCode"], 127, t)
        self.assertIn("cannot run no-such-program", t["message"])

    def test_a_manifest_whose_user_may_little(self):
        """A plain user, a root file system that nothing can be written to, json lines, arguments of their own."""
        path = "/scratch/metrics.jsonl"
        script = 'for i in 0 1 2; do echo "{\\"loss\\": \\"$((9 - i))\\", \\"epoch\\": $i}" >> ' + path + "; done"
        container = {"name": "main", "image": test_kubernetes.IMAGE, "command": ["sh", "-c"], "args": [script],
                     "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
                     "securityContext": {"runAsUser": 65534, "runAsNonRoot": True, "readOnlyRootFilesystem": True,
                                         "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}}
        job = {"apiVersion": "batch/v1", "kind": "Job", "spec": {"backoffLimit": 0, "template": {"spec": {
            "restartPolicy": "Never", "containers": [container], "volumes": [{"name": "scratch", "emptyDir": {}}]}}}}
        self.create("filed-plain", trials=1, trial={
            "image": None, "command": None, "terminationGracePeriodSeconds": None, "manifest": job,
            "metrics": {"collector": "file", "path": path, "format": "json"}})
        self.await_end("filed-plain")
        self.assertEqual(self.points("filed-plain", 1), [[0, 9], [1, 8], [2, 7]])

    def test_stopped_early(self):
        """SIGTERM reaches the program, and what it writes then still counts."""
        self.create("filed-early", trials=4, parallel=1,
                    trial={"metrics": {"collector": "file", "path": "m"}, "command": ["sh", "-c", STOPS],
                           "terminationGracePeriodSeconds": 10},
                    earlyStopping={"name": "medianstop", "settings": {"min_trials_required": 3, "start_step": 2}})
        self.await_end("filed-early")
        self.assertEqual([t["state"] for t in self.trials("filed-early")], ["succeeded"] * 3 + ["early_stopped"])
        self.assertEqual(self.points("filed-early", 4), [[i, 400 - i] for i in range(8)] + [[1000, 7]])
        self.nothing_left("filed-early")

    def test_taken_over_after_a_kill(self):
        self.write("filed-adopted", pause=0.2, trials=2)
        self.await_trial("filed-adopted", "running", 2)
        self.s.kill()
        time.sleep(2)
        self.s.start()
        self.await_end("filed-adopted")
        self.all_once("filed-adopted", 2)
        self.once("filed-adopted", 2)


class Elsewhere(test_kubernetes.TrialsCase):
    """Two servers, of which one drives the experiment."""
    @classmethod
    def setUpClass(cls):
        kube.ClusterCase.setUpClass.__func__(cls)
        cls.postgres = postgres.Cluster(fsync=False).start()
        cls.addClassCleanup(cls.postgres.__exit__)
        database = cls.postgres.create("elsewhere")
        cls.cluster.load(COLLECTOR, collector_image())
        cls.s, cls.other = (cls.server(cls.cluster.kubeconfig, database) for _ in range(2))

    @classmethod
    def server(cls, config, database):
        server = harness.Server("--runner", "kubernetes", "--kubeconfig", config, "--collector-image", COLLECTOR,
                                database=database)
        cls.addClassCleanup(server.__exit__, None)
        return server.start()

    def logs(self, name, query=""):
        return [s.get(f"{API}/{name}/trials/1/logs{query}").text for s in (self.s, self.other)]

    def test_log_of_a_run_elsewhere(self):
        script = "echo loss=9 > m; for i in 1 2 3; do echo line $i; done; sleep 8; echo loss=1 >> m; echo over"
        self.create("elsewhere", script, trials=1, trial={"metrics": {"collector": "file", "path": "m"}})
        self.await_trial("elsewhere", "running")
        begun = "line 1\nline 2\nline 3\n"
        self.until(lambda: self.logs("elsewhere") == [begun] * 2, "both have it")
        self.assertEqual(self.logs("elsewhere", "?follow=true"), [begun + "over\n"] * 2)
        self.await_end("elsewhere")
        self.assertEqual(self.points("elsewhere", 1), [[0, 9], [1, 1]])


class Forbidden(test_kubernetes.TrialsCase):
    def test_log_forbidden(self):
        """An account that may do all but read logs: the trial and its events say so, once."""
        self.c.namespace("deaf")
        config = self.c.account("listener", "deaf", [
            {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "get", "list", "watch", "delete"]},
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]},
            {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create", "patch", "delete"]}])
        with harness.Server("--runner", "kubernetes", "--kubeconfig", config) as server:
            answer = server.post(API, test_kubernetes.document("unheard", "sleep 8", trials=1, trial={"namespace": "deaf"}))
            self.assertEqual(answer.status, 201, answer)
            trial = f"{API}/unheard/trials/1"
            t = harness.wait(lambda: (t := server.get(trial).json).get("reason") == "LogForbidden" and t, server.log, 60)
            self.assertEqual(t["state"], "running")
            self.assertIn("may not get pods/log in namespace deaf", t["message"])
            harness.wait(lambda: server.get(f"{API}/unheard").json["status"]["state"] != "running", "it ends", 60)
            events = [e for e in server.get(f"{API}/unheard/events").json["items"] if e["reason"] == "LogForbidden"]
            self.assertEqual(len(events), 1, events)


if __name__ == "__main__":
    unittest.main(verbosity=2)
