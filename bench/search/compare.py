"""Scores of searches and comparisons between them, over the runs that are there.

A task is a problem. The score of a search on a task after n trials is its median regret over the seeds divided by
random search's; a comparison of two uses only the tasks and seeds that both have.
"""
import stats

RANDOM = "trimtab-random"
AT = (20, 50, 100, 200)

# Which problems make up a set of the report.
SETS = {
    "tables": ("tables",),
    "surrogates": ("yahpo", "curves"),
    "functions": ("functions",),
    "bbob": ("bbob",),
    "mixed": ("mixed",),
    "noisy": ("noisy",),
    "family": ("family",),
    "multi": ("multi",),
}


def set_of(problem):
    family = problem.split("/")[0]
    return next((name for name, families in SETS.items() if family in families), family)


class Runs:
    """The runs of one number of parallel trials and one mode, by search and task."""

    def __init__(self, found, parallel=1, mode=""):
        self.by = {}
        for run in found.values():
            cold_random = run.who == RANDOM and run.parallel == 1
            if cold_random or (run.parallel == parallel and run.mode == mode):
                self.by.setdefault(run.who, {}).setdefault(run.problem, {})[run.seed] = run

    def whos(self):
        return [who for who in self.by if who != RANDOM]

    def tasks(self, who, name, n):
        """The tasks of a set on which `who` has got as far as n, and random search as well."""
        return sorted(t for t in self.by.get(who, {})
                      if set_of(t) == name and self.seeds(who, t, n) and self.seeds(RANDOM, t, n))

    def seeds(self, who, task, n):
        return {s for s, run in self.by.get(who, {}).get(task, {}).items() if run.trials >= n}

    def regret(self, who, task, n, seeds=None):
        seeds = self.seeds(who, task, n) if seeds is None else seeds
        return stats.median([self.by[who][task][s].regret(n) for s in seeds])

    def score(self, who, task, n, seeds=None):
        return stats.ratio(self.regret(who, task, n, seeds), self.regret(RANDOM, task, n))

    def ms(self, who, name, n):
        """The median over runs of the processor time of a suggestion after n trials; None: no run says."""
        times = [run.ms(n) for task, seeds in self.by.get(who, {}).items() if set_of(task) == name
                 for run in seeds.values() if run.ms(n) is not None]
        return stats.median(times) if times else None


class Standing:
    """One search in one set after n trials: its tasks and seeds, geometric mean, mean rank."""

    def __init__(self, runs, who, tasks, n):
        self.who, self.tasks = who, len(tasks)
        self.seeds = round(stats.median([len(runs.seeds(who, t, n)) for t in tasks]))
        self.mean = stats.geometric_mean([runs.score(who, t, n) for t in tasks])
        self.rank = None


def standings(runs, whos, name, n, share=1.0):
    """Those of `whos` that cover at least this share of the most covered one's tasks, on the tasks that all of these
    have, the best first."""
    tasks = {who: set(runs.tasks(who, name, n)) for who in whos}
    most = max(map(len, tasks.values()), default=0)
    kept = [who for who in whos if most and len(tasks[who]) >= share * most]
    common = sorted(set.intersection(*(tasks[who] for who in kept))) if kept else []
    if not common:
        return []
    ranks = stats.mean_ranks([{who: runs.regret(who, t, n) for who in kept} for t in common])
    found = [Standing(runs, who, common, n) for who in kept]
    for s in found:
        s.rank = ranks[s.who]
    return sorted(found, key=lambda s: s.rank)


class Duel:
    """a against b on the tasks and seeds that both have. `p` is of Wilcoxon's test over the tasks' log ratios."""

    def __init__(self, runs, a, b, name, n):
        self.n, scores = n, []
        self.seeds, pairs = [], []
        for task in sorted(set(runs.tasks(a, name, n)) & set(runs.tasks(b, name, n))):
            seeds = runs.seeds(a, task, n) & runs.seeds(b, task, n)
            if seeds:
                self.seeds.append(len(seeds))
                pairs.append((runs.regret(a, task, n, seeds), runs.regret(b, task, n, seeds)))
                scores.append(tuple(runs.score(who, task, n, seeds) for who in (a, b)))
        self.tasks = len(scores)
        if not scores:
            return
        self.wins = sum(x < y for x, y in pairs)
        self.losses = sum(x > y for x, y in pairs)
        self.mine, self.theirs = (stats.geometric_mean([s[i] for s in scores]) for i in (0, 1))
        self.ratio = self.mine / self.theirs
        ranks = stats.mean_ranks([{"a": x, "b": y} for x, y in pairs])
        self.rank, self.rank_theirs = ranks["a"], ranks["b"]
        self.p = stats.wilcoxon([stats.log_gap(x, y) for x, y in scores])

    @property
    def ahead(self):
        return self.tasks > 0 and self.rank < self.rank_theirs

    @property
    def significant(self):
        return self.ahead and self.p < 0.05
