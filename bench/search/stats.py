"""The statistics of the search benchmark, without anything that needs installing: medians over seeds, mean ranks,
Wilcoxon's signed-rank test, geometric means of ratios.
"""
import math
import statistics

EXACT_UP_TO = 25        # pairs: below, the distribution of Wilcoxon's statistic is counted out
FLOOR = 0.001           # no ratio counts as less, so that one exact hit does not decide


def median(values):
    """The median; of an even number with an infinite one among the middle two, infinite."""
    return statistics.median(values) if values else math.nan


def ratio(mine, base):
    """mine / base for regrets. Where random search is at the optimum already nothing is to be told apart: 1."""
    return mine / base if base > 0 else 1.0


def geometric_mean(ratios, floor=FLOOR):
    return math.exp(statistics.fmean(math.log(min(max(r, floor), 1e12)) for r in ratios))


def log_gap(a, b, floor=FLOOR):
    """ln(a / b) of two ratios, each no less than the floor and no more than what one failure can weigh."""
    return math.log(min(max(a, floor), 1e12)) - math.log(min(max(b, floor), 1e12))


def midranks(values):
    """Rank 1 for the smallest; equal ones share the mean of their ranks."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks, i = [0.0] * len(values), 0
    while i < len(order):
        j = i
        while j + 1 < len(order) and values[order[j + 1]] == values[order[i]]:
            j += 1
        for k in range(i, j + 1):
            ranks[order[k]] = (i + j) / 2 + 1
        i = j + 1
    return ranks


def mean_ranks(table):
    """table[task][who] -> value, the same whos in each task: {who: mean rank}."""
    whos = list(table[0])
    rows = [midranks([row[who] for who in whos]) for row in table]
    return {who: statistics.fmean(row[i] for row in rows) for i, who in enumerate(whos)}


def wilcoxon(differences):
    """Two-sided p of "the differences are symmetric about zero"; zeros are left out (Wilcoxon's way). With ties
    among few pairs the exact distribution is that of the midranks. 1.0 if nothing differs."""
    ranked = [d for d in differences if d != 0 and not math.isnan(d)]
    n = len(ranked)
    if n == 0:
        return 1.0
    ranks = midranks([abs(d) for d in ranked])
    plus = sum(r for r, d in zip(ranks, ranked) if d > 0)
    low = min(plus, n * (n + 1) / 2 - plus)
    if n <= EXACT_UP_TO:
        return min(1.0, 2 * _share_at_most(ranks, low))
    mean = n * (n + 1) / 4
    variance = sum(r * r for r in ranks) / 4
    z = (low - mean + 0.5) / math.sqrt(variance)
    return min(1.0, math.erfc(-z / math.sqrt(2)))


def _share_at_most(ranks, low):
    """The share of the 2^n choices of signs whose sum of positive ranks is at most `low`. Ranks are halves."""
    counts = {0: 1}
    for rank in (round(2 * r) for r in ranks):
        more = dict(counts)
        for total, count in counts.items():
            more[total + rank] = more.get(total + rank, 0) + count
        counts = more
    limit = round(2 * low)
    return sum(c for total, c in counts.items() if total <= limit) / 2 ** len(ranks)


def quantile(values, q):
    ordered = sorted(values)
    return ordered[max(0, math.ceil(q * len(ordered)) - 1)]


def exp_mean(logs):
    return math.exp(statistics.fmean(logs))
