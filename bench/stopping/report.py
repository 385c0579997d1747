"""The report of the benchmark of early stopping, of the runs in a folder: report.py [FOLDER]."""
import glob
import json
import math
import os
import statistics
import sys
from collections import defaultdict

GRID = 30
SHARES = (0.1, 0.2, 0.5, 1.0)
PEERS = ("optuna-hyperband", "optuna-halving")
RACERS = ("gp", "asha-gp", *PEERS)
DECIDE_US = 20.0


def load(folder):
    rows = []
    for path in sorted(glob.glob(os.path.join(folder, "*.jsonl"))):
        with open(path, encoding="utf-8") as f:
            rows += [json.loads(line) for line in f]
    return [r for r in rows if "who" in r], [r for r in rows if "decide" in r]


def table(head, rows):
    """Markdown; what is a number stands at the right."""
    right = [any(isinstance(row[i], (int, float)) for row in rows) for i in range(len(head))]
    lines = ["| " + " | ".join(head) + " |", "|" + "|".join(" ---: " if r else " --- " for r in right) + "|"]
    for row in rows:
        lines.append("| " + " | ".join(f"{c:.3g}" if isinstance(c, float) else str(c) for c in row) + " |")
    return "\n".join(lines) + "\n"


def span(seeds):
    return f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else str(seeds[0])


def many(workers):
    return f"{workers} worker{'s' if workers > 1 else ''}"


def mark(met):
    return "yes" if met else "**no**"


# ---- the race --------------------------------------------------------------------------------------------------------

class Race:
    """Regrets of the racers at one number of workers: problem -> who -> seed -> regret after each part of the budget."""

    def __init__(self, rows, workers):
        self.curves = defaultdict(lambda: defaultdict(dict))
        for row in rows:
            if row["workers"] == workers and row["who"] in RACERS and "regret" in row:
                curve = [math.inf if r is None else r for r in row["regret"]]
                self.curves[row["problem"]][row["who"]][row["seed"]] = curve
        self.problems = sorted(p for p, racers in self.curves.items() if len(racers) == len(RACERS))

    def seeds(self, problem, *whos):
        """Those that all of them have."""
        return sorted(set.intersection(*(set(self.curves[problem][who]) for who in whos)))

    def median(self, problem, who, beside=None):
        """Over the seeds that both have, after each part of the budget."""
        curves = [self.curves[problem][who][seed] for seed in self.seeds(problem, who, beside or who)]
        return [statistics.median(parts) for parts in zip(*curves)]

    def reach(self, problem):
        """Share of the budget after which asha-gp is where gp ends."""
        goal = self.median(problem, "gp", "asha-gp")[-1]
        return next(((i + 1) / GRID for i, r in enumerate(self.median(problem, "asha-gp", "gp")) if r <= goal), math.inf)

    def ratio(self, peer, share):
        """Geometric mean over the problems of our regret by the peer's."""
        at, logs = round(share * GRID) - 1, []
        for problem in self.problems:
            ours, theirs = self.median(problem, "asha-gp", peer)[at], self.median(problem, peer, "asha-gp")[at]
            logs.append(math.log(max(ours, 1e-6) / max(theirs, 1e-6)) if math.isfinite(ours) else 5.0)
        return math.exp(statistics.fmean(logs))

    def seeds_beside(self, who):
        """How many seeds the comparison of asha-gp with it rests on, by problem: "15" or "5 to 15"."""
        return span(sorted({len(self.seeds(p, "asha-gp", who)) for p in self.problems}))


def after(share):
    return f"{share:.0%}" if math.isfinite(share) else "not within it"


def race_section(rows):
    yield "## asha beside full trials and beside Optuna\n"
    yield ("Regret of the best value reported, median over the seeds that each has (gates compare by those that both "
           "have), after shares of a budget of 30 full trials of training, all workers together. `asha-gp` is asha as it is by default, with rungs at a ninth and a third of "
           "the steps, `gp` trains every trial to its end; Optuna's pruners work on its TPE, from 1 step on.\n")
    gates = []
    for workers in (1, 4, 16):
        race = Race(rows, workers)
        if not race.problems:
            continue
        yield f"### {many(workers)}\n"
        yield table(["problem", "who", "seeds", "10 %", "20 %", "50 %", "100 %", "is where gp ends after"],
                    [[p, who, len(race.curves[p][who]), *(race.median(p, who)[round(s * GRID) - 1] for s in SHARES),
                      after(race.reach(p)) if who == "asha-gp" else ""] for p in race.problems for who in RACERS])
        reach = statistics.median(race.reach(p) for p in race.problems)
        gates.append(["1", f"{many(workers)}, {race.seeds_beside('gp')} seeds: share of the budget after which asha-gp is "
                      f"where gp ends, median over {len(race.problems)} problems", "≤ 33 %", after(reach),
                      mark(reach <= 1 / 3 + 1e-9)])
        for peer in PEERS:
            ratios = [race.ratio(peer, s) for s in SHARES]
            gates.append(["1", f"{many(workers)}, {race.seeds_beside(peer)} seeds: regret of asha-gp by {peer}'s at 10, 20, 50, "
                          "100 %, geometric mean", "< 1 each", ", ".join(f"{r:.2f}" for r in ratios),
                          mark(all(r < 1 for r in ratios))])
    yield gates


# ---- what rules save -------------------------------------------------------------------------------------------------

def savings(rows, base, who):
    """Per problem: mean share of the training time saved, and mean relative loss of the best value, by seed."""
    full = {(r["problem"], r["seed"], r["workers"]): r for r in rows if r["who"] == base}
    found = defaultdict(list)
    for row in rows:
        other = full.get((row["problem"], row["seed"], row["workers"]))
        if row["who"] == who and other:
            sign = -1 if "lcbench" in row["problem"] else 1     # lcbench is maximised
            loss = sign * (row["best"] - other["best"]) / abs(other["best"])
            found[row["problem"]].append((1 - row["trained"] / other["trained"], loss, row["stopped"] / row["trials"]))
    return {p: ([statistics.fmean(column) for column in zip(*runs)], len(runs)) for p, runs in sorted(found.items())}


def savings_section(rows):
    yield "## What the rules save\n"
    yield ("The same number of trials with and without the rule, 4 workers. `random`: 100 trials, and both searches try the "
           "same configurations, so what is lost is lost by stopping alone. `gp`: 50 trials, and the search with the rule "
           "learns from trials that were stopped. The loss is that of the best value reported, relative to it.\n")
    gates = []
    for base, what in (("random", "random"), ("gp-50", "gp")):
        for rule in ("medianstop", "curve"):
            found = savings(rows, base, f"{base}-{rule}")
            if not found:
                continue
            seeds = sorted({n for _, n in found.values()})
            yield f"### {rule} with {what}, {span(seeds)} seeds\n"
            yield table(["problem", "time saved", "loss", "trials stopped"],
                        [[p, f"{s:.0%}", f"{l:.2%}", f"{t:.0%}"] for p, ((s, l, t), _) in found.items()])
            saved = statistics.median(s for (s, _, _), _ in found.values())
            loss = statistics.median(l for (_, l, _), _ in found.values())
            met = mark(saved >= 0.4 and loss <= 0.01)
            gates.append(["2", f"{rule} with {what}, {span(seeds)} seeds: time saved, loss; median over {len(found)} problems",
                          "≥ 40 %, ≤ 1 %", f"{saved:.0%}, {loss:.2%}", met])
    yield gates


# ---- the others ------------------------------------------------------------------------------------------------------

def decide_section(rows):
    yield "## What judging costs\n"
    yield ("10,000 trials of up to 100 reports, 8,000 of which were over before, 16 at a time: processor time of one report. "
           "The longest one builds a column for medians, which happens once for each step after a restart.\n")
    yield table(["rule", "reports", "stopped", "p50 µs", "p99 µs", "max µs", "MiB"],
                [[r["decide"], r["reports"], r["stopped"], r["p50_us"], r["p99_us"], r["max_us"], r["mib"]] for r in rows])
    worst = max((r["p99_us"] for r in rows), default=math.inf)
    yield [["4", "99 of 100 reports are judged within", f"≤ {DECIDE_US:.0f} µs", f"{worst:.1f} µs", mark(worst <= DECIDE_US)]]


def make(folder):
    rows, decided = load(folder)
    parts, gates = [], []
    for section in (race_section(rows), savings_section(rows), decide_section(decided)):
        for part in section:
            if isinstance(part, list):
                gates += part
            else:
                parts.append(part)
    gates.insert(len([g for g in gates if g[0] < "3"]), [
        "3", "Hyperband's counts are the exact tables for five (R, eta), at 1, 3, 7 and 100 at once", "equal",
        "tests/unit/algorithms", "by `make unit`"])
    head = ("# Early stopping\n\n`make bench-stopping` makes this page. Trials run on simulated workers with a simulated clock "
            "over the learning curves of TaskSet (51 steps) and lcbench's surrogate (52 epochs, with its times). How many "
            "seeds there are stands at each table: with fewer than 15 the gates are told from what there is. "
            "`stopping-decisions.md` tells what was tried.\n")
    return "\n".join([head, "## Gates\n", table(["gate", "what", "target", "measured", "met"], gates), *parts])


if __name__ == "__main__":
    print(make(sys.argv[1] if len(sys.argv) > 1 else os.path.join(
        os.path.dirname(os.path.abspath(__file__)), "../results/stopping")))
