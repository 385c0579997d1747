"""A Go that can build today's Kubernetes: the one that is here, or one that Debian's older go fetches.

Since Go 1.21 `go` fetches the toolchain that a module asks for by itself. An older one, such as Debian 12's
1.19, can still download it, as the module that it is.
"""
import glob
import json
import os
import re
import shutil
import subprocess

NEEDED = "1.26.0"
MODULE = f"golang.org/toolchain@v0.0.1-go{NEEDED}.linux-amd64"


class Missing(Exception):
    """There is no Go, and none can be had: the tests that need the cluster are skipped with this reason."""


class Go:
    """Politely: at most two compilers, and behind what else runs."""

    def __init__(self, program, environment=()):
        self.program = program
        self.environment = dict(os.environ, CGO_ENABLED="0", GOFLAGS="-p=2 -buildvcs=false")
        self.environment.update(environment)

    def run(self, words, folder):
        """`go` with these words; what it printed."""
        return self.call([self.program, *words], folder)

    def call(self, words, folder):
        done = subprocess.run(["nice", "-n", "3", *words], cwd=folder, env=self.environment, text=True, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)}:\n{done.stderr[-8000:]}")
        return done.stdout

    def version(self):
        found = re.search(r"go(\d+)\.(\d+)", self.run(["version"], "/"))
        return tuple(int(n) for n in found.groups()) if found else (0, 0)


def find():
    program = shutil.which("go") or next(iter(sorted(glob.glob("/usr/lib/go-*/bin/go"), reverse=True)), None)
    if not program:
        raise Missing("there is no go: tools/setup cluster")
    go = Go(program)
    if go.version() >= (1, 21):
        return go
    try:
        return newer(go)
    except RuntimeError as error:
        raise Missing(f"{program} is too old and fetches no newer one: {error}") from None


def newer(go):
    """The toolchain as a module has its programs without the permission to run."""
    folder = json.loads(go.run(["mod", "download", "-json", MODULE], "/"))["Dir"]
    for place, _, files in os.walk(folder):
        if os.path.basename(place) == "bin" or "/pkg/tool/" in place:
            for name in files:
                os.chmod(os.path.join(place, name), 0o755)
    return Go(os.path.join(folder, "bin/go"))
