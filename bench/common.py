"""What the benchmarks share: a server with its private PostgreSQL, pinned to two cores, its processor time
and memory, quantiles, and the table of figures against targets that is printed and kept.

Everything that takes part in a run (server, PostgreSQL, load) inherits the two cores from here. How much
of them went to processes that have no part in it is kept with every run: figures with a large share are
not worth keeping.
"""
import http.client
import json
import math
import os
import platform
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BIN = os.environ.get("TRIMTAB_BIN", os.path.join(ROOT, "build/release/trimtab"))
TOOLS = os.path.join(ROOT, os.environ.get("TRIMTAB_BENCH", "build/release/bench"))
QUICK = bool(os.environ.get("BENCH_QUICK"))
CORES = 2
API = "/api/v1/namespaces/default/experiments"
TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")

os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])


def say(text):
    print(f"  {text}", file=sys.stderr, flush=True)


def quantile(values, q):
    ordered = sorted(values)
    return ordered[math.ceil(q * len(ordered)) - 1] if q > 0 else ordered[0]


# ---- processes ---------------------------------------------------------------------------------------

class Process:
    """One line of /proc/PID/stat."""

    def __init__(self, pid):
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            fields = f.read().rpartition(")")[2].split()
        self.parent = int(fields[1])
        self.cpu = (int(fields[11]) + int(fields[12])) / TICK
        self.children_cpu = (int(fields[13]) + int(fields[14])) / TICK
        self.rss = int(fields[21]) * PAGE


def processes():
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                found[int(name)] = Process(name)
            except OSError:
                pass
    return found


def descends(pid, root, table):
    while pid in table and pid != root:
        pid = table[pid].parent
    return pid == root


def busy():
    """Seconds of processor time spent on the whole machine: all but idle and waiting for the disk."""
    with open("/proc/stat", encoding="ascii") as f:
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, f.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICK


class Others:
    """The share of the cores that went to strangers between start and share()."""

    def __init__(self):
        self.at, self.busy, self.own = time.monotonic(), busy(), self.ours()

    @staticmethod
    def ours():
        table = processes()
        mine = [p for pid, p in table.items() if descends(pid, os.getpid(), table)]
        return sum(p.cpu + p.children_cpu for p in mine)

    def share(self):
        took = time.monotonic() - self.at
        strange = busy() - self.busy - (self.ours() - self.own)
        return round(max(0.0, strange) / took / os.cpu_count(), 3)


# ---- a server ----------------------------------------------------------------------------------------

class Answer(Exception):
    """An answer that was not expected."""


class Client:
    """One keep-alive connection."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def raw(self, method, path, body=None):
        self.connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        answer = self.connection.getresponse()
        return answer.status, answer.read()

    def call(self, method, path, body=None):
        status, text = self.raw(method, path, json.dumps(body) if body is not None else None)
        if status >= 300:
            raise Answer(f"{method} {path}: {status} {text[:1000].decode()}")
        return json.loads(text)

    def get(self, path):
        return self.call("GET", path)

    def post(self, path, body=None):
        return self.call("POST", path, body)


class Server:
    def __init__(self, *flags):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.folder = tempfile.mkdtemp(prefix="trimtab-bench-", dir=os.environ.get("BENCH_DIR"))
        os.chmod(self.folder, 0o755)
        self.flags, self.process = flags, None
        self.log_path = os.path.join(self.folder, "server.log")
        self.client = Client(self.port)

    def start(self):
        data = os.path.join(self.folder, "postgres")
        env = {k: v for k, v in os.environ.items() if not k.startswith(("TRIMTAB_", "PG"))}
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [BIN, "serve", "--listen", f"127.0.0.1:{self.port}", "--data-dir", data, "--log-format", "json",
                 "--state-dir", os.path.join(self.folder, "trials"), *self.flags],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, cwd=self.folder)
        for _ in range(1200):
            if self.process.poll() is not None:
                sys.exit(f"the server ended with {self.process.returncode}:\n{self.log()}")
            try:
                if self.client.raw("GET", "/readyz")[0] == 200:
                    break
            except OSError:
                self.client = Client(self.port)
            time.sleep(0.05)
        else:
            sys.exit("the server did not become ready:\n" + self.log())
        if self.psql("SELECT current_setting('fsync') || current_setting('synchronous_commit')") != [["onon"]]:
            sys.exit("commits do not wait for the disk here: such figures mean nothing")
        return self

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()[-4000:]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        try:
            self.stop()
        finally:
            if not os.environ.get("BENCH_KEEP"):
                shutil.rmtree(self.folder, ignore_errors=True)

    def conninfo(self, database="trimtab"):
        return f"host={self.folder}/postgres port=5432 user=trimtab dbname={database}"

    def psql(self, sql, database="trimtab"):
        """The rows of the last statement, each a list of strings."""
        out = subprocess.run(["psql", self.conninfo(database), "-XqAt", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-f", "-"],
                             input=sql, text=True, check=True, stdout=subprocess.PIPE).stdout
        return [line.split("\t") for line in out.splitlines()]

    def stat(self):
        return Process(self.process.pid)

    def rss_mb(self):
        return self.stat().rss / 2**20

    def postgres_cpu(self):
        table = processes()
        return sum(p.cpu + p.children_cpu for pid, p in table.items()
                   if pid != self.process.pid and descends(pid, self.process.pid, table))

    def create(self, name, **spec):
        self.client.post(API, document(name, **spec))
        return f"{API}/{name}"

    def workers(self, name, n):
        """An experiment with n trials that workers run; the paths of their metrics."""
        path = self.create(name, budget={"maxTrials": n, "parallelTrials": n})
        trials = []
        while len(trials) < n:
            got = self.client.post(path + "/trials:ask", {
                "workerId": f"w{len(trials)}", "count": min(1000, n - len(trials)), "leaseSeconds": 3600})["trials"]
            trials += got
        return [t["links"]["metrics"] for t in trials]


def document(name, parameters=None, algorithm=None, budget=None, **spec):
    return {"apiVersion": "trimtab/v1", "kind": "Experiment", "metadata": {"name": name}, "spec": {
        "objectives": [{"metric": "loss", "direction": "minimize"}],
        "parameters": parameters or {"x": {"type": "double", "min": 0, "max": 1}},
        "algorithm": algorithm or {"name": "random", "seed": 1},
        "budget": budget or {"maxTrials": 1000000, "parallelTrials": 1000}, **spec}}


def tool(name, *args, stdin=None):
    """The line of JSON that a program of ours prints."""
    run = subprocess.run([os.path.join(TOOLS, name), *map(str, args)], input=stdin, text=True, check=True,
                         stdout=subprocess.PIPE)
    return json.loads(run.stdout)


def load(port, batch, first_step, paths, warm, seconds):
    return tool("load", port, batch, first_step, warm, seconds, stdin="\n".join(paths) + "\n")


def fsync_ms():
    """The median of writing 8 KiB over allocated blocks and waiting for the disk, as a commit does. Disks differ
    by a factor of ten, and so do commits; the same one may be in different moods."""
    took = []
    with tempfile.TemporaryFile(dir=os.environ.get("BENCH_DIR")) as f:
        os.write(f.fileno(), bytes(1 << 20))
        os.fsync(f.fileno())
        for i in range(128):
            start = time.perf_counter()
            os.pwrite(f.fileno(), b"x" * 8192, i * 8192)
            os.fdatasync(f.fileno())
            took.append(1000 * (time.perf_counter() - start))
    return round(statistics.median(took), 3)


# ---- figures -----------------------------------------------------------------------------------------

def machine():
    with open("/proc/meminfo", encoding="ascii") as f:
        memory = int(f.readline().split()[1])
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as f:
        model = next((line.split(":")[1].strip() for line in f if line.startswith("model name")), platform.machine())
    return {"cpu": model, "cores": os.cpu_count(), "cores_used": len(os.sched_getaffinity(0)),
            "memory_gib": round(memory / 2**20, 1), "kernel": platform.release()}


def commit():
    def git(*args):
        return subprocess.run(["git", "-C", ROOT, *args], text=True, stdout=subprocess.PIPE, check=False).stdout.strip()
    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!bench/results")
    return git("rev-parse", "--short", "HEAD") + ("+changes" if changed else "")


class Report:
    """Figures of one benchmark, in the order in which they are added."""

    def __init__(self, name, title):
        self.name, self.title, self.rows, self.raw = name, title, [], {}
        self.start = {"date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), "commit": commit(),
                      "load_before": round(os.getloadavg()[0], 2), "fsync_ms": fsync_ms()}
        self.others = Others()

    def add(self, what, value, unit="", target=None, atmost=None, spread=None):
        """A figure; `target`: at least this, `atmost`: at most this; `spread`: the rounds it is the median of."""
        bound = target if target is not None else atmost
        met = None if bound is None else bool(value >= bound if target is not None else value <= bound)
        self.rows.append({"what": what, "value": value, "unit": unit, "spread": spread and [min(spread), max(spread)],
                          "target": None if bound is None else f"{'≥' if target is not None else '≤'} {figure(bound)}",
                          "met": met})

    def median(self, what, values, unit="", **bounds):
        self.add(what, statistics.median(values), unit, spread=values, **bounds)

    def table(self):
        head = ["", "measured", "range", "unit", "target", "met"]
        lines = [[r["what"], figure(r["value"]), "–".join(map(figure, r["spread"])) if r["spread"] else "", r["unit"],
                  r["target"] or "", {None: "", True: "yes", False: "NO"}[r["met"]]] for r in self.rows]
        return head, lines

    def finish(self):
        facts = {**self.start, "others_share": self.others.share(), "load_after": round(os.getloadavg()[0], 2),
                 **machine()}
        head, lines = self.table()
        widths = [max(len(line[i]) for line in [head, *lines]) for i in range(len(head))]
        about = (f"{facts['date']}, commit {facts['commit']}, {facts['cpu']}, {facts['cores_used']} cores used of "
                 f"{facts['cores']}, {facts['memory_gib']} GiB; an fsync takes {facts['fsync_ms']} ms; load before {facts['load_before']}, "
                 f"{facts['others_share']:.0%} of the machine went to other processes")
        print(f"\n{self.title}\n{about}\n")
        for line in [head, *lines]:
            cells = [c.rjust(w) if i in (1, 2) else c.ljust(w) for i, (c, w) in enumerate(zip(line, widths))]
            print("  " + "  ".join(cells).rstrip())
        folder = os.path.join(ROOT, "build/bench-quick" if QUICK else "bench/results")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, self.name + ".json"), "w", encoding="utf-8") as f:
            json.dump({"benchmark": self.name, **facts, "figures": self.rows, "raw": self.raw}, f, indent=1,
                      ensure_ascii=False)
            f.write("\n")
        with open(os.path.join(folder, self.name + ".md"), "w", encoding="utf-8") as f:
            f.write(f"# {self.title}\n\n{about}.\n\n")
            for i, line in enumerate([head, *lines]):
                f.write("| " + " | ".join(line) + " |\n" + ("| --- | ---: | ---: | --- | --- | --- |\n" if i == 0 else ""))
        print(f"\n  kept in {os.path.relpath(folder, ROOT)}/{self.name}.json and .md")


def figure(x):
    if isinstance(x, int) or abs(x) >= 100:
        return f"{x:,.0f}"
    return f"{x:.3g}"
