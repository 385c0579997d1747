"""A single-node cluster of real Kubernetes for the tests.

    with Cluster() as c:
        c.apply({...})                         # whatever kubectl takes
        c.kubectl("get", "pods")
        c.part("kube-apiserver").restart()     # and kill(), stop(), pause(), resume(), start()

What it writes is in memory and in one folder below /tmp, and goes with it. KUBECONFIG is c.kubeconfig; pods reach
this machine at c.below, this machine reaches node ports at c.address.
"""
import glob
import json
import os
import subprocess
import tempfile
import time

from . import images, network
from .certificates import Authority
from .client import Api, ApiError
from .components import PORT, RUNTIME, Component, command_lines
from .machine import Machine
from .process import read, tail, wait
from .release import NEWEST, RELEASES, program

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
NODE, NEIGHBOUR = "node1", "node2"
DEADLINE = 300  # of a step of the start, on a machine that is busy
PREFIX = "trimtab-k8s-"
KNOWN = "cluster.json"


class Cluster:
    images = images

    def __init__(self, version=NEWEST.version, stay=False):
        """stay: it goes on when this process ends."""
        self.release, self.stay = RELEASES[version], stay
        self.own(tempfile.mkdtemp(prefix=PREFIX, dir="/tmp"))

    @classmethod
    def at(cls, folder):
        """One that is up."""
        cluster = cls.__new__(cls)
        known = json.loads(read(os.path.join(folder, KNOWN)))
        cluster.release, cluster.stay = RELEASES[known.pop("version")], True
        vars(cluster).update(known)
        cluster.own(folder)
        cluster.assemble()
        return cluster

    def own(self, folder):
        self.folder = folder
        self.machine = Machine(self.folder)
        self.authority = Authority(self.path("pki"))
        self.kubeconfig = self.path("kubeconfig")
        self.parts, self.api = {}, None

    # -- its life

    def up(self):
        sweep()
        try:
            self.programs = self.release.path()
            self.start()
        except BaseException:
            self.down()
            raise
        return self

    def start(self):
        os.makedirs(self.path("logs"))
        self.machine.start(self.stay)
        self.address, self.below = network.link(self.machine)
        self.authority.make(NODE, ["DNS:localhost", "DNS:" + NODE, "DNS:kubernetes.default.svc", "DNS:kubernetes",
                                   "IP:127.0.0.1", "IP:" + self.address, "IP:" + network.SERVICE_API])
        self.authority.kubeconfig(self.kubeconfig, self.server, "admin")
        self.assemble()
        with open(self.path(KNOWN), "w", encoding="ascii") as f:
            json.dump({"version": self.release.version, "programs": self.programs,
                       "address": self.address, "below": self.below, "kept_by": ROOT if self.stay else None}, f)
        for name in ("etcd", "kube-apiserver", "containerd"):
            self.part(name).start()
        self.wait(lambda: os.path.exists(self.inside(RUNTIME)), "containerd listens")
        for name in (images.PAUSE, images.BUSYBOX, images.PYTHON):
            self.load(name)
        self.wait(self.api.answers, "the API server is ready")
        for name, part in self.parts.items():
            if not part.pid:
                part.start()
        self.wait(self.node_ready, "the node is ready")
        self.wait(lambda: self.exists("/api/v1/namespaces/default/serviceaccounts/default"),
                  "the service account of the default namespace is there")

    def down(self):
        self.machine.end()

    def __enter__(self):
        return self.up()

    def __exit__(self, *_):
        self.down()

    # -- its parts

    def assemble(self):
        environment = {"PATH": self.programs, "HOME": self.folder}
        for name, words in command_lines(self).items():
            self.parts[name] = Component(self.machine, name, words, environment)
        self.api = Api(self.address, PORT, self.authority)

    def part(self, name):
        return self.parts[name]

    def kubeconfig_of(self, name):
        """A component's own; made when it is asked for."""
        return self.authority.kubeconfig(self.path(name + ".kubeconfig"), self.server, name)

    @property
    def server(self):
        return f"https://{self.address}:{PORT}"

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def inside(self, path):
        """A path of the machine, seen from here."""
        return f"/proc/{self.machine.pid('init')}/root{path}"

    def wait(self, condition, what, deadline=DEADLINE):
        """Like wait(), and fails at once, with the end of its log, when a part of the cluster has ended."""
        def look():
            for part in self.parts.values():
                part.check()
            return condition()
        return wait(look, lambda: f"{what}; what the parts say:\n{self.say()}", deadline, every=0.1)

    def say(self):
        return "".join(f"  {name}:\n{tail(part.log, 8)}" for name, part in self.parts.items())

    @property
    def audit_log(self):
        return self.path("logs", "audit.log")

    def audited(self, user):
        """What a service account asked for: {"verb": ..., "objectRef": {...}, "responseStatus": {...}}, ..."""
        events = [json.loads(line) for line in read(self.audit_log).splitlines()]
        return [event for event in events if event["user"]["username"] == user]

    # -- its programs

    def program(self, name):
        return program(name, self.programs)

    def kubectl(self, *words, text=None, kubeconfig=None):
        done = subprocess.run([self.program("kubectl"), "--kubeconfig", kubeconfig or self.kubeconfig, *words],
                              input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise AssertionError(f"kubectl {' '.join(words)}: {done.stderr or done.stdout}")
        return done.stdout

    def apply(self, *documents):
        return self.kubectl("apply", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List",
                                                                 "items": list(documents)}))

    def load(self, name, archive=None):
        """Gives the node an image: one of images.MADE, or the bytes of an archive."""
        path = self.path("image.tar")
        with open(path, "wb") as f:
            f.write(archive or images.MADE[name]())
        self.machine.run(self.program("ctr"), "-a", RUNTIME, "-n", "k8s.io", "images", "import", path)
        os.remove(path)

    # -- what is so

    def exists(self, path):
        try:
            self.api.get(path)
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return True

    def node_is(self, status):
        """Whether the node's condition Ready is "True", "False" or "Unknown"; not, while nobody answers."""
        try:
            conditions = self.api.get("/api/v1/nodes/" + NODE)["status"]["conditions"]
        except (ApiError, OSError, KeyError):
            return False
        return any(c["type"] == "Ready" and c["status"] == status for c in conditions)

    def node_ready(self):
        return self.node_is("True")

    def pods(self, namespace="default", selector=""):
        return self.api.get(f"/api/v1/namespaces/{namespace}/pods?labelSelector={selector}")["items"]

    # -- what tests do to it

    def namespace(self, name):
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        self.wait(lambda: self.exists(f"/api/v1/namespaces/{name}/serviceaccounts/default"),
                  f"namespace {name} has its service account")
        return name

    def account(self, name, namespace="default", rules=()):
        """A service account that may do what `rules` of a Role say, and nothing if there are none; its kubeconfig."""
        meta = {"name": name, "namespace": namespace}
        self.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
        if rules:
            group = "rbac.authorization.k8s.io"
            self.apply({"apiVersion": group + "/v1", "kind": "Role", "metadata": meta, "rules": list(rules)},
                       {"apiVersion": group + "/v1", "kind": "RoleBinding", "metadata": meta,
                        "roleRef": {"apiGroup": group, "kind": "Role", "name": name},
                        "subjects": [{"kind": "ServiceAccount", **meta}]})
        token = self.api.post(f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token",
                              {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}})
        return self.authority.kubeconfig(self.path(f"{namespace}-{name}.kubeconfig"), self.server,
                                         {"token": token["status"]["token"]}, namespace)

    def quota(self, namespace, hard):
        """hard: {"pods": 2, "count/jobs.batch": 1}."""
        self.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "quota", "namespace": namespace},
                    "spec": {"hard": {what: str(limit) for what, limit in hard.items()}}})

    def evict(self, pod, namespace="default"):
        self.api.post(f"/api/v1/namespaces/{namespace}/pods/{pod}/eviction",
                      {"apiVersion": self.release.eviction, "kind": "Eviction",
                       "metadata": {"name": pod, "namespace": namespace}})

    def neighbour_beats(self):
        """A second node, on which nothing may run, says that it is well. Where no node at all does, Kubernetes
        blames the network ("master disruption mode") and gives no pod up."""
        path = "/api/v1/nodes/" + NEIGHBOUR
        if not self.exists(path):
            self.api.post("/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NEIGHBOUR},
                                            "spec": {"unschedulable": True}})
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self.api.merge(path + "/status", {"status": {"conditions": [
            {"type": "Ready", "status": "True", "reason": "KubeletReady", "lastHeartbeatTime": now}]}})

    def neighbour_leaves(self):
        self.api.delete("/api/v1/nodes/" + NEIGHBOUR)

    def mend(self):
        """Starts what was killed, and waits until the cluster works."""
        for part in self.parts.values():
            if part.pid:
                part.resume()
            else:
                part.start()
        self.wait(self.api.answers, "the API server answers")
        self.wait(self.node_ready, "the node is ready")

    def plain_job(self, name, completions, parallelism, command):
        """Seconds of wall time that one Job takes, as Kubernetes runs it alone: what trials are compared with."""
        start = time.monotonic()
        self.api.post("/apis/batch/v1/namespaces/default/jobs",
                      job(name, command, completions=completions, parallelism=parallelism))
        path = "/apis/batch/v1/namespaces/default/jobs/" + name
        self.wait(lambda: self.api.get(path).get("status", {}).get("succeeded") == completions,
                  f"job {name} is done", 600)
        return time.monotonic() - start


def job(name, command, image=images.BUSYBOX, **spec):
    container = {"name": "training-container", "image": image, "command": command}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name},
            "spec": {"backoffLimit": 0, **spec,
                     "template": {"spec": {"restartPolicy": "Never", "containers": [container]}}}}


def machines():
    return [Machine(folder) for folder in sorted(glob.glob(f"/tmp/{PREFIX}*"))]


def running():
    """The folders of the clusters that are up."""
    return [machine.folder for machine in machines() if machine.pid("init")]


def kept():
    """Those of them that were started from this checkout, to stay."""
    return [folder for folder in running() if Cluster.at(folder).kept_by == ROOT]


def end(folder):
    Machine(folder).end()


def sweep():
    """What those left that were killed with whoever had started them."""
    for machine in machines():
        if machine.knows("init") and not machine.pid("init"):
            machine.end()
