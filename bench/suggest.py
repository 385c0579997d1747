"""The event loop while algorithms work: 20 experiments with 500 ended trials each suggest at the same time.

Suggestions are made by worker threads; what the loop does for one (copying the history, taking the result)
must not hold up anybody else. The length of every pass is in the server's own histogram; it counts wall time, so
what other processes take of the machine is in it.
"""
import re
import threading
import time

import common as c

EXPERIMENTS, TRIALS, ROUNDS = (5, 100, 2) if c.QUICK else (20, 500, 5)
PARAMETERS = {
    "a": {"type": "double", "min": 0, "max": 1}, "b": {"type": "double", "min": 0, "max": 1},
    "lr": {"type": "double", "min": 1e-5, "max": 0.1, "scale": "log"},
    "decay": {"type": "double", "min": 1e-6, "max": 1, "scale": "log"},
    "layers": {"type": "int", "min": 1, "max": 8}, "width": {"type": "int", "min": 8, "max": 512, "scale": "log"},
    "batch": {"type": "discrete", "values": [16, 32, 64, 128]}, "drop": {"type": "double", "min": 0, "max": 0.5, "step": 0.1},
    "act": {"type": "categorical", "values": ["relu", "tanh", "gelu"]}, "opt": {"type": "categorical", "values": ["sgd", "adam"]}}


def loss(p):
    return (p["a"] - 0.3) ** 2 + (p["b"] - 0.6) ** 2 + 0.1 * abs(p["layers"] - 3) + (p["act"] != "tanh") + 10 * p["lr"]


def passes(server):
    """The histogram of the loop's passes: [(upper bound in ms, how many are at most as long)]."""
    text = server.client.raw("GET", "/metrics")[1].decode()
    return [(1000 * float(le) if le != "+Inf" else float("inf"), int(n)) for le, n in
            re.findall(r'^trimtab_loop_pass_seconds_bucket\{le="([^"]+)"\} (\d+)', text, re.M)]


def fill(server, path):
    """Random trials that are over, as the history of an experiment that has searched for a while."""
    source = server.create(path.rpartition("/")[2] + "-source", parameters=PARAMETERS)
    trials = []
    while len(trials) < TRIALS:
        got = server.client.post(source + "/trials:ask", {"workerId": f"w{len(trials)}", "count": min(100, TRIALS - len(trials))})
        trials += got["trials"]
    server.client.post(path + "/trials", {"trials": [
        {"parameters": t["parameters"], "state": "succeeded", "values": {"loss": loss(t["parameters"])}} for t in trials]})


def search(port, path, took):
    client = c.Client(port)
    for _ in range(ROUNDS):
        start = time.monotonic()
        trials = []
        while not trials:
            trials = client.post(path + "/trials:ask", {"workerId": "w", "count": 1})["trials"]
        took.append(1000 * (time.monotonic() - start))
        client.post(f"{path}/trials/{trials[0]['number']}:tell", {"values": {"loss": loss(trials[0]["parameters"])}})


def run(server, algorithm):
    """All experiments at once; the passes meanwhile and how long each ask took."""
    paths = [server.create(f"{algorithm}-{i}", parameters=PARAMETERS, algorithm={"name": algorithm, "seed": i})
             for i in range(EXPERIMENTS)]
    for path in paths:
        fill(server, path)
    took, before, others = [], passes(server), c.Others()
    threads = [threading.Thread(target=search, args=(server.port, path, took)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    after = passes(server)
    counts = [(bound, n - m) for (bound, n), (_, m) in zip(after, before)]
    longest = next(bound for bound, n in counts if n == counts[-1][1])
    return {"passes": counts[-1][1], "longest_ms": longest, "above_10_ms": counts[-1][1] - dict(counts)[10.0],
            "ask_ms": {f"p{q}": round(c.quantile(took, q / 100), 2) for q in (50, 95, 100)}, "others": others.share(),
            "histogram": counts[:-1]}


def main():
    report = c.Report("suggest", f"The event loop while {EXPERIMENTS} experiments with {TRIALS} trials each suggest at once")
    for algorithm in ("gp", "tpe"):
        with c.Server() as server:
            c.say(algorithm)
            r = run(server, algorithm)
        report.add(f"{algorithm}: the longest pass of the loop takes at most", r["longest_ms"], "ms", atmost=10)
        report.add("  passes of more than 10 ms", r["above_10_ms"], f"of {r['passes']:,}")
        report.add("  from an ask to its trial, p50", r["ask_ms"]["p50"], "ms")
        report.add("  from an ask to its trial, p95", r["ask_ms"]["p95"], "ms")
        report.raw[algorithm] = r
    report.finish()


main()
