"""The oldest Kubernetes that is tested, 1.20.2: Debian's source package, built with Debian's own Go.

Fetched with apt, into lists of its own: the machine's sources stay as they are.
"""
import glob
import os
import shutil
import subprocess

from . import build
from .toolchain import Go, Missing

KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
GO = "/usr/lib/go-1.19/bin/go"


class DebianKubernetes(build.Product):
    def __init__(self, version):
        super().__init__("kubernetes", version, None,
                         build.under("k8s.io/kubernetes/cmd", "kube-apiserver", "kube-controller-manager",
                                     "kube-scheduler", "kubelet", "kube-proxy", "kubectl"),
                         symbols=build.told("k8s.io/kubernetes/vendor/", version, ("component-base", "client-go/pkg")))

    @property
    def source(self):
        return os.path.join(self.folder, "go/src/k8s.io/kubernetes")

    def toolchain(self):
        if not os.path.exists(GO):
            raise Missing(f"Kubernetes {self.version} needs {GO}: tools/setup oldest")
        return Go(GO, {"GOPATH": os.path.join(self.folder, "go"), "GO111MODULE": "off", "GOFLAGS": "",
                       "CGO_ENABLED": "1", "PATH": os.path.dirname(GO) + ":" + os.environ["PATH"]})

    def prepare(self, go):
        if os.path.exists(os.path.join(self.folder, "generated")):
            return
        build.say(f"{self.name} {self.version}: fetching Debian's source")
        self.fetch()
        build.say(f"{self.name} {self.version}: generating its sources")
        go.call(["make", "generated_files"], self.source)
        build.write(os.path.join(self.folder, "generated"), "")

    def fetch(self):
        uris = output(self.folder, "apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)",
                      "Created-By: Packages")
        debian = sorted({line for line in uris.splitlines() if "debian" in line})
        build.write(os.path.join(self.folder, "sources.list"),
                    "".join(f"deb-src [signed-by={KEYS}] {line} main\n" for line in debian))
        for place in ("lists", "cache"):
            os.makedirs(os.path.join(self.folder, place), exist_ok=True)
        here = [word for name, place in (("Etc::SourceList", "sources.list"), ("State::Lists", "lists"),
                                         ("Cache", "cache"))
                for word in ("-o", f"Dir::{name}={os.path.join(self.folder, place)}")]
        here += ["-q", "-o", "Dir::Etc::SourceParts=/dev/null"]
        output(self.folder, "apt-get", *here, "update")
        shutil.rmtree(self.source, ignore_errors=True)
        os.makedirs(os.path.dirname(self.source), exist_ok=True)
        output(self.folder, "apt-get", *here, "source", "--download-only", "kubernetes")
        found = glob.glob(os.path.join(self.folder, f"kubernetes_*{self.version}*.dsc"))
        if not found:
            raise Missing(f"this Debian has no Kubernetes {self.version}")
        output(self.folder, "dpkg-source", "-x", found[0], self.source)


def output(folder, *words):
    done = subprocess.run(words, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise Missing(f"{' '.join(words)}: {done.stderr[-2000:]}")
    return done.stdout
