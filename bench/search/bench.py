"""make bench-search: runs ours, then what is missing of the peers, and makes the report.

Quick, the default: ours anew on a sample, beside the peers' kept curves (bench/results/search) and a few minutes of
peers where none are kept; the report goes to build/search-quick. BENCH_FULL=1: ours on everything with 15 seeds, the
peers' whole plan, hours to days; it may be killed and goes on where it was. Ours are kept per state of the
algorithms' sources, so that curves of another state are never mixed in; the report is bench/results/search.md.
"""
import glob
import os
import shutil
import subprocess
import sys
from collections import namedtuple

import fingerprints
import problems
import runs

FULL = bool(os.environ.get("BENCH_FULL"))
KEPT = os.path.join(problems.ROOT, "bench/results/search")
RUN = os.environ.get("TRIMTAB_SEARCH_RUN", os.path.join(problems.ROOT, "build/release/search-run"))
PYTHON = os.path.join(problems.ROOT, "build/search-venv/bin/python")
HEBO = os.path.join(problems.ROOT, "build/hebo-venv/bin/python")

OURS_FILE = "ours.txt"      # of which state of the sources our curves in a folder are

# One call of search-run: more are its further options.
Ours = namedtuple("Ours", "algorithms problems seeds trials more", defaults=((),))

STRONG = ("auto", "gp", "tpe", "cmaes")
MODEL = ("auto", "gp")
SEVERAL = ("auto", "gp", "tpe", "nsga2")
SAMPLE = "quick,tables,mixed"
QUICK_PLAN = [
    Ours(STRONG, SAMPLE, "1-3", 100),
    Ours(MODEL, "draws", "1-5", 100),
    Ours(MODEL, "tables", "1-3", 100, ("--parallel", "8")),
    Ours(MODEL, "family", "1-3", 20),
    Ours(MODEL, "family", "1-3", 20, ("--warm", "3")),
    Ours(SEVERAL, "multi", "1-3", 100),
]
FULL_PLAN = [
    Ours(STRONG + ("sobol",), "tables,mixed,functions,bbob", "1-15", 200),
    Ours(STRONG, "yahpo,curves,noisy", "1-15", 200),
    Ours(STRONG, "draws", "1-15", 200),
    *(Ours(MODEL + ("tpe",), "tables,mixed,functions,yahpo,bbob", "1-15", 100, ("--parallel", q))
      for q in ("8", "4", "16")),
    Ours(MODEL, "family", "1-15", 50),
    Ours(MODEL, "family", "1-15", 50, ("--warm", "3")),
    Ours(SEVERAL, "multi", "1-15", 100),
]
SPEED = ("auto", "gp", "tpe", "cmaes")


def say(text):
    print(f"  {text}", file=sys.stderr, flush=True)


def state():
    """A name for the sources that decide our curves: two states never share a folder."""
    paths = ["algorithms", "bench/search"]
    listed = subprocess.run(["git", "-C", problems.ROOT, "ls-files", "-s", "--", *paths], text=True, check=True,
                            stdout=subprocess.PIPE).stdout
    changed = subprocess.run(["git", "-C", problems.ROOT, "diff", "HEAD", "--", "algorithms", "bench/search/*.c",
                              "bench/search/*.h"], check=True, stdout=subprocess.PIPE).stdout
    sources = "".join(line for line in listed.splitlines(True) if line.rstrip().endswith((".c", ".h")))
    done = subprocess.run(["git", "hash-object", "--stdin"], input=sources.encode() + changed, check=True,
                          stdout=subprocess.PIPE).stdout
    return done.decode()[:12]


def write_state(folder):
    done = subprocess.run(["git", "-C", problems.ROOT, "log", "-1", "--format=commit %h of %cs", "--", "algorithms"],
                          check=True, text=True, stdout=subprocess.PIPE)
    changed = subprocess.run(["git", "-C", problems.ROOT, "diff", "--quiet", "HEAD", "--", "algorithms"], check=False)
    with open(os.path.join(folder, OURS_FILE), "w", encoding="utf-8") as f:
        f.write(done.stdout.strip() + (" with changes" if changed.returncode else "") + "\n")


def run_ours(plan, folder):
    missing = set()
    write_state(folder)
    for row in plan:
        for name in row.algorithms:
            if name in missing:
                continue
            say(f"{name} on {row.problems}, seeds {row.seeds}, {row.trials} trials {' '.join(row.more)}".rstrip())
            done = subprocess.run([RUN, "--algorithm", name, "--problems", row.problems, "--seeds", row.seeds,
                                   "--trials", str(row.trials), "--out", folder, *row.more], check=False, text=True,
                                  stdout=subprocess.PIPE)
            if done.returncode == 2:
                missing.add(name)
            elif done.returncode:
                say(f"search-run ended with {done.returncode}:\n{done.stdout}")
    return missing


def time_ours(folder, missing):
    """Writes the times of suggestions anew: they are of this machine and this minute."""
    path = os.path.join(folder, "trimtab-speed.jsonl")
    with open(path, "w", encoding="utf-8") as f:
        for name in SPEED:
            if name not in missing:
                say(f"times of {name}")
                f.write(subprocess.run([RUN, "--time", "--algorithm", name], check=False, text=True,
                                       stdout=subprocess.PIPE).stdout)
                f.flush()


def run_peers(plan, folder):
    """Both environments read and write the same folder; HEBO's passes over what it has not got."""
    env = {**os.environ, "TRIMTAB_SEARCH_RESULTS": folder}
    script = os.path.join(problems.ROOT, "bench/search/peers.py")
    for python in (PYTHON, HEBO):
        if os.path.exists(python):
            subprocess.run([python, script, *plan], env=env, check=False)


def quick(folder):
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    for path in glob.glob(os.path.join(KEPT, "*.jsonl")):
        if not os.path.basename(path).startswith("trimtab-") or path.endswith("trimtab-random.jsonl"):
            shutil.copy(path, folder)
    shutil.copy(os.path.join(KEPT, fingerprints.NAME), folder)
    fingerprints.forget_changed(folder, problems.problems())
    missing = run_ours(QUICK_PLAN, folder)
    time_ours(folder, missing)
    run_peers(["quick"], folder)
    if os.path.exists(PYTHON):
        run_peers(["--speed", "optuna-tpe:200,optuna-gp:200"], folder)
    return missing


def full():
    ours = os.path.join(problems.ROOT, "build/search", state())
    os.makedirs(ours, exist_ok=True)
    missing = run_ours(FULL_PLAN, ours)
    time_ours(ours, missing)
    os.makedirs(KEPT, exist_ok=True)
    for path in glob.glob(os.path.join(KEPT, "trimtab-*.jsonl")):
        os.remove(path)
    for path in [*glob.glob(os.path.join(ours, "*.jsonl")), os.path.join(ours, OURS_FILE)]:
        shutil.copy(path, KEPT)
    run_peers(["--speed", "optuna-tpe,optuna-gp:500"], KEPT)
    for plan in ("fast", "slow"):
        run_peers([plan], KEPT)
    for path in glob.glob(os.path.join(KEPT, "*.jsonl")):
        runs.pack(path)
    return missing


def kept_peers(folder):
    """How much of the peers stands in the folder: a quick run is no more than it has."""
    return sum("regret" in fields and not fields["who"].startswith("trimtab-") for fields in runs.read_lines(folder))


def main():
    if not problems.DATA:
        say("TRIMTAB_SEARCH_DATA names no folder with measured data (bench/README.md): tables and surrogates are left "
            "out")
    folder = KEPT if FULL else os.path.join(problems.ROOT, "build/search-quick")
    missing = full() if FULL else quick(folder)
    report = os.path.join(os.path.dirname(os.path.abspath(__file__)), "report.py")
    out = [] if FULL else [folder, os.path.join(problems.ROOT, "build/search-quick/search.md")]
    done = subprocess.run([sys.executable, report, *out], check=False)
    if missing:
        print(f"  Not there, so not run: {', '.join(sorted(missing))}")
    if not FULL:
        print(f"  A quick run: ours on a sample with 3 seeds, {kept_peers(folder):,} curves of peers. Figures with few "
              "seeds and tasks decide nothing; BENCH_FULL=1 runs everything.")
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
