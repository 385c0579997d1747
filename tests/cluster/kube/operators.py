"""Operators of other projects, really running: built from their modules, deployed with their own manifests."""
import json
import os
import re

from . import images
from .build import Documents, Product, ensure, under, write

TEKTON = "github.com/tektoncd/pipeline/cmd"


class Operator:
    """`kustomization`: what the manifests are made of, relative to the product's folder. `containers`: the program
    that stands for each image of theirs, a regular expression. `programs`: where in the images they expect them."""

    def __init__(self, product, kustomization, containers, namespace, deployments, programs="/"):
        self.product, self.kustomization, self.containers = product, kustomization, containers
        self.namespace, self.deployments, self.programs = namespace, deployments, programs

    def deploy(self, cluster):
        """The certificates of webhooks, which they make themselves, may take a minute and a half to reach their pods."""
        ensure([self.product])
        for program in self.product.packages:
            cluster.load(self.image(program), self.packed(program))
        cluster.kubectl("apply", "--server-side", "-f", "-", text=self.manifests(cluster))
        for deployment in self.deployments:
            cluster.kubectl("rollout", "status", "-n", self.namespace, "deployment/" + deployment, "--timeout=300s")

    def manifests(self, cluster):
        write(os.path.join(self.product.folder, "kustomization.yaml"), json.dumps(self.kustomization))
        text = cluster.kubectl("kustomize", self.product.folder)
        for theirs, program in self.containers.items():
            text, found = re.subn(rf"(?<![\w/]){theirs}(?![\w/])", self.image(program), text)
            assert found, f"{self.product.name} has no image {theirs}"
        return text

    def image(self, program):
        return f"trimtab-test/{self.product.name}-{program}:{self.product.version}"

    def packed(self, program):
        """As a user without a name: some of them insist on not being root."""
        path = os.path.join(self.programs, program)
        layer = images.Layer()
        layer.copy(os.path.join(self.product.bin, program), path)
        layer.folder("/tmp", 0o1777)
        return images.archive(self.image(program), [layer.finish()], [path], User="65532")


TRAINING_OPERATOR = Operator(
    Product("training-operator", "1.8.1", "github.com/kubeflow/training-operator",
            {"manager": "github.com/kubeflow/training-operator/cmd/training-operator.v1"}, keep="manifests"),
    {"resources": ["manifests/overlays/standalone"]}, {r"kubeflow/training-operator:\S+": "manager"},
    "kubeflow", ["training-operator"])

JOBSET = Operator(
    Product("jobset", "0.8.2", "sigs.k8s.io/jobset", {"manager": "sigs.k8s.io/jobset"}, keep="config"),
    {"resources": ["config/default"]}, {r"\S+/jobset:\S+": "manager"}, "jobset-system", ["jobset-controller-manager"])

# Its own overlay names a remote file, JobSet's.
TRAINER = Operator(
    Product("trainer", "2.0.0", "github.com/kubeflow/trainer/v2",
            {"manager": "github.com/kubeflow/trainer/v2/cmd/trainer-controller-manager"}, keep="manifests"),
    {"namespace": "kubeflow-system",
     "resources": ["manifests/overlays/manager/namespace.yaml",
                   *(f"manifests/base/{part}" for part in ("crds", "manager", "rbac", "webhook"))],
     "secretGenerator": [{"name": "kubeflow-trainer-webhook-cert", "options": {"disableNameSuffixHash": True}}]},
    {"ghcr.io/kubeflow/trainer/trainer-controller-manager": "manager"},
    "kubeflow-system", ["kubeflow-trainer-controller-manager"])
TRAINER_RUNTIME = "manifests/base/runtimes/torch_distributed.yaml"

# Neither resolvers nor cloud events.
TEKTON_MANIFESTS = [
    "100-namespace/100-namespace", "200-clusterrole", "200-role", "200-serviceaccount", "201-clusterrolebinding",
    "201-rolebinding", *(f"300-crds/300-{kind}" for kind in
                         ("customrun", "pipeline", "pipelinerun", "resolutionrequest", "stepaction", "task", "taskrun",
                          "verificationpolicy")),
    "500-webhooks", *(f"config-{what}" for what in
                      ("defaults", "events", "feature-flags", "info", "leader-election-controller",
                       "leader-election-webhook", "logging", "observability", "registry-cert", "spire", "tracing")),
    "controller", "webhook"]
PIPELINES = Operator(
    Product("tekton", "1.0.0", "github.com/tektoncd/pipeline",
            under(TEKTON, "controller", "webhook", "entrypoint", "nop", "workingdirinit"), keep="config"),
    {"resources": [f"config/{name}.yaml" for name in TEKTON_MANIFESTS]},
    {f"ko://{TEKTON}/{program}": program for program in ("controller", "webhook", "entrypoint", "nop", "workingdirinit")},
    "tekton-pipelines", ["tekton-pipelines-webhook", "tekton-pipelines-controller"], programs="/ko-app")

# Its executor does not build from the module, which lacks a file: only the definitions are theirs.
WORKFLOWS = Documents("argo-workflows", "3.7.3", "github.com/argoproj/argo-workflows/v3", "manifests/base/crds")
PRODUCTS = [TRAINING_OPERATOR.product, JOBSET.product, TRAINER.product, PIPELINES.product, WORKFLOWS]
