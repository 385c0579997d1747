"""Images that this project's Containerfiles describe, without an engine, a registry or a network: from the files of
this machine, a Debian that has the same packages.

    containerfile.build("registry.example/digits:1", "examples/digits/Containerfile", "examples/digits")

Of each stage but the last only its product is used, the program that is built here already. The last one is
taken at its word: a program gets those of its libraries that the packages named there bring, and no others.
"""
import os
import re
import shlex
import subprocess

from . import images

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
PROGRAM = os.environ.get("TRIMTAB_BIN") or os.path.join(ROOT, "build/release/trimtab")
BASES = {"docker.io/library/debian:12-slim": lambda: [images.busybox()],
         "python:3.12-slim": lambda: [images.busybox(), images.python()]}
PIP = {"scikit-learn": ["python3-sklearn", "python3-sklearn-lib", "python3-scipy", "python3-numpy", "python3-joblib",
                        "python3-threadpoolctl", "python3-decorator"]}
# By the path in the stage that builds them.
BUILT = {"/image/usr/local/bin/" + name: os.path.join(os.path.dirname(PROGRAM), name)
         for name in ("trimtab", "trimtab-collect")}


def instructions(path):
    """[(word, rest), ...] without comments, with continued lines as one."""
    with open(path, encoding="utf-8") as f:
        text = re.sub(r"\\\n", " ", re.sub(r"(?m)^#.*\n", "", f.read()))
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]


def last_stage(path):
    found = instructions(path)
    first = max(n for n, (word, _) in enumerate(found) if word == "FROM")
    return found[first][1].split()[0], found[first + 1:]


def copied(path):
    """What each stage copies from the context: [(source, target), ...]."""
    return [tuple(rest.split()) for word, rest in instructions(path) if word == "COPY" and "--from" not in rest]


def with_dependencies(packages):
    """The packages and what they depend on, of those that are installed here."""
    told = subprocess.run(["dpkg-query", "-W", "-f", "${Package}: ${Pre-Depends}, ${Depends}\n"], text=True,
                          stdout=subprocess.PIPE, check=True).stdout
    needs = {line.partition(":")[0]: re.findall(r"(?:^|[,|])\s*([a-z0-9][a-z0-9.+-]+)", line.partition(":")[2])
             for line in told.splitlines()}
    found, todo = set(), list(packages)
    while todo:
        package = todo.pop()
        if package in needs and package not in found:
            found.add(package)
            todo += needs[package]
    return found


def owners(paths):
    """The package that brings each file, by its path. What is in /usr/lib may be known as being in /lib."""
    real = {path: os.path.realpath(path) for path in paths}
    known = {name: path for path, name in real.items()} | {name.removeprefix("/usr"): path for path, name in real.items()}
    said = subprocess.run(["dpkg-query", "-S", *known], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          check=False).stdout
    found = (line.rpartition(": ") for line in said.splitlines())
    return {known[path]: packages.partition(":")[0] for packages, _, path in found}


class Stage:
    def __init__(self, context):
        self.context, self.layer, self.packages = context, images.Layer(), set()
        self.config = {}

    def run(self, command):
        for part in command.split("&&"):
            words = shlex.split(part)
            names = [w for w in words[2:] if not w.startswith("-")]
            if words[:2] == ["apt-get", "install"]:
                self.packages = with_dependencies(names)
            elif words[:2] == ["pip", "install"]:
                for name in names:
                    self.add_modules(PIP[name.partition("==")[0]])

    def add_modules(self, packages):
        files = [f for f in images.package_files(*packages) if not re.search(r"/(doc|man|lintian|tests)/", f)]
        for path in files + images.libraries([f for f in files if f.endswith(".so")]):
            self.layer.copy(path)

    def copy(self, words):
        source, target = words.split()[-2:]
        if "--from" not in words:
            self.layer.copy(os.path.join(self.context, source), target)
            return
        self.layer.copy(BUILT[source], target)
        libraries = images.libraries([BUILT[source]])
        package = owners(libraries)
        for path in libraries:
            if package[path] not in self.packages:
                raise AssertionError(f"{source} loads {path}, of {package[path]}, which the Containerfile lacks")
            self.layer.copy(path)

    def take(self, word, rest):
        if word == "RUN":
            self.run(rest)
        elif word == "COPY":
            self.copy(rest)
        elif word == "USER":
            self.config["User"] = rest
        elif word in ("ENTRYPOINT", "CMD"):
            self.config[word.capitalize()] = shlex.split(rest.strip("[]").replace(",", " "))
        elif word != "EXPOSE":
            raise AssertionError(f"{word} {rest}: an instruction that is not known here")


def build(name, path, context):
    """The bytes of a docker-archive."""
    base, rest = last_stage(path)
    stage = Stage(context)
    for word, words in rest:
        stage.take(word, words)
    return images.archive(name, [*BASES[base](), stage.layer.finish()], **stage.config)
