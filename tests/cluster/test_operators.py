# tier: full
"""The examples of other projects' kinds, each tuned to its end, by the projects' own operators where they can be built."""
import os
import subprocess
import threading
import unittest

import kube
import test_kubernetes
from kube.build import ensure
from kube.operators import JOBSET, PIPELINES, TRAINER, TRAINER_RUNTIME, TRAINING_OPERATOR, WORKFLOWS

TIMEOUT = 3600
ROOT, BIN, API = test_kubernetes.harness.ROOT, test_kubernetes.harness.BIN, test_kubernetes.API
EXAMPLES = os.path.join(ROOT, "examples/operators")
IMAGE = "registry.example/trimtab-line:1"
IMAGES = kube.Cluster.images


def image():
    """What the examples' Containerfile says, with Debian's Python."""
    layer = IMAGES.Layer()
    layer.copy(os.path.join(EXAMPLES, "train.py"), "/train.py")
    return IMAGES.archive(IMAGE, [IMAGES.busybox(), IMAGES.python(), layer.finish()])


class ExampleCase(test_kubernetes.TrialsCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cluster.load(IMAGE, image())

    def submit(self, kind, *flags):
        name = f"line-{kind}{'-broken' if flags else ''}"
        subprocess.run([BIN, "create", "-f", f"{EXAMPLES}/{kind}.yaml", "--name", name, *flags], check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "TRIMTAB_SERVER": f"http://127.0.0.1:{self.s.port}"})
        return name

    def tune(self, kind):
        """Each epoch of the one pod that counts comes once, and of the others none; nothing stays behind."""
        name = self.submit(kind)
        self.await_end(name, deadline=600)
        trials = self.trials(name)
        self.assertEqual([t["state"] for t in trials], ["succeeded"] * 6)
        for t in trials:
            points = self.points(name, t["number"])
            self.assertEqual([step for step, _ in points], list(range(1, 11)), t)
            self.assertEqual(t["values"]["loss"], points[-1][1])
        self.gone(kind, name)

    def fail(self, kind, message):
        """A program that its operator sees fail."""
        name = self.submit(kind, "--set", 'spec.parameters.lr={"type": "categorical", "values": ["much"]}',
                           "--set", "spec.budget.maxTrials=1", "--set", "spec.budget.parallelTrials=1")
        t = self.await_trial(name, "failed", deadline=300)
        self.assertRegex(t["message"], message)
        self.gone(kind, name)

    def gone(self, kind, name):
        for resource in (kind, "secrets"):
            self.until(lambda r=resource: not self.objects(r, name), f"no {resource} of {name} are left")


class Training(ExampleCase):
    """Kubeflow's training operator."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        TRAINING_OPERATOR.deploy(cls.cluster)

    def test_pytorch_job(self):
        self.tune("pytorchjob")

    def test_tf_job(self):
        self.tune("tfjob")

    def test_failure(self):
        self.fail("pytorchjob", "--lr: invalid float value: 'much'")


class Trainer(ExampleCase):
    """Kubeflow Trainer, JobSet, and the runtime that comes with them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        JOBSET.deploy(cls.cluster)
        TRAINER.deploy(cls.cluster)
        cls.cluster.kubectl("apply", "--server-side", "-f", os.path.join(TRAINER.product.folder, TRAINER_RUNTIME))

    def test_train_job(self):
        self.tune("trainjob")


class Pipelines(ExampleCase):
    """Tekton's controller and webhook."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        PIPELINES.deploy(cls.cluster)

    def test_pipeline_run(self):
        self.tune("pipelinerun")

    def test_failure(self):
        self.fail("pipelinerun", "--lr: invalid float value: 'much'")


class Workflows(ExampleCase):
    """Argo's own definition of a Workflow, and this test in its controller's place: it makes the pod of the one
    template and moves the status on with it."""
    path = "/apis/argoproj.io/v1alpha1/namespaces/default/workflows"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        ensure([WORKFLOWS])
        crd = os.path.join(WORKFLOWS.folder, WORKFLOWS.keep, "minimal/argoproj.io_workflows.yaml")
        cls.cluster.kubectl("apply", "--server-side", "-f", crd)
        cls.cluster.wait(cls.served, "workflows are served")

    @classmethod
    def served(cls):
        try:
            return cls.cluster.api.get(cls.path)
        except kube.ApiError:       # 404, and 429 while the API server makes room for them
            return False

    def setUp(self):
        self.over, self.errors = threading.Event(), []
        controller = threading.Thread(target=self.control)
        controller.start()
        self.addCleanup(lambda: (self.over.set(), controller.join(), self.assertEqual(self.errors, [])))

    def control(self):
        while not self.over.wait(0.2):
            for workflow in self.c.api.get(self.path)["items"]:
                try:
                    self.reconcile(workflow)
                except kube.ApiError as error:
                    if error.status not in (404, 409):      # it was deleted meanwhile, or the pod is there
                        self.errors.append(error)

    def reconcile(self, workflow):
        name, phase = workflow["metadata"]["name"], workflow.get("status", {}).get("phase")
        if not phase:
            self.c.api.post("/api/v1/namespaces/default/pods", pod_of(workflow))
            status = {"phase": "Running", "progress": "0/1"}
        elif phase == "Running":
            pod = self.c.api.get(f"/api/v1/namespaces/default/pods/{name}")["status"]
            if pod["phase"] not in ("Succeeded", "Failed"):
                return
            status = {"phase": pod["phase"], "progress": "1/1"}
            if pod["phase"] == "Failed":
                code = pod["containerStatuses"][0]["state"]["terminated"]["exitCode"]
                status["message"] = f"Error (exit code {code})"
        else:
            return
        self.c.api.merge(f"{self.path}/{name}", {"status": status})

    def test_workflow(self):
        self.tune("workflow")

    def test_failure(self):
        self.fail("workflow", "--lr: invalid float value: 'much'")


def pod_of(workflow):
    """As Argo names and labels it."""
    meta, spec = workflow["metadata"], workflow["spec"]
    owner = {"apiVersion": workflow["apiVersion"], "kind": workflow["kind"], "name": meta["name"], "uid": meta["uid"],
             "controller": True}
    labels = {**spec["podMetadata"]["labels"], "workflows.argoproj.io/workflow": meta["name"]}
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": meta["name"], "labels": labels, "ownerReferences": [owner]},
            "spec": {"restartPolicy": "Never", "containers": [{**spec["templates"][0]["container"], "name": "main"}]}}


if __name__ == "__main__":
    unittest.main()
