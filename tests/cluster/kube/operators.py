"""Operators of other projects, really running: built from their modules, deployed with their own manifests."""
import os
import re

from . import images
from .build import Product, ensure

TRAINING = Product("training-operator", "1.8.1", "github.com/kubeflow/training-operator",
                   {"manager": "github.com/kubeflow/training-operator/cmd/training-operator.v1"}, keep="manifests")


class Operator:
    """`overlay`: what kubectl kustomize makes the manifests from. `image`: the name that they give the program's."""

    def __init__(self, product, overlay, image, namespace, deployment):
        self.product, self.overlay, self.image = product, overlay, image
        self.namespace, self.deployment = namespace, deployment

    def deploy(self, cluster):
        """Its webhook's certificate, which it makes itself, may take a minute and a half to reach its pod."""
        ensure([self.product])
        ours = f"trimtab-test/{self.product.name}:{self.product.version}"
        cluster.load(ours, self.packed(ours))
        manifests = cluster.kubectl("kustomize", os.path.join(self.product.folder, self.overlay))
        manifests = re.sub(rf"image: {re.escape(self.image)}\S*", "image: " + ours, manifests)
        cluster.kubectl("apply", "--server-side", "-f", "-", text=manifests)
        cluster.kubectl("rollout", "status", "-n", self.namespace, "deployment/" + self.deployment, "--timeout=300s")

    def packed(self, name):
        layer = images.Layer()
        for program in self.product.packages:
            layer.copy(os.path.join(self.product.bin, program), "/" + program)
        layer.folder("/tmp", 0o1777)
        return images.archive(name, [layer.finish()], ["/" + next(iter(self.product.packages))])


TRAINING_OPERATOR = Operator(TRAINING, "manifests/overlays/standalone", "kubeflow/training-operator", "kubeflow",
                             "training-operator")
