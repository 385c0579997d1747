"""Rules that other programs check."""
import os
import shutil
import subprocess

from sources import read, tracked

MAKE = os.environ.get("MAKE", "make")


def run(command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)


def lines_of(command):
    result = run(command)
    rows = [line for line in result.stdout.splitlines() if line.strip()]
    return rows if rows or result.returncode == 0 else [f"{command[0]} exited with {result.returncode}"]


def shellcheck():
    if not shutil.which("shellcheck"):
        return ["shellcheck is not installed: tools/setup lint"]
    scripts = [path for path in tracked() if path.endswith(".sh") or
               (os.access(path, os.X_OK) and read(path).startswith(("#!/bin/sh", "#!/bin/bash")))]
    return [row for row in lines_of(["shellcheck", "--format=gcc", *scripts])]


def queue_header():
    """cppcheck reads no system header but this one, whose macros are half the grammar of a list."""
    found = run(["gcc", "-E", "-M", "-x", "c", "-"], input="#include <sys/queue.h>\n").stdout.split()
    return next((word for word in found if word.endswith("sys/queue.h")), "sys/queue.h")


def cppcheck():
    os.makedirs("build/cppcheck", exist_ok=True)
    return lines_of(["cppcheck", "--quiet", "--std=c11", "--enable=warning,portability", "--inline-suppr",
                     "--cppcheck-build-dir=build/cppcheck", "-j2", "--template={file}:{line}: {id}: {message}",
                     "--suppress=missingIncludeSystem", "--suppress=unknownMacro", "--suppress=normalCheckLevelMaxBranches",
                     f"--include={queue_header()}", "-I.", "-DPRINTF(a,b)=", "-DMUSTCHECK=", "-DNORETURN=",
                     "lib", "algorithms", "server", "trial-runner", "cli"])


def warnings_of(compiler):
    def rule():
        env = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
        wrapper = "ccache " if shutil.which("ccache") else ""
        result = run([MAKE, "-s", "-k", "-j2", "BUILD=debug", "SAN=", f"CC={wrapper}{compiler}", "all", "test-programs"], env=env)
        rows = [line for line in result.stdout.splitlines() if "warning:" in line or "error:" in line or "***" in line]
        return rows or ([result.stdout[-2000:]] if result.returncode else [])
    return rule


QUICK_RULES = [("shellcheck agrees", shellcheck)]
SLOW_RULES = [
    ("cppcheck agrees", cppcheck),
    ("gcc has no warning", warnings_of("gcc")),
    ("clang has no warning", warnings_of("clang")),
]
