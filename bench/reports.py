"""Points committed a second, and what PostgreSQL does with nothing in front of it, in the same run.

200 clients report batches of ten points to `trimtab serve` with its private PostgreSQL (fsync on); server,
PostgreSQL and clients share two cores. In turn with it, one COPY of as many such rows goes into a table of
the same shape in a scratch database of the same cluster; both tables grow alike. Then one client with one
point a request, in turn with single-row INSERTs that are committed one by one.
"""
import common as c

ROUNDS, SECONDS, WARM = (2, 2, 1) if c.QUICK else (5, 10, 2)
CLIENTS, BATCH = 200, 10


def scratch(server):
    """A database with a table of exactly the same shape."""
    server.psql("CREATE DATABASE scratch")
    shape = c.subprocess.run(["pg_dump", "-s", "-t", "core.observations", server.conninfo()], text=True, check=True,
                             stdout=c.subprocess.PIPE).stdout
    server.psql("CREATE SCHEMA core; " + shape, "scratch")


def main():
    report = c.Report("reports", "Reports committed")
    with c.Server() as server:
        scratch(server)
        many, one = server.workers("many", CLIENTS), server.workers("one", 1)
        batched, copies, singles, inserts, cpu = [], [], [], [], []
        acknowledged, copied = 0, 0
        for i in range(ROUNDS):
            say = f"round {i + 1} of {ROUNDS}:"
            before, pg_before = server.stat().cpu, server.postgres_cpu()
            r = c.load(server.port, BATCH, i * 10**7, many, WARM, SECONDS)
            cpu.append({"server_s": server.stat().cpu - before, "postgres_s": server.postgres_cpu() - pg_before,
                        "points": r["acknowledged"]})
            acknowledged += r["acknowledged"]
            batched.append(r)
            rows = r["acknowledged"]
            copies.append(c.tool("bare", "copy", server.conninfo("scratch"), CLIENTS, rows, i * 10**7))
            copied += rows
            c.say(f"{say} {r['points_per_s']:,.0f} points/s, p99 {r['p99_ms']:.1f} ms; "
                  f"COPY {copies[-1]['rows_per_s']:,.0f} rows/s")
        for i in range(ROUNDS):
            r = c.load(server.port, 1, i * 10**7, one, 0.5, SECONDS / 2)
            acknowledged += r["acknowledged"]
            singles.append(r)
            inserts.append(c.tool("bare", "insert", server.conninfo("scratch"), SECONDS / 2, i * 10**7))
            c.say(f"one client: p50 {r['p50_ms']:.2f} ms; bare INSERT {inserts[-1]['p50_ms']:.2f} ms")
        stored = int(server.psql("SELECT count(*) FROM core.observations")[0][0])
        if stored != acknowledged:
            raise SystemExit(f"{acknowledged} points were acknowledged and {stored} are stored")
        rss = server.rss_mb()
    ours = [r["points_per_s"] for r in batched]
    bare = [r["rows_per_s"] for r in copies]
    report.raw = {"batched": batched, "copy": copies, "single": singles, "insert": inserts, "cpu": cpu}
    report.median("200 clients × 10 points: committed", ours, "points/s", target=50000)
    report.median("  latency p50", [r["p50_ms"] for r in batched], "ms")
    report.median("  latency p99", [r["p99_ms"] for r in batched], "ms", atmost=50)
    report.median("  server, processor time a point", [1e6 * u["server_s"] / u["points"] for u in cpu], "µs")
    report.median("  PostgreSQL, processor time a point", [1e6 * u["postgres_s"] / u["points"] for u in cpu], "µs")
    report.median("bare COPY of the same rows", bare, "rows/s")
    report.median("  ours to COPY", [o / b for o, b in zip(ours, bare)], "", target=0.4)
    report.median("1 client × 1 point: p50", [r["p50_ms"] for r in singles], "ms")
    report.median("bare committed INSERT: p50", [r["p50_ms"] for r in inserts], "ms")
    report.median("  ours to INSERT", [s["p50_ms"] / b["p50_ms"] for s, b in zip(singles, inserts)], "", atmost=1.5)
    report.add("points acknowledged and found stored", stored)
    report.add("memory of the server after it", rss, "MB")
    report.finish()


main()
