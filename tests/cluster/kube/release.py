"""The versions of Kubernetes that are tested, what each is made of and how it is told what to do."""
import os
import shutil

from .build import Product, ensure, told, under
from .debian import DebianKubernetes


class Release:
    """`own`: built here; what else it takes are Debian's packages. `config`: 3 is containerd 2's, 2 what came
    before; such a kubelet knows its runtime by flags. `replaces`: a Job gives a pod that was deleted a successor, whatever
    its backoffLimit says, as Kubernetes did before 1.26."""

    def __init__(self, own, config, eviction, replaces=False):
        self.own, self.config, self.eviction, self.replaces = own, config, eviction, replaces

    @property
    def version(self):
        return self.own[0].version

    def path(self):
        """The folders in which its programs are found, built if they had to be."""
        return ":".join([*ensure(self.own), "/usr/sbin:/usr/bin:/sbin:/bin"])


def program(name, path):
    return shutil.which(name, path=path) or os.path.join("/missing", name)


CONTAINERD = "github.com/containerd/containerd/v2"
NEWEST = Release([
    Product("kubernetes", "1.36.3", "k8s.io/kubernetes",
            under("k8s.io/kubernetes/cmd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet",
                  "kube-proxy", "kubectl"), symbols=told("", "1.36.3"), staging=True),
    Product("etcd", "3.6.7", "go.etcd.io/etcd/server/v3", {"etcd": "go.etcd.io/etcd/server/v3"}),
    Product("containerd", "2.4.2", CONTAINERD,
            under(CONTAINERD + "/cmd", "containerd", "containerd-shim-runc-v2", "ctr"),
            flags=["-tags", "no_btrfs,no_devmapper,no_zfs"]),
], config=3, eviction="policy/v1")
OLDEST = Release([DebianKubernetes("1.20.2")], config=2, eviction="policy/v1beta1", replaces=True)
RELEASES = {release.version: release for release in (NEWEST, OLDEST)}
