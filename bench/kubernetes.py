"""Trials on a real Kubernetes of one node: how promptly one follows the other, and a thousand at once.

Thirty trials of one second, three at a time, beside one plain Job with 30 completions and 3 at a time, which
Kubernetes runs by itself, and beside three loops of kubectl, all in the same cluster in the same run. How long
a place stays empty is the server's own histogram, from the bytes that tell of an end to the request that makes the
next Job: a figure is the bound of its bucket, and an end that it did not count is the worst. The thousand find no
node to run on: what is measured is how fast they are made and watched.
"""
import math
import os
import re
import shlex
import subprocess
import sys
import time

import common as c
from loop import peak_mb, wait_done

sys.path.insert(0, os.path.join(c.ROOT, "tests/cluster"))
import kube  # noqa: E402

TRIALS, PARALLEL = (9, 3) if c.QUICK else (30, 3)
MANY = 100 if c.QUICK else 1000
JOBS = "/apis/batch/v1/namespaces/many/jobs"
IMAGE = kube.Cluster.images.BUSYBOX
COMMAND = ["/bin/sh", "-c", "sleep 1; echo loss=1"]


def server(cluster):
    return c.Server("--runner", "kubernetes", "--kubeconfig", cluster.kubeconfig)


def trial(**more):
    return {"image": IMAGE, "command": COMMAND, "metrics": {"collector": "stdout"}, **more}


def by_kubectl(cluster):
    """Seconds that three loops take which create a Job, wait for it, and create the next."""
    create = f"create job loop-$1 --image={IMAGE} -- {' '.join(map(shlex.quote, COMMAND))}"
    script = f"kubectl {create} >/dev/null && kubectl wait --for=condition=complete job/loop-$1 >/dev/null"
    start = time.monotonic()
    subprocess.run(["xargs", "-P", str(PARALLEL), "-n", "1", "sh", "-c", script, "sh"], check=True, text=True,
                   input="\n".join(map(str, range(TRIALS))),
                   env={**os.environ, "PATH": cluster.programs, "KUBECONFIG": cluster.kubeconfig})
    return time.monotonic() - start


def turnarounds(s):
    """[(upper bound in ms, how many are at most as long)]"""
    text = s.client.raw("GET", "/metrics")[1].decode()
    return [(1000 * float(bound), int(n)) for bound, n in
            re.findall(r'^trimtab_kubernetes_turnaround_seconds_bucket\{le="([^"+]+)"\} (\d+)', text, re.M)]


def at_most(buckets, q):
    needed = math.ceil(q * (TRIALS - PARALLEL))
    return next((bound for bound, n in buckets if n >= needed), math.inf)


def one_second_trials(cluster):
    """(seconds for all, turnarounds)"""
    with server(cluster) as s:
        start = time.monotonic()
        path = s.create("prompt", budget={"maxTrials": TRIALS, "parallelTrials": PARALLEL}, trial=trial())
        state = wait_done(s, path)["state"]
        took = time.monotonic() - start
        if state != "succeeded":
            raise SystemExit(f"the trials of one second ended {state}:\n{s.log()}")
        return took, turnarounds(s)


def jobs(cluster):
    listed = cluster.api.get(JOBS + "?limit=1")
    return len(listed["items"]) + listed["metadata"].get("remainingItemCount", 0)


def thousand(cluster):
    """(Jobs made a second, memory of the server)"""
    spec = trial(namespace=cluster.namespace("many"), nodeSelector={"is": "nowhere"})
    with server(cluster) as s:
        start = time.monotonic()
        s.create("many", budget={"maxTrials": MANY, "parallelTrials": MANY}, trial=spec)
        cluster.wait(lambda: jobs(cluster) >= MANY, "the Jobs are there", 300)
        took = time.monotonic() - start
        memory = peak_mb(s.process.pid)
        s.client.call("DELETE", f"{c.API}/many")
        cluster.wait(lambda: jobs(cluster) == 0, "the Jobs are gone", 600)
        return MANY / took, memory


def main():
    report = c.Report("kubernetes", f"Trials on Kubernetes {kube.NEWEST.version}: {TRIALS} of one second, "
                                    f"{PARALLEL} at a time, and {MANY:,} at once")
    with kube.Cluster() as cluster:
        cluster.plain_job("warm", PARALLEL, PARALLEL, COMMAND)
        c.say("one plain Job")
        plain = cluster.plain_job("plain", TRIALS, PARALLEL, COMMAND)
        c.say("loops of kubectl")
        loops = by_kubectl(cluster)
        c.say("trials")
        took, empty = one_second_trials(cluster)
        c.say(f"{MANY} at once")
        made, memory = thousand(cluster)
    report.add("one plain Job", plain, "s")
    report.add(f"{PARALLEL} loops of kubectl", loops, "s")
    report.add("trials", took, "s")
    report.add("  of what the plain Job takes", took / plain, "", atmost=0.55)
    report.add("  a place stays empty, p50", at_most(empty, 0.5), "ms", atmost=10)
    report.add("  a place stays empty, p99", at_most(empty, 0.99), "ms", atmost=50)
    report.add(f"Jobs made, {MANY:,} at once", made, "jobs/s", target=50)
    report.add("memory of the server, at most", memory, "MB", atmost=100)
    report.raw = {"empty_ms": empty}
    report.finish()


if __name__ == "__main__":
    main()
