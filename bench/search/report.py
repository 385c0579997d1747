"""Makes bench/results/search.md, with its plots, of the runs in bench/results/search, and prints the gates.

    report.py [FOLDER [FILE]]
"""
import glob
import math
import os
import sys
import time

import stats
from adapters import PACKAGES
from bench import OURS_FILE
from compare import AT, RANDOM, SETS, Duel
from gates import NAMESAKES, OURS, PUBLISHED, Evidence, against_cold, gates, number, plain, relative
from plot import chart
from problems import ROOT
from runs import reported

TITLES = {"tables": "Tables: measured networks", "functions": "Standard functions", "bbob": "BBOB",
          "surrogates": "Surrogates of measured networks, trees and forests; nearest measured configurations",
          "mixed": "Mixed and conditional spaces", "noisy": "With noise", "family": "Families of related tasks",
          "multi": "Several objectives: the hypervolume that is left out"}
MARK = {True: "yes", False: "**no**", None: "not yet told"}


def table(head, rows):
    left = [i for i in range(len(head)) if not any(isinstance(row[i], (int, float)) for row in rows)]
    lines = ["| " + " | ".join(head) + " |",
             "|" + "|".join(" --- " if i in left else " ---: " for i in range(len(head))) + "|"]
    for row in rows:
        lines.append("| " + " | ".join(cell if isinstance(cell, str) else "–" if cell is None else number(cell)
                                       for cell in row) + " |")
    return "\n".join(lines) + "\n"


# ---- sections ------------------------------------------------------------------------------------------

def gate_section(found):
    summary = []
    for n in sorted({g.number for g in found}):
        mine = [g for g in found if g.number == n]
        met, failed = sum(g.met is True for g in mine), sum(g.met is False for g in mine)
        summary.append(f"gate {n}: {met} met, {failed} not, {len(mine) - met - failed} not yet told")
    yield "## Gates\n\n" + "; ".join(summary) + ".\n"
    measured = [g for g in found if g.measured]
    yield table(["gate", "what", "target", "measured", "met"],
                [[str(g.number), g.what, g.target, g.measured, MARK[g.met]] for g in measured])
    missing = [f"{g.number}: {g.what}" for g in found if not g.measured]
    if missing:
        yield "<details><summary>Not measured in these results</summary>\n\n" + "\n".join(
            f"* {m}" for m in missing) + "\n\n</details>\n"


def set_section(evidence, name, folder, link):
    rows, seen = [], set()
    for n in AT:
        for s in evidence.ranked(name, n):
            seen.add(s.who)
            rows.append([str(n), s.who, s.rank, s.mean, str(s.tasks), str(s.seeds),
                         evidence.cold.ms(s.who, name, n)])
    if not rows:
        return
    yield f"## {TITLES.get(name, name)}\n"
    lines = curves(evidence, name)
    if lines:
        path = os.path.join(folder, name + ".svg")
        with open(path, "w", encoding="utf-8") as f:
            f.write(chart(f"{TITLES.get(name, name)}: geometric mean of median regret over random search's", lines))
        yield f"![{name}]({link}/{name}.svg)\n"
    yield "Ranks and means are over the tasks that all in the block have run; seeds: the median per task.\n"
    yield table(["trials", "search", "mean rank", "geometric mean", "tasks", "seeds", "ms"], rows)


def curves(evidence, name):
    """The score by trials of those who are ranked at 50, on the tasks they share."""
    cold, lines = evidence.cold, {}
    whos = [s.who for s in evidence.ranked(name, 50)]
    common = sorted(set.intersection(*(set(cold.tasks(who, name, 50)) for who in whos))) if whos else []
    for who in whos:
        line = [(n, stats.geometric_mean([cold.score(who, t, n) for t in common]))
                for n in filter(reported, range(5, 201)) if set(common) <= set(cold.tasks(who, name, n))]
        if line:
            lines[who] = line
    return lines


def duel_section(evidence):
    rows = []
    for us in OURS:
        for peer in sorted(evidence.peers()):
            for name in SETS:
                for n in AT:
                    d = Duel(evidence.cold, us, peer, name, n)
                    if d.tasks:
                        rows.append([us, peer, name, str(n), f"{d.mine:.3g}", f"{d.theirs:.3g}", d.ratio,
                                     f"{d.wins}:{d.losses}", str(d.tasks), f"{min(d.seeds)}–{max(d.seeds)}", d.p])
    if rows:
        yield ("## Each peer by itself\n\nOn the tasks and seeds that both have run. Ratio: ours over theirs, of the "
               "geometric means; p: Wilcoxon's signed-rank test over the tasks.\n")
        yield table(["ours", "peer", "set", "trials", "ours", "theirs", "ratio", "won:lost", "tasks", "seeds", "p"],
                    rows)


def losses(evidence, us, peers, n):
    """(how much worse, task, our score, peer, its score) where a peer's median is better, the worst first."""
    found = []
    for name in SETS:
        for task in evidence.cold.tasks(us, name, n):
            mine = evidence.cold.score(us, task, n)
            theirs = {p: evidence.cold.score(p, task, n) for p in peers if evidence.cold.seeds(p, task, n)}
            best = min(theirs, key=theirs.get, default=None)
            if best and theirs[best] < mine:
                found.append((stats.log_gap(mine, theirs[best]), task, mine, best, theirs[best]))
    return sorted(found, reverse=True)


def losses_section(evidence):
    yield "## Where ours is behind\n\nTasks on which a peer's median is better, the widest gaps first.\n"
    for us, peers in (*((us, evidence.peers()) for us in OURS), *((us, [peer]) for us, peer in NAMESAKES)):
        for n in (50, 100):
            found = losses(evidence, us, peers, n)
            told = sum(any(evidence.cold.seeds(p, t, n) for p in peers) for name in SETS
                       for t in evidence.cold.tasks(us, name, n))
            if told:
                yield f"**{us}**, {n} trials: behind {'the best peer' if len(peers) > 1 else peers[0]} on " \
                    f"{len(found)} of {told} tasks.\n"
            if found:
                yield table(["task", us, "peer", "its score", "times"], [
                    [task, mine, who, theirs, math.exp(gap)] for gap, task, mine, who, theirs in found[:15]])


def published_section(evidence):
    whos = [w for w in evidence.cold.whos() if plain(w) and any(t in evidence.cold.by[w] for t in PUBLISHED)]
    rows = []
    for task, row in PUBLISHED.items():
        for n, bound in ((50, row.at50), (100, row.at100)):
            values = [relative(evidence, who, task, n) for who in whos]
            if any(v is not None for v in values):
                rows.append([task.split("/")[1], str(n), f"{bound:g}", *values])
    if rows:
        yield ("## Against published figures\n\nMean over seeds of (best − oracle) / oracle; every evaluation draws "
               "one of the measured seeds. Published: the lowest of Hyperopt, TPE, TuRBO-1, TuRBO-5 and CoCaBO. Only "
               "the tasks whose tables are at hand.\n")
        yield table(["task", "trials", "published", *whos], rows)


def ways_section(evidence):
    rows = []
    for q, other in evidence.parallel.items():
        for who in other.whos():
            for name in SETS:
                values = [against_cold(evidence, other, who, name, n) for n in AT]
                if any(v for v, _ in values):
                    rows.append([f"{q} at once", who, name, *(v for v, _ in values), str(max(t for _, t in values))])
    for who in evidence.warm.whos():
        for name in SETS:
            values = [against_cold(evidence, evidence.warm, who, name, n) for n in AT]
            if any(v for v, _ in values):
                rows.append(["warm start", who, name, *(v for v, _ in values), str(max(t for _, t in values))])
    if rows:
        yield ("## In parallel, and from earlier experiments\n\nRegret over that of the sequential, cold search at the "
               "same number of trials, geometric mean over the tasks.\n")
        yield table(["way", "search", "set", *map(str, AT), "tasks"], rows)


def speed_section(evidence):
    rows = [[who, f"{n:,}", *(float(f[k]) if k in f else None for k in ("mean", "p50", "p95", "mb")), str(f["calls"])]
            for (who, n), f in sorted(evidence.speed.items())]
    if rows:
        yield ("## Time of a suggestion\n\nProcessor milliseconds, one thread, ten mixed parameters, after n trials; "
               "for the peers, asking and telling together. MB: what suggestions took at their peak, beyond the "
               "history.\n")
        yield table(["search", "trials", "mean", "p50", "p95", "MB", "suggestions"], rows)


def tasks_section(evidence):
    """Every task at 100 trials, else 50: where we lose is in here too."""
    whos = [w for w in evidence.cold.whos() if plain(w)]
    yield ("## Every task\n\nMedian regret over random search's after 100 trials (in brackets: after 50, where a "
           "search was not run further). A star: the best peer is ahead of the best of ours.\n")
    for name in SETS:
        tasks = sorted({t for w in whos for n in (50, 100) for t in evidence.cold.tasks(w, name, n)})
        here = [w for w in whos if any(t in evidence.cold.by[w] for t in tasks)]
        rows = []
        for task in tasks:
            cells, ours, theirs = [], [], []
            for who in here:
                n = next((n for n in (100, 50) if evidence.cold.seeds(who, task, n)), None)
                score = evidence.cold.score(who, task, n) if n else None
                cells.append("–" if n is None else number(score) if n == 100 else f"({number(score)})")
                if n == 100:
                    (ours if who.startswith("trimtab-") else theirs).append(score)
            star = " *" if ours and theirs and min(theirs) < min(ours) else ""
            rows.append([task.split("/")[1] + star, *cells])
        if rows:
            yield (f"<details><summary>{TITLES[name]}: {len(rows)} tasks</summary>\n\n"
                   + table(["task", *here], rows) + "\n</details>\n")


def versions():
    """What peers*.txt pin, by package; torch and what it needs are not peers."""
    pins = {}
    for path in sorted(glob.glob(os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers*.txt"))):
        with open(path, encoding="utf-8") as f:
            pins.update(line.strip().split("==") for line in f if "==" in line and not line.startswith("#"))
    return ", ".join(f"{name} {pins[name]}" for name in sorted({*PACKAGES.values(), "botorch"}, key=str.lower))


def ours(folder):
    """Of which state of the algorithms the curves are; bench.py writes it down."""
    path = os.path.join(folder, OURS_FILE)
    if not os.path.exists(path):
        return "of a state that nobody wrote down"
    with open(path, encoding="utf-8") as f:
        return f.read().strip()


def about(evidence, folder, link):
    found = evidence.found.values()
    whos = sorted({r.who for r in found})
    lines = []
    for who in whos:
        mine = [r for r in found if r.who == who]
        lines.append([who, f"{len(mine):,}", f"{len({r.problem for r in mine}):,}",
                      f"{min(r.seed for r in mine)}–{max(r.seed for r in mine)}", str(max(r.trials for r in mine))])
    made = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    yield (f"# Search: results at the same number of trials\n\nMade {made} "
           f"of the curves in [{link}/]({link}/); `make bench-search` adds what is missing and makes this page anew. "
           "Score of a search on a task: its median regret over the seeds, divided by random search's "
           "at the same number of trials; geometric means count each ratio as no less than 0.001. Peers have their "
           "default settings, one thread, and the same functions by the same library. Only Optuna's TPE is told of "
           "conditions, with its group option; the other peers get the flat space. What has few seeds or tasks says "
           f"so.\n\nOurs: {ours(folder)}. Peers: {versions()}.\n")
    yield table(["search", "runs", "tasks", "seeds", "trials up to"], lines)


def decisions(out):
    name = "search-decisions.md"
    if os.path.exists(os.path.join(os.path.dirname(os.path.abspath(out)), name)):
        yield f"## Decisions and their data\n\nWhat was tried and measured before it came in, or did not: [{name}]({name}).\n"


# ---- all -------------------------------------------------------------------------------------------------

def print_gates(found):
    width = max(len(g.what) for g in found)
    last = None
    for g in found:
        if g.number != last:
            print(f"\nGate {g.number}")
            last = g.number
        mark = {True: "met", False: "NOT MET", None: "-"}[g.met]
        if g.measured:
            print(f"  {g.what.ljust(width)}  {g.target:26}  {mark:8}{g.measured}")
    missing = sum(not g.measured for g in found)
    print(f"\n  {missing} of {len(found)} lines have not been measured: the report names them" if missing else "")


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "bench/results/search")
    out = sys.argv[2] if len(sys.argv) > 2 else os.path.join(os.path.dirname(os.path.abspath(folder)), "search.md")
    evidence = Evidence(folder)
    if RANDOM not in evidence.cold.by:
        sys.exit(f"{folder} has no runs of {RANDOM}, which all others are divided by")
    found, link = gates(evidence), os.path.relpath(folder, os.path.dirname(os.path.abspath(out)))
    parts = [*about(evidence, folder, link), *gate_section(found)]
    for name in SETS:
        parts += set_section(evidence, name, folder, link)
    for section in (losses_section, duel_section, published_section, ways_section, speed_section):
        parts += section(evidence)
    parts += [*decisions(out), *tasks_section(evidence)]
    with open(out, "w", encoding="utf-8") as f:
        f.write("\n".join(parts))
    print_gates(found)
    print(f"\n{os.path.relpath(out)}")


if __name__ == "__main__":
    main()
