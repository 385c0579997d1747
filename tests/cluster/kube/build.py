"""Kubernetes and what it stands on, built from their Go modules and kept in the user's cache.

    folders = build.ensure(release.products())   # [".../trimtab/kubernetes/1.36.3/bin", ...]

A product is a module of ours that requires theirs, and the programs in it. Each program is built once,
into a folder named for product and version, and appears there whole or not at all: an interrupted build
goes on where it was. A first build of everything takes about ten minutes on two cores.
"""
import fcntl
import json
import os
import re
import subprocess
import sys
import time

from . import toolchain

CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "trimtab")


class Product:
    """`packages`: import path by program. `staging`: the module's own replacements by folders are told
    again as the versions under which those folders are published. `keep`: a folder of the module, kept too."""

    def __init__(self, name, version, module, packages, flags=(), symbols=(), staging=False, keep=None):
        self.name, self.version, self.module, self.packages = name, version, module, packages
        self.flags, self.symbols, self.staging, self.keep = list(flags), dict(symbols), staging, keep

    @property
    def folder(self):
        return os.path.join(CACHE, self.name, self.version)

    @property
    def bin(self):
        return os.path.join(self.folder, "bin")

    def missing(self):
        return [p for p in self.packages if not os.path.exists(os.path.join(self.bin, p))]

    def fetched(self, go):
        """Where the module's own files are."""
        return json.loads(go.run(["mod", "download", "-json", f"{self.module}@v{self.version}"], self.folder))

    def go_mod(self, go):
        lines = [f"module trimtab.test/{self.name}", "go 1.26.0", f"require {self.module} v{self.version}"]
        if self.staging:
            with open(self.fetched(go)["GoMod"], encoding="utf-8") as f:
                staged = re.findall(r"^\s*(\S+) => \./staging/", f.read(), re.M)
            lines += [f"replace {path} => {path} v0{self.version[1:]}" for path in staged]
            lines.append("godebug default=go1.26")
        return "\n\n".join(lines) + "\n"

    def toolchain(self):
        return toolchain.find()

    def prepare(self, go):
        """The module of ours. tools.go holds on to the packages, for `go mod tidy` to keep them."""
        say(f"{self.name} {self.version}: fetching the modules")
        imports = "".join(f'\t_ "{package}"\n' for package in sorted(set(self.packages.values())))
        write(os.path.join(self.folder, "tools.go"), f"//go:build tools\n\npackage tools\n\nimport (\n{imports})\n")
        write(os.path.join(self.folder, "go.mod"), self.go_mod(go))
        go.run(["mod", "tidy"], self.folder)
        if self.keep:
            self.keep_folder(go)

    def keep_folder(self, go):
        kept = os.path.join(self.folder, self.keep)
        os.makedirs(os.path.dirname(kept), exist_ok=True)
        subprocess.run(["rm", "-rf", kept + ".part"], check=True)
        subprocess.run(["cp", "-rT", "--no-preserve=mode", os.path.join(self.fetched(go)["Dir"], self.keep),
                        kept + ".part"], check=True)
        subprocess.run(["rm", "-rf", kept], check=True)
        os.rename(kept + ".part", kept)

    def build(self, go, program):
        linked = "".join(f" -X {symbol}={value}" for symbol, value in self.symbols.items())
        target = os.path.join(self.bin, program)
        go.run(["build", "-trimpath", *self.flags, "-ldflags", "-s -w" + linked, "-o", target + ".part",
                self.packages[program]], self.folder)
        os.rename(target + ".part", target)


class Documents(Product):
    """Of a project whose programs are not built: a folder of its module alone."""

    def __init__(self, name, version, module, keep):
        super().__init__(name, version, module, {}, keep=keep)

    def missing(self):
        return [] if os.path.exists(os.path.join(self.folder, self.keep)) else [self.keep]

    def prepare(self, go):
        say(f"{self.name} {self.version}: fetching {self.keep}")
        self.keep_folder(go)


def under(path, *names):
    return {name: f"{path}/{name}" for name in names}


def told(prefix, version, packages=("component-base",)):
    """What the linker writes into Kubernetes for it to know its version."""
    major, minor, _ = version.split(".")
    known = {"gitVersion": "v" + version, "gitMajor": major, "gitMinor": minor}
    return {f"{prefix}k8s.io/{package}/version.{name}": value for name, value in known.items() for package in packages}


def ensure(products):
    """Builds what is missing; the folders of the programs."""
    for product in products:
        os.makedirs(product.bin, exist_ok=True)
        if product.missing():
            with open(os.path.join(product.folder, "lock"), "w", encoding="ascii") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                make(product)
    return [product.bin for product in products]


def make(product):
    if not product.missing():
        return
    go = product.toolchain()
    product.prepare(go)
    missing = product.missing()
    for number, program in enumerate(missing, 1):
        start = time.monotonic()
        say(f"{product.name} {product.version}: building {program} ({number} of {len(missing)})")
        product.build(go, program)
        say(f"{product.name} {product.version}: {program} took {time.monotonic() - start:.0f} s")


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def say(text):
    print("cluster: " + text, file=sys.stderr, flush=True)
