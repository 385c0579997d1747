"""Results of searches: one JSON line per run, in WHO.jsonl. The form is told in results.h, whose programs write the
same; a run that stands there is not made again.

What is kept for good is packed: the runs of one search on one problem share a line, with `seed` and `regret` lists of
one entry per run, fewer points, and one `ms`, the medians over the runs.
"""
import glob
import json
import os
import statistics

MS_AT = (20, 50, 100, 200, 500, 1000)
PACKED_AT = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 1000)


def reported(n):
    return n <= 20 or (n <= 200 and n % 10 == 0) or n % 100 == 0


def line(who, problem, seed, parallel, regrets, ms, **more):
    """The text of one run; regrets and ms have one number per trial."""
    pairs, before = [], None
    for n, r in enumerate(regrets, 1):
        if reported(n) and r != before:
            pairs += [n, float(f"{r:.4g}") if r < float("inf") else None]
            before = r
    times = []
    for n in MS_AT:
        if n <= len(ms):
            times += [n, float(f"{sum(ms[n - 10:n]) / 10:.4g}")]
    return json.dumps({"who": who, "problem": problem, "seed": seed, "parallel": parallel, "trials": len(regrets),
                       **more, "regret": pairs, "ms": times}, separators=(",", ":"))


class Run:
    """One line, read."""

    def __init__(self, fields):
        self.who, _, warm = fields["who"].partition("+warm=")
        self.mode = "warm" if warm else ""
        self.problem, self.seed = fields["problem"], fields["seed"]
        self.parallel, self.trials = fields["parallel"], fields["trials"]
        self._regret, self._ms = fields["regret"], dict(zip(fields["ms"][::2], fields["ms"][1::2]))

    @property
    def key(self):
        return self.who, self.problem, self.seed, self.parallel, self.mode

    def regret(self, n):
        """Of the incumbent after n trials; None: the run is shorter."""
        if n > self.trials:
            return None
        value = None
        for at, r in zip(self._regret[::2], self._regret[1::2]):
            if at > n:
                break
            value = float("inf") if r is None else r
        return value

    def ms(self, n):
        return self._ms.get(n)


def _lines(path):
    with open(path, encoding="utf-8") as f:
        for text in f:
            try:
                yield json.loads(text)
            except ValueError:      # what a killed program left unfinished
                pass


def _unpacked(fields):
    if not isinstance(fields.get("seed"), list):
        return [fields]
    return [{**fields, "seed": seed, "regret": regret} for seed, regret in zip(fields["seed"], fields["regret"])]


def read_lines(folder):
    """Every run, or other line, as a dict."""
    for path in sorted(glob.glob(os.path.join(folder, "*.jsonl"))):
        for fields in _lines(path):
            yield from _unpacked(fields)


def read(folder):
    """The runs by key; of several with one key the longest."""
    found = {}
    for fields in read_lines(folder):
        if "regret" in fields:
            run = Run(fields)
            if run.key not in found or found[run.key].trials < run.trials:
                found[run.key] = run
    return found


def append(folder, who, text):
    """Ends an unfinished line of a killed run first, so that only that line is lost."""
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, who + ".jsonl")
    with open(path, "ab+") as f:
        if f.tell():
            f.seek(-1, os.SEEK_END)
            if f.read(1) != b"\n":
                f.write(b"\n")
        f.write(text.encode() + b"\n")


# ---- packing -------------------------------------------------------------------------------------------

def _thinned(pairs, trials):
    """The curve at fewer points, again only where it changes."""
    out, curve = [], dict(zip(pairs[::2], pairs[1::2]))
    for n in [n for n in PACKED_AT if n <= trials]:
        known = [at for at in curve if at <= n]
        if known and (not out or out[-1] != curve[max(known)]):
            out += [n, curve[max(known)]]
    return out


def _median_ms(runs):
    out = []
    for n in MS_AT:
        times = [t for r in runs for at, t in zip(r["ms"][::2], r["ms"][1::2]) if at == n]
        if times:
            out += [n, float(f"{statistics.median(times):.3g}")]
    return out


def pack(path):
    """Rewrites one file, the longest of the runs that are the same but for their length only."""
    runs, others = {}, []
    for packed in _lines(path):
        for fields in _unpacked(packed):
            if "regret" not in fields:
                others.append(fields)
                continue
            key = fields["who"], fields["problem"], fields["parallel"], fields["seed"]
            if key not in runs or runs[key]["trials"] < fields["trials"]:
                runs[key] = fields
    groups = {}
    for (who, problem, parallel, _), fields in sorted(runs.items()):
        groups.setdefault((who, problem, parallel, fields["trials"]), []).append(fields)
    with open(path + ".new", "w", encoding="utf-8") as f:
        for (who, problem, parallel, trials), group in sorted(groups.items()):
            others.append({"who": who, "problem": problem, "parallel": parallel, "trials": trials,
                           "seed": [r["seed"] for r in group],
                           "regret": [_thinned(r["regret"], trials) for r in group], "ms": _median_ms(group)})
        f.writelines(json.dumps(fields, separators=(",", ":")) + "\n" for fields in others)
    os.replace(path + ".new", path)
