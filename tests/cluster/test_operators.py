# tier: full
"""Experiments whose trials are of other projects' kinds, run to their end by the projects' own operators."""
import unittest

import test_kubernetes
from kube.operators import TRAINING_OPERATOR

TIMEOUT = 3600
COMMAND = ["sh", "-c", "echo loss=$0", "${x}"]


def replicas(container, **counts):
    """So many of each role; `container` is the name that the operator asks for."""
    template = {"spec": {"containers": [{"name": container, "image": test_kubernetes.IMAGE, "command": COMMAND}]}}
    return {role: {"replicas": count, "restartPolicy": "Never", "template": template} for role, count in counts.items()}


class Training(test_kubernetes.TrialsCase):
    """The Kubeflow training operator."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        TRAINING_OPERATOR.deploy(cls.cluster)

    def tune(self, name, kind, container, specs):
        """The values come from the primary replica's log, the end from the object's condition."""
        document = test_kubernetes.document(name, trials=3)
        document["spec"]["trial"] = {"executor": "kubernetes", "primaryContainer": container,
                                     "metrics": {"collector": "stdout"},
                                     "manifest": {"apiVersion": "kubeflow.org/v1", "kind": kind, "spec": specs}}
        answer = self.s.post(test_kubernetes.API, document)
        self.assertEqual(answer.status, 201, answer)
        self.await_end(name)
        for trial in self.trials(name):
            self.assertEqual(trial["values"]["loss"], trial["parameters"]["x"], trial)
        self.until(lambda: not self.objects(kind, name), f"no {kind} of {name} is left")

    def test_pytorch_job(self):
        self.tune("torch", "PyTorchJob", "pytorch",
                  {"pytorchReplicaSpecs": replicas("pytorch", Master=1, Worker=1)})

    def test_tf_job(self):
        self.tune("flow", "TFJob", "tensorflow", {"tfReplicaSpecs": replicas("tensorflow", Chief=1, Worker=1)})


if __name__ == "__main__":
    unittest.main()
