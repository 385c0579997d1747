"""Beside Optuna's storage on the same PostgreSQL, in turn, in the same run.

Optuna writes through SQLAlchemy into a database of its own in our private cluster; we are asked over HTTP.
The same Python clients do the same work on both sides; our reports a second also come from the load
generator in C, because eight Python interpreters on two cores measure themselves.
"""
import json
import os
import statistics
import subprocess

import common as c

ROUNDS, SECONDS = (2, 2) if c.QUICK else (5, 5)
PYTHON = os.path.join(c.ROOT, "build/bench-venv/bin/python")
PARAMETERS = {
    "lr": {"type": "double", "min": 1e-5, "max": 0.1, "scale": "log"},
    "momentum": {"type": "double", "min": 0.5, "max": 0.99},
    "layers": {"type": "int", "min": 1, "max": 6},
    "decay": {"type": "double", "min": 0, "max": 1},
    "optimizer": {"type": "categorical", "values": ["sgd", "adam"]}}
CREATE_STUDY = """
import optuna, sys
optuna.logging.set_verbosity(optuna.logging.ERROR)
optuna.create_study(storage=sys.argv[1], study_name=sys.argv[2], pruner=optuna.pruners.MedianPruner())
"""


class Side:
    """One of the two: where its clients find it."""

    def __init__(self, kind, where, what):
        self.kind, self.where, self.what = kind, str(where), what

    def run(self, clients, mode):
        """Operations a second of all clients together, and how long each took."""
        running = [subprocess.Popen([PYTHON, os.path.join(c.ROOT, "bench/peer_client.py"), self.kind, self.where,
                                     self.what, mode, str(SECONDS)], text=True,
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(clients)]
        for p in running:
            if p.stdout.readline() != "ready\n":
                raise SystemExit(f"a client of {self.kind} did not start")
        for p in running:
            p.stdin.write("go\n")
            p.stdin.flush()
        took = [json.loads(p.communicate()[0]) for p in running]
        return {"per_s": sum(len(t) / sum(t) for t in took), "n": sum(map(len, took)),
                "p50_ms": 1000 * statistics.median(x for t in took for x in t)}


def optuna_side(server):
    server.psql("CREATE DATABASE optuna")
    url = f"postgresql+psycopg2://trimtab@/optuna?host={server.folder}/postgres&port=5432"
    subprocess.run([PYTHON, "-c", CREATE_STUDY, url, "study"], check=True)
    return Side("optuna", url, "study")


def measure(server):
    peer = optuna_side(server)
    ours = Side("trimtab", server.port, server.create("peers", parameters=PARAMETERS))
    one, eight = server.workers("one", 1), server.workers("eight", 8)
    runs = {}

    def keep(name, result):
        runs.setdefault(name, []).append(result)

    for i in range(ROUNDS):
        c.say(f"round {i + 1} of {ROUNDS}")
        for clients, paths in ((1, one), (8, eight)):
            keep(f"optuna report {clients}", peer.run(clients, "report"))
            keep(f"ours report {clients}", c.load(server.port, 1, i * 10**8, paths, 0.5, SECONDS))
            keep(f"ours python {clients}", ours.run(clients, "report"))
        keep("ours batched", c.load(server.port, 100, i * 10**8 + 10**7, eight, 0.5, SECONDS))
        for mode in ("prune", "asktell"):
            keep(f"optuna {mode}", peer.run(1, mode))
            keep(f"ours {mode}", ours.run(1, mode))
    return runs


def main():
    report = c.Report("peers", "Beside Optuna's storage on the same PostgreSQL")
    with c.Server() as server:
        runs = measure(server)
    report.raw = runs

    def values(name, key):
        return [r[key] for r in runs[name]]

    def ratios(above, below):
        return [a / b for a, b in zip(above, below)]

    for n, bound in ((1, None), (8, 8)):
        plural = "s" if n > 1 else ""
        theirs, native = values(f"optuna report {n}", "per_s"), values(f"ours report {n}", "points_per_s")
        report.median(f"Optuna, {n} client{plural}: reports", theirs, "reports/s")
        report.median(f"ours, {n} client{plural} of single points", native, "reports/s")
        report.median(f"ours, {n} client{plural} in Python", values(f"ours python {n}", "per_s"), "reports/s")
        report.median("  ours to Optuna", ratios(native, theirs), "times", target=bound)
    batched = values("ours batched", "points_per_s")
    report.median("ours, 8 clients, batches of 100", batched, "reports/s")
    report.median("  ours to Optuna's 8 clients", ratios(batched, values("optuna report 8", "per_s")), "times", target=100)
    for mode, what, bound in (("prune", "report and ask whether to stop", None),
                              ("asktell", "ask and tell, 5 random parameters", 0.2)):
        theirs, native = values(f"optuna {mode}", "p50_ms"), values(f"ours {mode}", "p50_ms")
        report.median(f"Optuna: {what}, p50", theirs, "ms")
        report.median(f"ours: {what}, p50", native, "ms")
        report.median("  ours to Optuna", ratios(native, theirs), "", atmost=bound)
    report.finish()


main()
