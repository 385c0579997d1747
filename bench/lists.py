"""Lists and pages of trials among a million stored.

A hundred experiments of 10,000 trials and one of 100,000, written by SQL; then a client asks over HTTP on
one connection, pages at random places included. The time is the client's: request sent to answer read.
"""
import random
import time

import common as c

EXPERIMENTS, TRIALS, LARGE = (10, 1000, 5000) if c.QUICK else (100, 10000, 100000)
REQUESTS = 40 if c.QUICK else 300
WARM = 10
PARAMETERS = {"lr": {"type": "double", "min": 0, "max": 1}, "layers": {"type": "int", "min": 1, "max": 6},
              "optimizer": {"type": "categorical", "values": ["sgd", "adam"]}}

FILL = """
INSERT INTO core.trials (experiment_id, number, name, state, reason, params, vals, cost, completion, change, executor,
                         created_at, started_at, finished_at)
SELECT e.experiment_id, n, e.name || '-' || lpad(n::text, 8, '0'), s.state, 'Completed',
       jsonb_build_object('lr', v.x, 'layers', 1 + n % 6, 'optimizer', CASE WHEN n % 2 = 0 THEN 'sgd' ELSE 'adam' END),
       CASE WHEN s.state = 'succeeded' THEN ARRAY[v.x] END, CASE WHEN s.state = 'succeeded' THEN v.x END, n, n, 'local',
       e.created_at + n * interval '1 ms', e.created_at + n * interval '2 ms', e.created_at + n * interval '3 ms'
FROM core.experiments e,
     generate_series(1, CASE WHEN e.name = 'large' THEN {large} ELSE {trials} END) n,
     LATERAL (SELECT random() AS x WHERE n > 0) v,
     LATERAL (SELECT CASE WHEN n % 20 = 0 THEN 'failed' ELSE 'succeeded' END AS state) s;
UPDATE core.progress p SET next_number = t.n + 1, completions = t.n, change = t.n
FROM (SELECT experiment_id, count(*)::int AS n FROM core.trials GROUP BY 1) t WHERE p.experiment_id = t.experiment_id;
UPDATE core.experiments SET state = 'succeeded', reason = 'MaxTrialsReached', finished_at = now();
VACUUM ANALYZE core.trials;
VACUUM ANALYZE core.experiments;
VACUUM ANALYZE core.progress;
"""


def fill(server):
    for i in range(EXPERIMENTS):
        server.create(f"e{i:03d}", parameters=PARAMETERS, budget={"maxTrials": TRIALS, "parallelTrials": 1})
    server.create("large", parameters=PARAMETERS, budget={"maxTrials": LARGE, "parallelTrials": 1})
    server.psql(FILL.format(large=LARGE, trials=TRIALS))
    server.stop()
    server.start()


def pages(server, path, n):
    """The addresses of the first n pages."""
    found, where = [], path
    while where and len(found) < n:
        found.append(where)
        more = server.client.get(where).get("continue")
        where = more and path + ("&" if "?" in path else "?") + "continue=" + more
    return found


def timed(server, addresses):
    took = []
    for i in range(WARM + REQUESTS):
        address = random.choice(addresses)
        start = time.perf_counter()
        status, body = server.client.raw("GET", address)
        took.append(1000 * (time.perf_counter() - start))
        if status != 200:
            raise SystemExit(f"GET {address}: {status} {body[:500]}")
    took = took[WARM:]
    return {"p50_ms": c.quantile(took, 0.5), "p99_ms": c.quantile(took, 0.99), "max_ms": max(took), "bytes": len(body)}


def requests(server):
    large = f"{c.API}/large/trials"
    each = [f"{c.API}/e{i:03d}" for i in range(EXPERIMENTS)]
    return {
        "experiments, first page of 100": [c.API + "?limit=100"],
        "experiments, first page of 20": [c.API + "?limit=20"],
        "one experiment": each + [c.API + "/large"],
        "trials of 10,000: any of 20 pages of 100": [p for e in each[:5] for p in pages(server, e + "/trials?limit=100", 20)],
        "trials of 10,000: best 100 by rank": [e + "/trials?limit=100&sort=rank" for e in each],
        "trials of 100,000: any of 50 pages of 100": pages(server, large + "?limit=100", 50),
        "trials of 100,000: any of 50 pages by rank": pages(server, large + "?limit=100&sort=rank", 50),
        "trials of 100,000: a page of failed ones": pages(server, large + "?limit=100&state=failed", 20),
        "one trial of 100,000": [f"{large}/{random.randint(1, LARGE)}" for _ in range(100)],
        "best of 100,000": [f"{c.API}/large/best"],
    }


def main():
    report = c.Report("lists", f"Lists among {EXPERIMENTS * TRIALS + LARGE:,} stored trials")
    random.seed(1)
    with c.Server("--runner", "none") as server:
        c.say("filling the database")
        fill(server)
        for what, addresses in requests(server).items():
            r = report.raw[what] = timed(server, addresses)
            c.say(f"{what}: p50 {r['p50_ms']:.2f} ms, p99 {r['p99_ms']:.2f} ms, {r['bytes']:,} bytes")
            report.add(what + ", p50", r["p50_ms"], "ms", atmost=10)
            report.add("  p99", r["p99_ms"], "ms")
        report.add("memory of the server after it", server.rss_mb(), "MB")
    report.finish()


main()
