"""Results of searches: one JSON line per run, in WHO.jsonl. The form is told in results.h, whose programs write the
same; a run that stands there is not made again.
"""
import glob
import json
import os

MS_AT = (20, 50, 100, 200, 500, 1000)


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


def read_lines(folder):
    """Every line as a dict; a line that a killed program left unfinished is passed over."""
    for path in sorted(glob.glob(os.path.join(folder, "*.jsonl"))):
        with open(path, encoding="utf-8") as f:
            for text in f:
                try:
                    yield json.loads(text)
                except ValueError:
                    pass


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
