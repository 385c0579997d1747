"""A server with nothing to do: its processor time and memory, with 1,000 finished experiments.

Measured twice: in the server that ran them, which may have kept something of each, and after a restart.
"""
import time

import common as c

EXPERIMENTS, SECONDS = (100, 5) if c.QUICK else (1000, 30)
SETTLE_S = 10


def run_experiments(server):
    for i in range(EXPERIMENTS):
        server.create(f"e{i:04d}", budget={"maxTrials": 4, "parallelTrials": 4},
                      trial={"command": ["sphere", "${x}", "seconds=0", "steps=3"]})
    for _ in range(1200):
        left = int(server.psql("SELECT count(*) FROM core.experiments WHERE state NOT IN "
                               "('succeeded', 'failed', 'stopped')")[0][0])
        if left == 0:
            return
        time.sleep(0.5)
    raise SystemExit(f"{left} experiments did not end")


def idle(server):
    time.sleep(SETTLE_S)
    cpu, pg, start = server.stat().cpu, server.postgres_cpu(), time.monotonic()
    time.sleep(SECONDS)
    took = time.monotonic() - start
    return {"cpu_percent": 100 * (server.stat().cpu - cpu) / took,
            "postgres_percent": 100 * (server.postgres_cpu() - pg) / took, "rss_mb": server.rss_mb()}


def main():
    report = c.Report("idle", f"Idle with {EXPERIMENTS:,} finished experiments")
    server = c.Server("--runner", "simulated")
    with server:
        c.say("running the experiments")
        run_experiments(server)
        after_work = idle(server)
        server.stop()
        server.start()
        restarted = idle(server)
    report.raw = {"after_work": after_work, "restarted": restarted}
    for what, r in (("after running them", after_work), ("after a restart", restarted)):
        report.add(f"{what}: processor", r["cpu_percent"], "% of a core", atmost=0.5)
        report.add("  memory", r["rss_mb"], "MB", atmost=30)
        report.add("  PostgreSQL: processor", r["postgres_percent"], "% of a core")
    report.finish()


main()
