# tier: full
"""Behind pgbouncer in session mode, and over TCP with a password: it must not matter where PostgreSQL is."""
import os
import shutil
import subprocess
import unittest

from cluster import Cluster
from harness import API, Server, document, free_port, wait

PGBOUNCER = shutil.which("pgbouncer", path=os.environ.get("PATH", "") + ":/usr/sbin")
PASSWORD = "it's a secret"


class Pooler:
    def __init__(self, cluster):
        self.cluster, self.port = cluster, free_port()
        self.config = os.path.join(cluster.folder, "pgbouncer.ini")
        users = os.path.join(cluster.folder, "users.txt")
        with open(users, "w", encoding="ascii") as f:
            f.write(f'"trimtab" "{PASSWORD}"\n')
        with open(self.config, "w", encoding="ascii") as f:
            f.write(f"[databases]\n* = host={cluster.folder} port={cluster.port}\n[pgbouncer]\npool_mode = session\n"
                    f"listen_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\n"
                    f"auth_type = scram-sha-256\nauth_file = {users}\n")
        self.process = None

    def start(self):
        with open(os.path.join(self.cluster.folder, "pgbouncer.log"), "ab") as log:
            self.process = subprocess.Popen([PGBOUNCER, "-q", self.config], **self.cluster.who, cwd="/",
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()
        self.process = None


class Elsewhere(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(port=free_port(), listen="127.0.0.1")
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        cls.cluster.start()
        quoted = PASSWORD.replace("'", "''")
        cls.cluster.sql(f"ALTER ROLE trimtab PASSWORD '{quoted}'")
        with open(os.path.join(cls.cluster.data, "pg_hba.conf"), "w", encoding="ascii") as f:
            f.write("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
        cls.cluster.sql("SELECT pg_reload_conf()")

    def conninfo(self, port, database):
        self.cluster.create(database)
        return f"host=127.0.0.1 port={port} user=trimtab dbname={database}"

    def run_experiment(self, server, name, trials=6, middle=lambda: None):
        spec = document(name, parameters={"x": {"type": "double", "min": 0, "max": 1}},
                        budget={"maxTrials": trials, "parallelTrials": 2},
                        trial={"command": ["sh", "-c", "echo loss=$0", "${x}"], "metrics": {"collector": "stdout"}})
        self.assertEqual(server.post(API, spec).status, 201)
        middle()

        def status():
            r = server.get(f"{API}/{name}")
            return r.json["status"] if r.status == 200 else {}
        wait(lambda: status().get("state") == "succeeded", lambda: f"{name} succeeds: {status()}\n{server.log()}")
        items = server.get(f"{API}/{name}/trials").json["items"]
        self.assertEqual([(t["number"], t["state"]) for t in sorted(items, key=lambda t: t["number"])],
                         [(i, "succeeded") for i in range(1, trials + 1)])

    def test_over_tcp_with_a_password(self):
        url = self.conninfo(self.cluster.port, "tcp")
        with Server(database=url, env={"PGPASSWORD": PASSWORD}) as s:
            self.run_experiment(s, "tcp")
            self.assertNotIn(PASSWORD, s.log())

    def test_a_wrong_password_is_one_clear_sentence(self):
        url = self.conninfo(self.cluster.port, "wrong")
        s = Server(database=url, env={"PGPASSWORD": "no-such-word"})
        self.addCleanup(shutil.rmtree, s.folder, True)
        done = subprocess.run(s.command(), env=s.environment, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("password authentication failed", done.stderr)
        self.assertNotIn("no-such-word", done.stderr)

    @unittest.skipUnless(PGBOUNCER, "pgbouncer is not installed: run tools/setup test")
    def test_behind_pgbouncer(self):
        pooler = Pooler(self.cluster).start()
        self.addCleanup(pooler.stop)
        url = self.conninfo(pooler.port, "pooled")
        with Server(database=url, env={"PGPASSWORD": PASSWORD}) as s:
            self.run_experiment(s, "pooled")

            def restart():
                pooler.stop()
                pooler.start()
            self.run_experiment(s, "interrupted", trials=20, middle=restart)


if __name__ == "__main__":
    unittest.main()
