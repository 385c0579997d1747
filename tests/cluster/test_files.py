# tier: full
"""Metrics from files in pods: the program that reads them comes out of an image of its own."""
import os
import time
import unittest

import kube
import test_kubernetes

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
    layer.copy(os.path.join(os.path.dirname(os.path.abspath(test_kubernetes.harness.BIN)), "trimtab-collect"),
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


if __name__ == "__main__":
    unittest.main(verbosity=2)
