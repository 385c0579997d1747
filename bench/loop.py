"""The control loop: ten thousand simulated trials at a thousand at once, and local programs.

How fast: trials that take no time. How promptly: trials of 2 to 6 seconds, so that about 250 end every
second; the k-th start after the first thousand belongs to the k-th end, by the times that the database
holds (a trial's end and its start are committed in that order). For local programs the times are the
programs' own, written by their first and last command: what lies between is all ours (noticing the end,
committing it, the next suggestion and its start) and the launch of a shell.
"""
import os
import time

import common as c

TRIALS, PARALLEL = (2000, 500) if c.QUICK else (10000, 1000)
LOCAL_TRIALS, LOCAL_PARALLEL = (60, 4) if c.QUICK else (400, 4)


def wait_done(server, path):
    while True:
        status = server.client.get(path)["status"]
        if status["state"] not in ("running", "stopping"):
            return status
        time.sleep(0.2)


def delays_ms(starts, ends, parallel):
    """From each end to the start that took its place."""
    starts, ends = sorted(starts), sorted(ends)
    return [1000 * (s - e) for s, e in zip(starts[parallel:], ends)]


def peak_mb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM")) / 1024


def simulated(name, seconds):
    """One experiment on a fresh server."""
    with c.Server("--runner", "simulated") as server:
        start = time.monotonic()
        cpu, pg = server.stat().cpu, server.postgres_cpu()
        path = server.create(name, budget={"maxTrials": TRIALS, "parallelTrials": PARALLEL},
                             trial={"command": ["sphere", "${x}", f"seconds={seconds}"]})
        status = wait_done(server, path)
        took = time.monotonic() - start
        times = server.psql("SELECT extract(epoch FROM started_at), extract(epoch FROM finished_at), state FROM core.trials")
        return {"seconds": took, "trials_per_s": TRIALS / took, "state": status["state"],
                "succeeded": sum(t[2] == "succeeded" for t in times), "peak_mb": peak_mb(server.process.pid),
                "server_cpu_ms": 1000 * (server.stat().cpu - cpu) / TRIALS,
                "postgres_cpu_ms": 1000 * (server.postgres_cpu() - pg) / TRIALS,
                "delays_ms": delays_ms([float(t[0]) for t in times], [float(t[1]) for t in times], PARALLEL)}


def local():
    with c.Server("--runner", "local") as server:
        starts, ends = os.path.join(server.folder, "starts"), os.path.join(server.folder, "ends")
        script = f"echo $EPOCHREALTIME >>{starts}; echo loss=$1; echo $EPOCHREALTIME >>{ends}"
        start = time.monotonic()
        path = server.create("local", budget={"maxTrials": LOCAL_TRIALS, "parallelTrials": LOCAL_PARALLEL},
                             trial={"command": ["/bin/bash", "-c", script, "trial", "${x}"], "env": {"LC_ALL": "C"}})
        status = wait_done(server, path)
        took = time.monotonic() - start
        with open(starts, encoding="ascii") as s, open(ends, encoding="ascii") as e:
            own = delays_ms(map(float, s), map(float, e), LOCAL_PARALLEL)
        rows = server.psql("SELECT extract(epoch FROM started_at), extract(epoch FROM finished_at) FROM core.trials")
        return {"seconds": took, "trials_per_s": LOCAL_TRIALS / took, "state": status["state"], "delays_ms": own,
                "by_database_ms": delays_ms([float(r[0]) for r in rows], [float(r[1]) for r in rows], LOCAL_PARALLEL)}


def shorten(run):
    """The distribution instead of ten thousand numbers."""
    for key in ("delays_ms", "by_database_ms"):
        if key in run:
            run[key] = {f"p{q}": round(c.quantile(run[key], q / 100), 3) for q in (0, 5, 25, 50, 75, 95, 99, 100)}
    return run


def main():
    report = c.Report("loop", f"The control loop: {TRIALS:,} simulated trials at {PARALLEL:,} at once, and local programs")
    c.say("trials that take no time")
    fast = simulated("fast", 0)
    c.say("trials of 2 to 6 seconds")
    paced = simulated("paced", "2..6")
    c.say("local programs")
    programs = local()
    for run in (fast, paced):
        if run["state"] != "succeeded" or run["succeeded"] != TRIALS:
            raise SystemExit(f"only {run['succeeded']} trials succeeded; the experiment is {run['state']}")
    report.add("trials of no length", fast["trials_per_s"], "trials/s")
    report.add("  server, processor time a trial", fast["server_cpu_ms"], "ms")
    report.add("  PostgreSQL, processor time a trial", fast["postgres_cpu_ms"], "ms")
    report.add("trials of 2 to 6 s", paced["trials_per_s"], "trials/s")
    report.add("  end to next start, p50", c.quantile(paced["delays_ms"], 0.5), "ms", atmost=20)
    report.add("  end to next start, p95", c.quantile(paced["delays_ms"], 0.95), "ms")
    report.add("  server, processor time a trial", paced["server_cpu_ms"], "ms")
    report.add("  PostgreSQL, processor time a trial", paced["postgres_cpu_ms"], "ms")
    report.add("memory of the server, at most", max(fast["peak_mb"], paced["peak_mb"]), "MB", atmost=100)
    report.add(f"local programs, {LOCAL_PARALLEL} at once", programs["trials_per_s"], "trials/s")
    report.add("  last command to next first, p50", c.quantile(programs["delays_ms"], 0.5), "ms", atmost=20)
    report.add("  last command to next first, p95", c.quantile(programs["delays_ms"], 0.95), "ms")
    report.add("  end to next start as committed, p50", c.quantile(programs["by_database_ms"], 0.5), "ms")
    report.raw = {"fast": shorten(fast), "paced": shorten(paced), "local": shorten(programs)}
    report.finish()


if __name__ == "__main__":
    main()
