"""The gates of the search benchmark: what must hold, and what was measured. A Gate's `met` is None where the runs
that would tell are not there.
"""
from collections import namedtuple

import runs as files
import stats
from compare import Duel, Runs, standings

Gate = namedtuple("Gate", "number what target measured met")

OURS = ("trimtab-auto", "trimtab-gp")
SLOW = ("ax", "hebo", "smac", "smac-gp")
NAMESAKES = (("trimtab-tpe", "optuna-tpe"), ("trimtab-cmaes", "optuna-cmaes"))
GATED = ("tables", "surrogates", "bbob", "mixed")
MUST = ("optuna-gp", "optuna-tpe", "skopt")        # without these, first is not first
SUBSET = 18         # tasks that a slow peer must have run
SHARE = 0.8         # of a set's tasks a search must have run to be ranked in it

# Published for the same tables, each evaluation drawing one of the seeds: the lowest of Hyperopt, TPE, TuRBO-1,
# TuRBO-5 and CoCaBO at 50 and 100 trials, as the mean of (best - oracle) / oracle over 15 seeds (results of
# github.com/nabenabe0928/constrained-tpe). The oracles are the minima over rows and seeds.
Published = namedtuple("Published", "oracle at50 at100")
PUBLISHED = {
    "draws/hpolib-slice-localization": Published(1.5851979e-4, 1.02, 0.477),
    "draws/hpolib-protein-structure": Published(0.22013874, 0.0412, 0.0153),
    "draws/hpolib-naval-propulsion": Published(2.4792556e-5, 2.06, 1.07),
    "draws/hpolib-parkinsons-telemonitoring": Published(3.821034e-3, 1.45, 1.23),
    "draws/nasbench201-cifar10": Published(8.28, 0.0357, 0.0236),
    "draws/nasbench201-cifar100": Published(26.12, 0.0515, 0.0253),
    "draws/nasbench201-imagenet": Published(52.73, 0.0203, 0.0142),
}
# Milliseconds of a suggestion after n trials: (search, n): at most.
SPEED = {("trimtab-gp", 50): 2, ("trimtab-gp", 200): 10, ("trimtab-gp", 500): 60, ("trimtab-gp", 1000): 250,
         ("trimtab-tpe", 1000): 0.3, ("trimtab-cmaes", 1000): 0.1, ("trimtab-auto", 10000): 100}
MEMORY_MB = 100     # of a suggestion at its peak, after 10,000 trials: what a whole server may take
FASTER = (("trimtab-gp", "optuna-gp", 30), ("trimtab-tpe", "optuna-tpe", 10))


def number(x):
    return f"{x:.3g}"


def probability(p):
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


class Evidence:
    """All that is in a folder of results."""

    def __init__(self, folder):
        self.found = files.read(folder)
        self.cold = Runs(self.found)
        self.parallel = {q: Runs(self.found, q) for q in (4, 8, 16)}
        self.warm = Runs(self.found, mode="warm")
        self.speed = {}
        for fields in files.read_lines(folder):
            if "speed" in fields:
                self.speed[fields["who"], fields["n"]] = fields

    def ranked(self, name, n):
        return standings(self.cold, [who for who in self.cold.whos() if plain(who)], name, n, SHARE)

    def peers(self):
        return [who for who in self.cold.whos() if not who.startswith("trimtab-")]


def plain(who):
    """Not a variant that somebody tried: those have their settings in the name."""
    return "+" not in who and "@" not in who


# ---- 1: results ----------------------------------------------------------------------------------------

def duel_text(d):
    return f"{d.wins}:{d.losses} of {d.tasks}, rank {number(d.rank)} to {number(d.rank_theirs)}, {probability(d.p)}"


def best_of(rows, whos):
    return next((r.who for r in rows if r.who in whos), None)


def _first(evidence, us, name, n):
    rows = evidence.ranked(name, n)
    place = next((i for i, r in enumerate(rows) if r.who == us), None)
    if place is None or not best_of(rows, evidence.peers()):
        return None, None
    peers_before = [r for r in rows[:place] if r.who in evidence.peers()]
    seeds = sorted({rows[place].seeds, min(r.seeds for r in rows)})
    text = (f"rank {number(rows[place].rank)} of {len(rows)}, {rows[place].tasks} tasks, "
            f"{' and '.join(map(str, seeds))} seeds")
    if peers_before:
        return text + f"; behind {', '.join(r.who for r in peers_before)}", False
    absent = [who for who in MUST if who not in {r.who for r in rows}]
    if absent:
        return text + f"; first so far, without {' and '.join(absent)}", None
    return text, True


def quality(evidence):
    for us in OURS:
        for name in GATED:
            for n in (50, 100):
                text, met = _first(evidence, us, name, n)
                yield Gate(1, f"{us}, {name}, {n} trials", "first in mean rank", text, met)
                for peer in MUST:
                    duel = Duel(evidence.cold, us, peer, name, n)
                    yield Gate(1, f"{us}, {name}, {n} trials, and {peer}", "ahead, p < 0.05",
                               duel_text(duel) if duel.tasks else None, duel.significant if duel.tasks else None)
            yield _half(evidence, us, name)
        for peer in ("ax", "hebo"):
            yield _subset(evidence, us, peer)


def _half(evidence, us, name):
    rows = {r.who: r for r in evidence.ranked(name, 100)}
    peer = min((r for r in rows.values() if not r.who.startswith("trimtab-")), key=lambda r: r.mean, default=None)
    if us not in rows or not peer:
        return Gate(1, f"{us}, {name}, geometric mean at 100", "≤ 0.5 of the best peer's", None, None)
    share = rows[us].mean / peer.mean
    absent = [who for who in MUST if who not in rows]
    text = f"{number(rows[us].mean)}, {peer.who} {number(peer.mean)}: {number(share)}"
    if absent and share <= 0.5:
        return Gate(1, f"{us}, {name}, geometric mean at 100", "≤ 0.5 of the best peer's",
                    f"{text}; without {' and '.join(absent)}", None)
    return Gate(1, f"{us}, {name}, geometric mean at 100", "≤ 0.5 of the best peer's", text, share <= 0.5)


def _subset(evidence, us, peer):
    duels = [d for d in (Duel(evidence.cold, us, peer, name, 50) for name in ("tables", "functions", "mixed"))
             if d.tasks]
    told = "; ".join(duel_text(d) for d in duels) if duels else None
    met = all(d.rank <= d.rank_theirs for d in duels) if duels else None
    if met and sum(d.tasks for d in duels) < SUBSET:
        met = None
    return Gate(1, f"{us} and {peer}, its subset, 50 trials", "not behind", told, met)


# ---- 2: published figures --------------------------------------------------------------------------------

def relative(evidence, who, task, n):
    """Mean over seeds of (best - oracle) / oracle, or None."""
    seeds = evidence.cold.seeds(who, task, n)
    if not seeds:
        return None
    return sum(evidence.cold.by[who][task][s].regret(n) for s in seeds) / len(seeds) / PUBLISHED[task].oracle


def published(evidence):
    for us in OURS:
        for task, row in PUBLISHED.items():
            for n, bound in ((50, row.at50), (100, row.at100)):
                value = relative(evidence, us, task, n)
                yield Gate(2, f"{us}, {task.split('/')[1]}, {n} trials", f"< {bound:g}",
                           None if value is None else number(value), None if value is None else value < bound)


# ---- 3: of the same name -----------------------------------------------------------------------------------

def namesakes(evidence):
    for us, peer in NAMESAKES:
        for name in ("tables", "surrogates", "functions", "bbob", "mixed"):
            for n in (100, 200):
                d = Duel(evidence.cold, us, peer, name, n)
                if not d.tasks:
                    yield Gate(3, f"{us}, {name}, {n} trials", f"at least {peer}", None, None)
                    continue
                yield Gate(3, f"{us}, {name}, {n} trials", f"at least {peer}",
                           f"{number(d.ratio)} of its regret; {duel_text(d)}", d.ratio <= 1 and d.rank <= d.rank_theirs)


# ---- 4, 5: parallel, warm start ------------------------------------------------------------------------------

def against_cold(evidence, other, who, name, n):
    """Geometric mean over tasks of the other way's score over the sequential, cold one's; (figure, tasks)."""
    gaps = []
    for task in set(other.tasks(who, name, n)) & set(evidence.cold.tasks(who, name, n)):
        seeds = other.seeds(who, task, n) & evidence.cold.seeds(who, task, n)
        if seeds:
            gaps.append(stats.log_gap(other.score(who, task, n, seeds), evidence.cold.score(who, task, n, seeds)))
    return (stats.exp_mean(gaps), len(gaps)) if gaps else (None, 0)


def _against_cold(evidence, other, what, gate, n, bound, sets):
    for us in OURS:
        for name in sets:
            value, tasks = against_cold(evidence, other, us, name, n)
            all_tasks = len(evidence.cold.tasks(us, name, n))
            met = None if value is None or (value <= bound and tasks < SHARE * all_tasks) else value <= bound
            yield Gate(gate, f"{us}, {name}, {what}", f"≤ {bound:g}",
                       None if value is None else f"{number(value)} over {tasks} of {all_tasks} tasks", met)


def ways(evidence):
    yield from _against_cold(evidence, evidence.parallel[8], "8 at once, regret at 100 over sequential", 4, 100, 1.3,
                             GATED)
    yield from _against_cold(evidence, evidence.warm, "warm start, regret at 20 over cold", 5, 20, 0.5,
                             ("family",))


# ---- 6, 7: time ------------------------------------------------------------------------------------------------

def speed(evidence):
    for (who, n), bound in SPEED.items():
        row = evidence.speed.get((who, n))
        yield Gate(7 if n == 10000 else 6, f"{who}, ms a suggestion after {n:,} trials", f"≤ {bound:g}",
                   row and f"{number(row['mean'])} amortised; p50 {number(row['p50'])}, p95 {number(row['p95'])}",
                   row and row["mean"] <= bound and row["p50"] <= bound)
    grown = [(n, row["mb"]) for (who, n), row in sorted(evidence.speed.items())
             if who == "trimtab-auto" and "mb" in row]
    at_end = dict(grown).get(10000)
    yield Gate(7, "trimtab-auto, MB that suggestions take at their peak after 10,000 trials", f"≤ {MEMORY_MB}",
               at_end and "; ".join(f"{number(mb)} after {n:,}" for n, mb in reversed(grown)),
               at_end and at_end <= MEMORY_MB)
    for us, peer, bound in FASTER:
        for n in (50, 200, 500, 1000):
            mine, theirs = evidence.speed.get((us, n)), evidence.speed.get((peer, n))
            told = mine and theirs
            times = told and theirs["mean"] / mine["mean"]
            yield Gate(6, f"{peer} over {us} after {n:,} trials", f"≥ {bound}",
                       told and f"{number(times)} ({number(theirs['mean'])} to {number(mine['mean'])} ms)",
                       told and times >= bound)


def gates(evidence):
    return sorted((g for part in (quality, published, namesakes, ways, speed) for g in part(evidence)),
                  key=lambda g: g.number)
