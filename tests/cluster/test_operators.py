# tier: full
"""Kinds of other projects, run to their end by the projects' own operators."""
import unittest

import kube
from kube.operators import TRAINING_OPERATOR

TIMEOUT = 3600


SPECS = {"PyTorchJob": "pytorchReplicaSpecs", "TFJob": "tfReplicaSpecs"}


def replicated(kind, container, replicas, command):
    """A TFJob or PyTorchJob whose replicas all run one command."""
    template = {"spec": {"containers": [{"name": container, "image": kube.Cluster.images.PYTHON, "command": command}]}}
    return {"apiVersion": "kubeflow.org/v1", "kind": kind, "metadata": {"name": kind.lower()},
            "spec": {SPECS[kind]: {
                role: {"replicas": count, "restartPolicy": "Never", "template": template}
                for role, count in replicas.items()}}}


class Training(kube.ClusterCase):
    """The Kubeflow training operator."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        TRAINING_OPERATOR.deploy(cls.cluster)

    def succeeds(self, document):
        self.c.apply(document)
        name = f"{document['kind'].lower()}/{document['metadata']['name']}"
        self.c.kubectl("wait", "--timeout=180s", "--for=condition=Succeeded", name)

    def test_pytorch_job(self):
        self.succeeds(replicated("PyTorchJob", "pytorch", {"Master": 1, "Worker": 1},
                                 ["python3", "-c", "import os; print('loss=' + os.environ['RANK'])"]))
        self.assertEqual(self.c.kubectl("logs", "pytorchjob-master-0"), "loss=0\n")

    def test_tf_job(self):
        self.succeeds(replicated("TFJob", "tensorflow", {"Worker": 2}, ["python3", "-c", "print('loss=1')"]))


if __name__ == "__main__":
    unittest.main()
