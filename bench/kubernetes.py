"""Trials on a real Kubernetes of one node: how promptly one follows the other, and a thousand at once.

Thirty trials of one second, three at a time, beside one plain Job with 30 completions and 3 at a time, which
Kubernetes runs by itself, three rounds of each in turn, and beside three loops of kubectl, all in the same cluster
in the same run. The kubelet looks for ends once a second: a pod that comes up just too late for one costs a second.
How long a place stays empty is the server's own histogram, from the bytes that tell of an end to the request that
makes the next Job: a figure is the bound of its bucket, and an end that it did not count is the worst. A search that
looks at no results has its suggestion ready; one that learns waits for the end of a log and its commit first. The
cluster keeps its data in memory (tests/cluster), so that the database has the disk for itself. The thousand find no
node to run on: what is measured is how fast they are made and watched. Watched: the server is held while every pod
changes a few times, and then takes in what has happened meanwhile as fast as the API server and it can on these cores.
"""
import concurrent.futures
import http.client
import json
import math
import os
import re
import shlex
import signal
import subprocess
import sys
import time

import common as c
from loop import peak_mb, wait_done

sys.path.insert(0, os.path.join(c.ROOT, "tests/cluster"))
import kube  # noqa: E402
from kube.process import wait  # noqa: E402

TRIALS, PARALLEL, ROUNDS = (9, 3, 1) if c.QUICK else (30, 3, 3)
MANY = 100 if c.QUICK else 1000
CHANGES, WRITERS = 3, 4  # of each pod, at once
JOBS = "/apis/batch/v1/namespaces/many/jobs"
PODS = "/api/v1/namespaces/many/pods"
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
    """{upper bound in ms: how many are at most as long}"""
    text = s.client.raw("GET", "/metrics")[1].decode()
    return {1000 * float(bound): int(n) for bound, n in
            re.findall(r'^trimtab_kubernetes_turnaround_seconds_bucket\{le="([^"+]+)"\} (\d+)', text, re.M)}


def at_most(rounds, q):
    """Of all rounds' turnarounds: by when the share q of them was over."""
    needed = math.ceil(q * len(rounds) * (TRIALS - PARALLEL))
    return next((bound for bound in rounds[0] if sum(r[bound] for r in rounds) >= needed), math.inf)


def one_second_trials(s, name, algorithm):
    """(seconds for all, turnarounds)"""
    before, start = turnarounds(s), time.monotonic()
    path = s.create(name, budget={"maxTrials": TRIALS, "parallelTrials": PARALLEL}, trial=trial(),
                    algorithm={"name": algorithm, "seed": 1})
    state = wait_done(s, path)["state"]
    took = time.monotonic() - start
    if state != "succeeded":
        raise SystemExit(f"the trials of one second ended {state}:\n{s.log()}")
    return took, {bound: n - before[bound] for bound, n in turnarounds(s).items()}


def count(cluster, path):
    listed = cluster.api.get(path + "?limit=1")
    return len(listed["items"]) + listed["metadata"].get("remainingItemCount", 0)


def pod_events(s):
    text = s.client.raw("GET", "/metrics")[1].decode()
    return int(re.search(r'^trimtab_kubernetes_watch_total\{resource="pods",what="event"\} (\d+)', text, re.M)[1])


def change(api, pods):
    """Gives each of the pods a new annotation, one after the other."""
    connection = http.client.HTTPSConnection(api.host, api.port, context=api.tls, timeout=30)
    for pod in pods:
        for n in range(CHANGES):
            connection.request("PATCH", f"{PODS}/{pod}", json.dumps({"metadata": {"annotations": {"n": str(n)}}}),
                               {"Content-Type": "application/merge-patch+json"})
            answer = connection.getresponse()
            said = answer.read()
            if answer.status != 200:
                raise SystemExit(f"pod {pod}: {said.decode()}")
    connection.close()


def catch_up(cluster, s):
    """(events of pods that waited, the seconds that the server took for them)"""
    pods = [pod["metadata"]["name"] for pod in cluster.pods("many")]
    before = pod_events(s)
    s.process.send_signal(signal.SIGSTOP)
    try:
        with concurrent.futures.ThreadPoolExecutor(WRITERS) as writers:
            list(writers.map(lambda i: change(cluster.api, pods[i::WRITERS]), range(WRITERS)))
    finally:
        start = time.monotonic()
        s.process.send_signal(signal.SIGCONT)
    events = CHANGES * len(pods)
    wait(lambda: pod_events(s) >= before + events, "the server has caught up", 60, every=0.01)
    return events, time.monotonic() - start


def all_seen(cluster, s):
    """Whether every pod has found no node, and the server has heard so."""
    unscheduled = sum(1 for pod in cluster.pods("many") if pod.get("status", {}).get("conditions"))
    heard = pod_events(s)
    time.sleep(1)
    return unscheduled >= MANY and heard == pod_events(s)


def thousand(cluster):
    """(Jobs made a second, events of pods taken in a second, memory of the server)"""
    spec = trial(namespace=cluster.namespace("many"), nodeSelector={"is": "nowhere"})
    with server(cluster) as s:
        start = time.monotonic()
        s.create("many", budget={"maxTrials": MANY, "parallelTrials": MANY}, trial=spec)
        cluster.wait(lambda: count(cluster, JOBS) >= MANY, "the Jobs are there", 300)
        took = time.monotonic() - start
        cluster.wait(lambda: all_seen(cluster, s), "no pod finds a node", 300)
        events, caught_up = catch_up(cluster, s)
        memory = peak_mb(s.process.pid)
        s.client.call("DELETE", f"{c.API}/many")
        cluster.wait(lambda: count(cluster, JOBS) == 0, "the Jobs are gone", 600)
        return MANY / took, events / caught_up, memory


def main():
    report = c.Report("kubernetes", f"Trials on Kubernetes {kube.NEWEST.version}: {TRIALS} of one second, "
                                    f"{PARALLEL} at a time, and {MANY:,} at once")
    plain, trials = [], {"random": [], "tpe": []}
    with kube.Cluster() as cluster:
        cluster.plain_job("warm", PARALLEL, PARALLEL, COMMAND)
        with server(cluster) as s:      # one for all: what a server that ends removes keeps the disk busy
            for i in range(ROUNDS):
                c.say("one plain Job")
                plain.append(cluster.plain_job(f"plain-{i}", TRIALS, PARALLEL, COMMAND))
                for algorithm, measured in trials.items():
                    c.say(f"trials by {algorithm}")
                    measured.append(one_second_trials(s, f"{algorithm}-{i}", algorithm))
        c.say("loops of kubectl")
        loops = by_kubectl(cluster)
        c.say(f"{MANY} at once")
        made, watched, memory = thousand(cluster)
    report.median("one plain Job", plain, "s")
    report.add(f"{PARALLEL} loops of kubectl", loops, "s")
    for algorithm, what, bounds in (("random", "results decide nothing (random)", (0.55, 10, 50)),
                                    ("tpe", "results decide what comes next (tpe)", (None, None, None))):
        took, empty = zip(*trials[algorithm])
        report.median(f"trials, {what}", took, "s")
        report.median("  of what the plain Job takes", [t / p for t, p in zip(took, plain)], atmost=bounds[0])
        report.add("  a place stays empty, p50", at_most(empty, 0.5), "ms", atmost=bounds[1])
        report.add("  a place stays empty, p99", at_most(empty, 0.99), "ms", atmost=bounds[2])
        report.raw[f"empty_ms_{algorithm}"] = empty
    report.add(f"Jobs made, {MANY:,} at once", made, "jobs/s", target=50)
    report.add("events of pods taken in after a pause", watched, "events/s", target=5000)
    report.add("memory of the server, at most", memory, "MB", atmost=100)
    report.finish()


if __name__ == "__main__":
    main()
