"""A PostgreSQL of the tests' own, for servers that are given one: several of them, or one that is killed.

Started as root it runs as an unprivileged user, as PostgreSQL demands.
"""
import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile

from harness import wait


def programs():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"),
                   key=lambda p: int(p.split("/")[4]) if p.split("/")[4].isdigit() else 0)
    if found:
        return os.path.dirname(found[-1])
    return os.path.dirname(os.path.realpath(shutil.which("postgres")))


class Cluster:
    """`with Cluster() as c: Server(database=c.url("name"))`."""

    def __init__(self, fsync=True, port=5432, listen=""):
        self.fsync, self.process, self.port, self.listen = fsync, None, port, listen
        self.bin = programs()
        self.folder = tempfile.mkdtemp(prefix="trimtab-pg-", dir="/tmp")
        os.chmod(self.folder, 0o755)
        self.data = os.path.join(self.folder, "data")
        self.who = {}
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            self.who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            os.chown(self.folder, user.pw_uid, user.pw_gid)

    def run(self, *argv):
        done = subprocess.run(argv, **self.who, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
        if done.returncode:
            raise AssertionError(f"{argv}: {done.stdout}")
        return done.stdout

    def start(self):
        if not os.path.exists(self.data):
            self.run(f"{self.bin}/initdb", "-D", self.data, "-U", "trimtab", "-E", "UTF8", "--locale=C",
                     "--auth=trust", "--no-sync")
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = subprocess.Popen(
                [f"{self.bin}/postgres", "-D", self.data, "-k", self.folder, "-p", str(self.port),
                 "-c", f"listen_addresses={self.listen}",
                 "-c", f"fsync={'on' if self.fsync else 'off'}"], **self.who, cwd="/",
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        ready = [f"{self.bin}/pg_isready", "-q", "-h", self.folder, "-p", str(self.port)]
        wait(lambda: subprocess.run(ready, check=False).returncode == 0,
             "PostgreSQL is ready")
        return self

    def stop(self, how=signal.SIGINT):
        if self.process:
            self.process.send_signal(how)
            self.process.wait()
            self.process = None

    def url(self, database="postgres"):
        return f"host={self.folder} port={self.port} user=trimtab dbname={database}"

    def sql(self, text, database="postgres"):
        """The rows as lists of text."""
        out = self.run(f"{self.bin}/psql", "-h", self.folder, "-p", str(self.port), "-U", "trimtab",
                       "-d", database, "-XAtq", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-c", text)
        return [line.split("\t") for line in out.splitlines()]

    def create(self, database):
        self.sql(f'CREATE DATABASE "{database}"')
        return self.url(database)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
