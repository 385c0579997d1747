#!/usr/bin/env python3
"""Start a throw-away PostgreSQL with the given settings, run pgbench on it, print what it reached.

    python3 measure.py --seconds=5 shared_buffers=256MB synchronous_commit=off

The cluster lives in a temporary folder, listens on a Unix socket there and nowhere else, and is gone
afterwards. It never touches a PostgreSQL that is already there. PostgreSQL does not run as root: when
started by root, everything runs as the user postgres, or else nobody.
"""
import argparse
import glob
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

BASE = {
    "listen_addresses": "",
    "max_connections": "20",
    "autovacuum": "off",        # five seconds are too short for it to be fair
    "log_min_messages": "fatal",
}


def find_programs():
    """The folder of initdb and postgres: in the path, or where Debian keeps its newest version."""
    if shutil.which("initdb"):
        return os.path.dirname(os.path.realpath(shutil.which("initdb")))
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda p: int(p.split("/")[4]))
    if not found:
        sys.exit("PostgreSQL is missing: apt-get install postgresql")
    return os.path.dirname(found[-1])


def unprivileged():
    """Arguments for subprocess that drop root's privileges."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    sys.exit("started by root, and there is neither a user postgres nor nobody to become")


class Cluster:
    """A PostgreSQL that exists inside a with statement."""

    def __init__(self, settings):
        self.bin = find_programs()
        self.as_user = unprivileged()
        self.folder = tempfile.mkdtemp(prefix="pg-")
        self.server = None
        self.settings = {**BASE, "unix_socket_directories": self.folder, **settings}

    def run(self, program, *args):
        """Run one of PostgreSQL's programs; its output, or the end of everything."""
        done = subprocess.run([os.path.join(self.bin, program), *args], cwd=self.folder, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **self.as_user)
        if done.returncode != 0:
            sys.exit(f"{program} failed: {done.stdout.strip()}")
        return done.stdout

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.__exit__()
            raise

    def start(self):
        if self.as_user:
            os.chown(self.folder, self.as_user["user"], self.as_user["group"])
        data = os.path.join(self.folder, "data")
        self.run("initdb", "-D", data, "-U", "bench", "-A", "trust", "--no-sync", "--locale=C")
        options = [word for item in self.settings.items() for word in ("-c", "=".join(item))]
        self.server = subprocess.Popen([os.path.join(self.bin, "postgres"), "-D", data, *options],
                                       cwd=self.folder, **self.as_user)
        deadline = time.monotonic() + 30
        ready = [os.path.join(self.bin, "pg_isready"), "-q", "-h", self.folder, "-U", "bench", "-d", "postgres"]
        while subprocess.run(ready).returncode != 0:
            if self.server.poll() is not None:
                sys.exit("PostgreSQL does not start with these settings")
            if time.monotonic() > deadline:
                sys.exit("PostgreSQL is not ready after 30 seconds")
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        if self.server and self.server.poll() is None:
            self.server.send_signal(signal.SIGINT)      # fast shutdown
            try:
                self.server.wait(10)
            except subprocess.TimeoutExpired:
                self.server.kill()
                self.server.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def pgbench(self, *args):
        return self.run("pgbench", "-h", self.folder, "-U", "bench", *args, "postgres")


def setting(text):
    if not re.fullmatch(r"[a-z_]+=.+", text):
        raise argparse.ArgumentTypeError(f"'{text}' is not name=value")
    return tuple(text.split("=", 1))


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seconds", type=int, default=5, help="how long to measure")
    p.add_argument("--scale", type=int, default=10, help="size of the data, 16 MB each")
    p.add_argument("--clients", type=int, default=4)
    p.add_argument("settings", type=setting, nargs="*", metavar="name=value")
    a = p.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))     # so that the cluster is removed
    with Cluster(dict(a.settings)) as cluster:
        cluster.pgbench("-i", "-q", "-s", str(a.scale))
        out = cluster.pgbench("-n", "-c", str(a.clients), "-j", "2", "-T", str(a.seconds), "-M", "prepared")
    tps = re.search(r"^tps = ([\d.]+)", out, re.M)
    latency = re.search(r"^latency average = ([\d.]+) ms", out, re.M)
    if not tps or not latency:
        sys.exit(f"pgbench said something else: {out}")
    print(f"tps={tps.group(1)} latency_ms={latency.group(1)}")


if __name__ == "__main__":
    main()
