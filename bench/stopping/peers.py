"""Optuna's pruners over its TPE, on the same problems in the same simulated clock as sim.c.

    peers.py --who optuna-hyperband --problems 'yahpo/lcbench-3945' --seeds 1-15 --workers 4 --budget 30

Prints the lines that stopping-run prints. Both pruners know the steps; what they leave open has its default, but for
the least resource, which is 1 step as for ours.
"""
import os
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import fnmatch
import heapq
import json
import math
import subprocess
import sys

import optuna

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../search"))
import adapters
import problems as library

GRID = 30               # as SIM_GRID
RUN = os.environ.get("TRIMTAB_STOPPING_RUN", os.path.join(library.ROOT, "build/release/stopping-run"))


def pruner(who, steps):
    if who == "optuna-hyperband":
        return optuna.pruners.HyperbandPruner(min_resource=1, max_resource=steps, reduction_factor=3)
    if who == "optuna-halving":
        return optuna.pruners.SuccessiveHalvingPruner(min_resource=1)
    if who == "optuna-tpe":
        return optuna.pruners.NopPruner()
    raise SystemExit(f"{who}: no such peer")


class Peer(adapters.OptunaTPE):
    def __init__(self, who, problem, seed):
        super().__init__(problem, seed)
        self.study = optuna.create_study(sampler=self.sampler(optuna.samplers), pruner=pruner(who, problem.steps),
                                         direction="maximize" if problem.maximize else "minimize")


class Run:
    """A trial on a worker: the step under way is over when it is due."""

    def __init__(self, problem, trial, point, now):
        self.problem, self.trial, self.point, self.begun, self.step, self.best = problem, trial, point, now, 0, None
        self.next()

    def next(self):
        self.step += 1
        self.value, seconds = self.problem.report(self.point, self.step)
        self.due = self.begun + seconds


def search(who, problem, seed, workers, budget, seconds):
    peer, end = Peer(who, problem, seed), budget * seconds / workers
    better = max if problem.maximize else min
    states = optuna.trial.TrialState
    queue, regrets, best, now, asked, stopped, whole, reports, trained = [], [], None, 0.0, 0, 0, 0, 0, 0.0
    for _ in range(workers):
        trial, point = peer.ask()
        asked += 1
        run = Run(problem, trial, point, now)
        heapq.heappush(queue, (run.due, asked, run))
    while True:
        due, number, run = queue[0]
        while len(regrets) < GRID and end * (len(regrets) + 1) / GRID < min(due, 2 * end):
            regrets.append(None if best is None else problem.regret(run.point, best))
        if due > end:
            break
        heapq.heappop(queue)
        now = due
        reports += 1
        state = None
        if math.isnan(run.value):
            peer.study.tell(run.trial, state=states.FAIL)
            state = states.FAIL
        else:
            best = run.value if best is None else better(best, run.value)
            run.best = run.value if run.best is None else better(run.best, run.value)
            run.trial.report(run.value, run.step)
            if run.step == problem.steps:
                peer.study.tell(run.trial, run.best)
                state, whole = states.COMPLETE, whole + 1
            elif run.trial.should_prune():
                peer.study.tell(run.trial, state=states.PRUNED)
                state, stopped = states.PRUNED, stopped + 1
        if state is None:
            run.next()
        else:
            trained += now - run.begun
            trial, point = peer.ask()
            asked, number = asked + 1, asked + 1
            run = Run(problem, trial, point, now)
        heapq.heappush(queue, (run.due, number, run))
    trained += sum(end - run.begun for _, _, run in queue)
    return {"who": who, "problem": problem.name, "seed": seed, "workers": workers, "trials": asked, "stopped": stopped,
            "whole": whole, "reports": reports, "trained": trained, "best": best,
            "regret": [None if r is None else float(f"{r:.3g}") for r in regrets]}


def unit(name):
    """Mean seconds of a full trial of the problem; None: it has no steps."""
    done = subprocess.run([RUN, "--units", "--problems", name], check=True, text=True, stdout=subprocess.PIPE,
                          env={**os.environ, "TRIMTAB_SEARCH_DATA": library.DATA})
    return json.loads(done.stdout)["seconds"] if done.stdout else None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--who", required=True)
    parser.add_argument("--problems", required=True, help="patterns, divided by commas")
    parser.add_argument("--seeds", default="1-15")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--budget", type=float, required=True)
    options = parser.parse_args()
    first, _, last = options.seeds.partition("-")
    patterns = options.problems.split(",")
    for name, problem in library.problems().items():
        if not any(fnmatch.fnmatch(name, p) for p in patterns) or not (seconds := unit(name)):
            continue
        for seed in range(int(first), int(last or first) + 1):
            found = search(options.who, problem, seed, options.workers, options.budget, seconds)
            print(json.dumps(found, separators=(",", ":")), flush=True)


if __name__ == "__main__":
    main()
