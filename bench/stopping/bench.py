"""make bench-stopping: searches that stop trials, in simulated time, and the gates that they are held to.

Every run is one line of JSON in bench/results/stopping/WHO.jsonl; what stands there is not run again, so the benchmark
may be killed and goes on where it was. Seeds are taken in rounds: whenever it ends, what is there is even. Each part says
how much processor time it took and how many runs are left. BENCH_QUICK=1 takes the first seeds only and keeps nothing; BENCH_FRESH=1 runs ours anew (after a change of the algorithms);
BENCH_MINUTES=N ends the runs after that long, and reports on what there is.
"""
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections import namedtuple

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
import report

QUICK = bool(os.environ.get("BENCH_QUICK"))
FOLDER = os.path.join(ROOT, "build/stopping-quick" if QUICK else "bench/results/stopping")
RUN = os.environ.get("TRIMTAB_STOPPING_RUN", os.path.join(ROOT, "build/release/stopping-run"))
PYTHON = os.path.join(ROOT, "build/search-venv/bin/python")

BUDGET = 30             # full trials that the workers may train for
TRIALS = 100            # of the searches by which savings are measured
RACE = ("curves/imdb-patch32-GRU128-bs128", "curves/imdb-patch32-IRNN64-relu-avg-bs128", "yahpo/lcbench-3945",
        "yahpo/lcbench-34539")
TASKS = ("curves/imdb-patch128-LSTM128-avg-bs64", "curves/imdb-patch128-LSTM128-bs64",
         "curves/imdb-patch128-LSTM128-embed128-bs64", "curves/imdb-patch32-GRU128-bs128",
         "curves/imdb-patch32-GRU64-avg-bs128", "curves/imdb-patch32-IRNN64-relu-avg-bs128", "yahpo/lcbench-3945",
         "yahpo/lcbench-34539", "yahpo/lcbench-126025", "yahpo/lcbench-146212", "yahpo/lcbench-167104",
         "yahpo/lcbench-189354")

Method = namedtuple("Method", "who options limit peer", defaults=(False,))
RACERS = [
    Method("gp", ["--algorithm", "gp"], ["--budget", BUDGET]),
    Method("asha-gp", ["--algorithm", "asha", "--least", "default"], ["--budget", BUDGET]),
    Method("optuna-hyperband", [], ["--budget", BUDGET], True),
    Method("optuna-halving", [], ["--budget", BUDGET], True),
]
SAVERS = [
    Method("random", ["--algorithm", "random"], ["--trials", TRIALS]),
    Method("random-medianstop", ["--algorithm", "random", "--rule", "medianstop"], ["--trials", TRIALS]),
    Method("random-curve", ["--algorithm", "random", "--rule", "curve"], ["--trials", TRIALS]),
]
GUIDED = [
    Method("gp-50", ["--algorithm", "gp"], ["--trials", 50]),
    Method("gp-50-medianstop", ["--algorithm", "gp", "--rule", "medianstop"], ["--trials", 50]),
    Method("gp-50-curve", ["--algorithm", "gp", "--rule", "curve"], ["--trials", 50]),
]
# methods, problems, workers, first and last seed: in this order
ROUNDS = [
    (SAVERS, TASKS, 4, 1, 3),
    (RACERS, RACE, 4, 1, 5),
    (RACERS, RACE, 4, 6, 10),
    (RACERS, RACE, 4, 11, 15),
    (RACERS, RACE, 16, 1, 5),
    (RACERS, RACE, 1, 1, 5),
    (SAVERS, TASKS, 4, 4, 15),
    (GUIDED, TASKS, 4, 1, 5),
    (RACERS, RACE, 16, 6, 15),
    (RACERS, RACE, 1, 6, 15),
    (GUIDED, TASKS, 4, 6, 15),
]


def say(text):
    print(f"  {text}", file=sys.stderr, flush=True)


def kept(who):
    path = os.path.join(FOLDER, f"{who}.jsonl")
    if not os.path.exists(path):
        return set()
    with open(path, encoding="utf-8") as f:
        rows = [json.loads(line) for line in f]
    return {(row["problem"], row["seed"], row["workers"]) for row in rows}


def run(method, problem, workers, first, last):
    """Runs the seeds that are missing; a run that is killed leaves whole lines only."""
    have = kept(method.who)
    for seed in range(first, last + 1):
        if (problem, seed, workers) in have:
            continue
        command = [PYTHON, os.path.join(HERE, "peers.py")] if method.peer else [RUN]
        command += ["--who", method.who, *method.options, *map(str, method.limit), "--problems", problem, "--seeds",
                    f"{seed}-{last}" if not have & {(problem, s, workers) for s in range(seed, last + 1)} else str(seed),
                    "--workers", str(workers)]
        done = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE,
                              env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})
        with open(os.path.join(FOLDER, f"{method.who}.jsonl"), "a", encoding="utf-8") as f:
            f.write(done.stdout)
        have = kept(method.who)


def parts():
    """(method, problem, workers, first, last) in order."""
    for methods, problems, workers, first, last in ROUNDS[:2] if QUICK else ROUNDS:
        for problem in problems:
            for method in methods:
                yield method, problem, workers, first, 1 if QUICK else last


def missing(method, problem, workers, first, last):
    have = kept(method.who)
    return sum((problem, seed, workers) not in have for seed in range(first, last + 1))


def run_all():
    minutes = float(os.environ.get("BENCH_MINUTES", "inf"))
    start, left = time.monotonic(), sum(missing(*part) for part in parts())
    say(f"{left} runs are missing")
    for part in parts():
        runs = missing(*part)
        if runs == 0:
            continue
        if time.monotonic() - start > 60 * minutes:
            return
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run(*part)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        left -= runs
        method, problem, workers, first, last = part
        say(f"{method.who} on {problem}, {workers} workers, seeds {first} to {last}: "
            f"{(after.ru_utime - before.ru_utime) / runs:.1f} s of processor time a run; {left} runs left")


def decide():
    """What judging costs: lines of JSON."""
    done = subprocess.run([RUN, "--decide"], check=True, text=True, stdout=subprocess.PIPE)
    with open(os.path.join(FOLDER, "decide.jsonl"), "w", encoding="utf-8") as f:
        f.writelines(line for line in done.stdout.splitlines(True) if line.startswith("{"))


def main():
    if not os.environ.get("TRIMTAB_SEARCH_DATA"):
        raise SystemExit("TRIMTAB_SEARCH_DATA must name the folder of the measured data: bench/README.md")
    if QUICK:
        shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(FOLDER, exist_ok=True)
    if os.environ.get("BENCH_FRESH"):
        for method in (m for m in RACERS + SAVERS + GUIDED if not m.peer):
            path = os.path.join(FOLDER, f"{method.who}.jsonl")
            if os.path.exists(path):
                os.remove(path)
    decide()
    run_all()
    text = report.make(FOLDER)
    with open(os.path.join(FOLDER, "../stopping.md") if not QUICK else os.path.join(FOLDER, "stopping.md"), "w",
              encoding="utf-8") as f:
        f.write(text)
    print(text)


if __name__ == "__main__":
    main()
