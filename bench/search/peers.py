"""Runs the other tuners on the benchmark's problems, one process, one thread, and keeps their curves.

    peers.py PLAN                     the plan's runs that are not there yet, the most valuable first
    peers.py PLAN --left              how many these are, and what they would take
    peers.py --peer optuna-gp --problems 'tables/*' --seeds 1-5 --trials 100 [--parallel 8]
    peers.py --speed optuna-tpe,optuna-gp:500       times of suggestions; after at most so many trials

It may be killed at any time and goes on where it was; --minutes N makes it end by itself.
"""
import os
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import fnmatch
import json
import math
import random
import sys
import time

import adapters
import problems as library
import runs
import stats
from fingerprints import forget_changed, random_point
from plans import PLANS, Row

TIMED = "mixed/mixed-10"            # ten parameters of all kinds, as in timing.c
TIME_CALLS, TIME_MS = 40, 20_000
FOLDER = os.environ.get("TRIMTAB_SEARCH_RESULTS", os.path.join(library.ROOT, "bench/results/search"))


class Clock:
    """Processor milliseconds of this process."""

    def __init__(self):
        self.spent = 0.0

    def __enter__(self):
        self.start = time.process_time()

    def __exit__(self, *_):
        self.spent += 1e3 * (time.process_time() - self.start)

    def take(self):
        spent, self.spent = self.spent, 0.0
        return spent


def search(who, problem, seed, trials, parallel):
    """Regrets and milliseconds per trial. As in study.h: all trials take equally long, `parallel` at once."""
    peer, clock = adapters.make(who, problem, seed), Clock()
    pending, regrets, ms = [], [], []
    told, best, regret, asked = [], math.inf, math.inf, 0
    while len(regrets) < trials:
        while len(pending) < parallel and asked < trials:
            with clock:
                token, point = peer.ask()
            asked += 1
            pending.append((asked, token, point))
        number, token, point = pending.pop(0)
        natural = problem.active(point)
        if problem.several:
            told.append(problem.evaluate_all(natural))
            y = [-v if up else v for v, up in zip(told[-1], problem.several)]
            regret = problem.missing(told)
        else:
            value = problem.evaluate(natural, (seed << 32) + number)
            y = -value if problem.maximize else value
            if y < best:
                best, regret = y, problem.regret(natural, value)
        with clock:
            peer.tell(token, point, y)
        regrets.append(regret)
        ms.append(clock.take())
    return regrets, ms


def wanted(rows, known, names):
    """(who, problem, seed, trials, parallel) of what is missing, in the order of the rows."""
    for row in rows:
        for seed in row.seeds:
            for name in names:
                if not any(fnmatch.fnmatch(name, pattern) for pattern in row.problems):
                    continue
                run = known.get((row.who, name, seed, row.parallel, ""))
                if not run or run.trials < row.trials:
                    yield row.who, name, seed, row.trials, row.parallel


def run_all(rows, stop_at):
    every = library.problems()
    gone = forget_changed(FOLDER, every)
    if gone:
        print(f"{gone} curves are of problems that have changed since, and are taken out", file=sys.stderr)
    unable, warm = set(), set()
    for who, name, seed, trials, parallel in wanted(rows, runs.read(FOLDER), every):
        if time.monotonic() > stop_at:
            break
        if (who, name) in unable or not adapters.version(who):
            continue
        try:
            if who not in warm:     # what a peer loads at its first suggestions is not to be counted
                search(who, every[name], 0, 12, 1)
                warm.add(who)
            regrets, ms = search(who, every[name], seed, trials, parallel)
        except adapters.Unable:
            unable.add((who, name))
            continue
        except Exception as e:      # a peer that breaks down on one problem shall not end the others
            print(f"{who} {name} seed {seed}: {type(e).__name__}: {e}", file=sys.stderr, flush=True)
            unable.add((who, name))
            continue
        runs.append(FOLDER, who, runs.line(who, name, seed, parallel, regrets, ms))
        print(f"{who} {name} seed {seed}: {regrets[-1]:.4g} after {trials}, {sum(ms) / len(ms):.1f} ms",
              file=sys.stderr, flush=True)


# ---- what is left ---------------------------------------------------------------------------------------

def seconds_a_trial(known):
    """What a trial has taken so far, by search and set, and by search alone: medians over the runs."""
    times = {}
    for run in known.values():
        ms = [t for t in map(run.ms, runs.MS_AT) if t is not None]
        for key in ((run.who, run.problem.split("/")[0]), (run.who, "")):
            times.setdefault(key, []).append(sum(ms) / len(ms) / 1e3 if ms else 0.0)
    return {key: stats.median(all_of_them) for key, all_of_them in times.items()}


def print_left(rows):
    """Runs and processor hours per search; those of which nothing is known yet are only counted."""
    known = runs.read(FOLDER)
    seconds, missing = seconds_a_trial(known), {}
    for who, name, seed, trials, parallel in wanted(rows, known, library.problems()):
        missing[who, name, seed, parallel] = max(trials, missing.get((who, name, seed, parallel), 0))
    counts, hours = {}, {}
    for (who, name, _, _), trials in missing.items():
        counts[who] = counts.get(who, 0) + 1
        each = seconds.get((who, name.split("/")[0]), seconds.get((who, "")))
        hours[who] = hours.get(who, 0.0) + (trials * each / 3600 if each is not None else math.nan)
    for who, n in sorted(counts.items()):
        print(f"{who:14}{n:8,} runs" + (f"{hours[who]:10.1f} h" if hours[who] == hours[who] else "   time unknown"))
    print(f"{'together':14}{sum(counts.values()):8,} runs{sum(h for h in hours.values() if h == h):10.1f} h")


# ---- time of a suggestion ------------------------------------------------------------------------------

def time_one(who, problem, n):
    """Milliseconds of asking and telling, after n random trials: the first call apart, then until TIME_MS are spent."""
    source, clock = random.Random(1), Clock()
    points = [random_point(problem, source) for _ in range(n)]
    peer = adapters.make(who, problem, 1)
    peer.prefill(points, [problem.evaluate(x, 0) for x in points])
    ms = []
    while len(ms) < TIME_CALLS + 1 and (len(ms) < 3 or sum(ms) < TIME_MS):
        with clock:
            token, point = peer.ask()
        value = problem.evaluate(point, 0)
        with clock:
            peer.tell(token, point, value)
        ms.append(clock.take())
    first, *rest = ms
    return {"who": who, "speed": TIMED.rpartition("/")[2], "n": n, "first": round(first, 3),
            "p50": round(stats.quantile(rest, 0.5), 3), "p95": round(stats.quantile(rest, 0.95), 3),
            "mean": round(sum(rest) / len(rest), 3), "calls": len(rest)}


def speed(whos):
    """Times are of one machine in one minute: those that stand in the file are replaced."""
    problem, rows = library.problems()[TIMED], []
    for who, _, upto in (text.partition(":") for text in whos):
        if adapters.version(who):
            search(who, problem, 0, 12, 1)
            for n in (50, 200, 500, 1000):
                if n <= int(upto or 1000):
                    rows.append(time_one(who, problem, n))
                    print(rows[-1], file=sys.stderr, flush=True)
    if rows:
        with open(os.path.join(FOLDER, "peers-speed.jsonl"), "w", encoding="utf-8") as f:
            f.writelines(json.dumps(row) + "\n" for row in rows)


def seeds(text):
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plan", nargs="?", choices=PLANS)
    parser.add_argument("--peer", help=", ".join(adapters.PEERS))
    parser.add_argument("--problems", default="*", help="patterns, separated by commas")
    parser.add_argument("--seeds", default="1-5", type=seeds)
    parser.add_argument("--trials", default=100, type=int)
    parser.add_argument("--parallel", default=1, type=int)
    parser.add_argument("--speed", help="time suggestions of these, NAME or NAME:TRIALS")
    parser.add_argument("--left", action="store_true", help="with a plan: only tell what it would take")
    parser.add_argument("--minutes", default=math.inf, type=float)
    a = parser.parse_args()
    if a.speed:
        speed(a.speed.split(","))
        return
    if not a.plan and not a.peer:
        parser.error("a plan, --peer or --speed")
    rows = PLANS[a.plan] if a.plan else [
        Row(who, a.problems.split(","), a.seeds, a.trials, a.parallel) for who in a.peer.split(",")]
    if a.left:
        print_left(rows)
        return
    run_all(rows, time.monotonic() + 60 * a.minutes)


if __name__ == "__main__":
    main()
