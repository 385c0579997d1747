"""Rules that keep what is written about the program equal to what it does."""
import os
import re
import shutil
import subprocess

from sources import read, tracked

BINARY = os.environ.get("TRIMTAB_BIN", "build/release/trimtab")


def output(*words):
    return subprocess.run([BINARY, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=True,
                          timeout=20).stdout


def reference_is_fresh():
    """docs/reference/cli.md is what `make docs` writes."""
    if not os.path.exists(BINARY):
        return
    path = "docs/reference/cli.md"
    if not os.path.exists(path) or read(path) != output("__document", "markdown"):
        yield f"{path} is not what the program says: run `make docs`"


def settings_are_fresh():
    """The settings in the documents are those of every algorithm's and every rule's table."""
    if not os.path.exists(BINARY):
        return
    for kind, path in (("algorithms", "docs/algorithms.md"), ("early-stopping", "docs/early-stopping.md")):
        page = read(path)
        blocks = re.findall(r"(<!-- settings: (\S+) -->\n.*?<!-- end -->\n)", output("__document", kind), re.S)
        for block, name in blocks:
            if block not in page:
                yield f"{path}: the settings of {name} are not what the program says: run `make docs`"
        named = re.findall(r"<!-- settings: (\S+) -->", page)
        for name in sorted(set(named)):
            if named.count(name) > 1:
                yield f"{path}: {name} has two sections"
            if name not in dict(block[::-1] for block in blocks):
                yield f"{path}: there is no {name} among {kind}"


def manual_is_clean():
    if not os.path.exists(BINARY):
        return
    if not shutil.which("mandoc"):
        yield "mandoc is not installed: tools/setup lint"
        return
    page = output("__document", "man")
    result = subprocess.run(["mandoc", "-Tlint", "-Wstyle"], input=page, stdout=subprocess.PIPE, text=True, check=False)
    yield from result.stdout.splitlines()


def commands_exist():
    """Every `trimtab WORD` in the documents is a command."""
    if not os.path.exists(BINARY):
        return
    known = set(re.findall(r"^  ([a-z_]+) ", output("help"), re.M)) | {"COMMAND", "sql"}
    for path in tracked():
        if not path.endswith(".md") or path.startswith("bench/"):
            continue
        for number, line in enumerate(read(path).splitlines(), 1):
            for word in re.findall(r"(?:`|\$\(|^ *(?:\$ )?)trimtab ([a-z]+)\b", line):
                if word not in known and word not in ("is", "runs", "keeps"):
                    yield f"{path}:{number}: `trimtab {word}` is not a command"


def environment_is_documented():
    """Every TRIMTAB_ variable that the sources read is named in a document."""
    sources = [p for p in tracked() if p.endswith(".c") and p.split("/")[0] in
               ("lib", "algorithms", "server", "trial-runner", "cli")]
    documents = "".join(read(p) for p in tracked() if p.endswith(".md"))
    for path in sources:
        for name in re.findall(r'(?:getenv\(|\.env = )"(TRIMTAB_\w+)"', read(path)):
            if name not in documents:
                yield f"{path}: {name} is in no document"


RULES = [
    ("the command reference is fresh", reference_is_fresh),
    ("the settings of the algorithms are fresh", settings_are_fresh),
    ("the manual page is clean", manual_is_clean),
    ("documents name commands that exist", commands_exist),
    ("environment variables are documented", environment_is_documented),
]
