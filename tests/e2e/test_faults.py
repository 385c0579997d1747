# tier: full
"""What programs, users and machines do wrong: the trial ends with the right reason, its siblings go on."""
import os
import socket
import subprocess
import time
import unittest

import harness
from cluster import Cluster
from evidence import EvidenceCase


def experiment(name, command, trials=3, **more):
    trial = {"executor": "local", "command": command, "terminationGracePeriodSeconds": 1, **more.pop("trial", {})}
    budget = {"maxTrials": trials, "parallelTrials": 1, "maxFailedTrials": trials, **more.pop("budget", {})}
    return {"apiVersion": "trimtab/v1", "kind": "Experiment", "metadata": {"name": name},
            "spec": {"objectives": [{"metric": "loss", "direction": "minimize"}],
                     "parameters": {"x": {"type": "double", "min": 0, "max": 1}},
                     "algorithm": {"name": "random", "seed": 3}, "budget": budget, "trial": trial, **more}}


# For the first trial something goes wrong, the others are fine.
def odd_one(what):
    return ["sh", "-c", f'if [ "$TRIMTAB_TRIAL_NUMBER" = 1 ]; then {what}; else echo loss=0.5; fi']


class Programs(harness.ServerCase):
    def outcome(self, name, command, states=("succeeded",), **more):
        """The trials, once the experiment is over."""
        self.expect(self.s.post(harness.API, experiment(name, command, **more)), 201)
        path = f"{harness.API}/{name}"
        harness.wait(lambda: self.s.get(path).json["status"]["state"] in ("succeeded", "failed", "stopped"),
                     lambda: f"{name} ends: {self.s.get(path)}\n{self.s.log()[-2000:]}")
        self.assertIn(self.s.get(path).json["status"]["state"], states)
        return self.s.get(path + "/trials").json["items"]

    def first_fails(self, name, what, reason, message, **more):
        trials = self.outcome(name, odd_one(what), **more)
        self.assertEqual([t["state"] for t in trials], ["failed", "succeeded", "succeeded"], trials)
        self.assertEqual(trials[0]["reason"], reason, trials[0])
        self.assertRegex(trials[0]["message"], message)
        return trials[0]

    def test_exit_code(self):
        t = self.first_fails("exits", "echo out of paper; exit 3", "Error", "3.*out of paper")
        self.assertEqual(t["exitCode"], 3)

    def test_killed_by_signal(self):
        self.first_fails("killed", "kill -SEGV $$", "Killed", "SEGV|signal 11|Segmentation")

    def test_nan_is_never_the_best(self):
        trials = self.outcome("nan", odd_one("echo loss=nan"))
        self.assertEqual((trials[0]["state"], trials[0]["reason"]), ("failed", "NonFiniteObjective"))
        self.assertEqual(trials[0]["values"], {"loss": "NaN"})
        best = self.s.get(f"{harness.API}/nan/best").json
        self.assertNotIn('"number": 1,', str(best).replace("'", '"'))

    def test_silence(self):
        trials = self.outcome("silent", odd_one("echo acc=0.5 val-loss=1; true"))
        self.assertEqual((trials[0]["state"], trials[0]["reason"]), ("metrics_unavailable", "MetricNotReported"))
        for name in ("acc", "val-loss", "loss"):
            self.assertIn(name, trials[0]["message"])

    def test_ten_megabytes_without_a_newline(self):
        trials = self.outcome("flood", odd_one("head -c 10000000 /dev/zero | tr '\\0' x; echo; echo loss=0.25"))
        self.assertEqual([t["state"] for t in trials], ["succeeded"] * 3, trials)
        self.assertEqual(trials[0]["values"]["loss"], 0.25)

    def test_ignores_sigterm(self):
        trials = self.outcome("stubborn", odd_one("trap '' TERM; echo loss=1; while :; do sleep 0.1; done"),
                              trial={"timeout": "1s"})
        self.assertEqual((trials[0]["state"], trials[0]["reason"]), ("failed", "Timeout"))
        self.assertEqual([t["state"] for t in trials[1:]], ["succeeded"] * 2)

    def test_children_that_stay(self):
        marker = os.path.join(self.s.folder, "child")
        trials = self.outcome("forks", odd_one(f"(sleep 3600 & echo $! > {marker}); setsid sleep 3600 & echo loss=0.1"))
        self.assertEqual([t["state"] for t in trials], ["succeeded"] * 3, trials)
        with open(marker, encoding="utf-8") as f:
            child = int(f.read())
        harness.wait(lambda: not os.path.exists(f"/proc/{child}"), "its children are gone too")

    def test_start_failures_stop_the_experiment(self):
        trials = self.outcome("typo", ["/no/such/program"], states=("failed",), trials=50)
        self.assertEqual(len(trials), 3)
        self.assertEqual({(t["state"], t["reason"]) for t in trials}, {("failed", "StartError")})
        self.assertIn("/no/such/program", trials[0]["message"])
        status = self.s.get(f"{harness.API}/typo").json["status"]
        self.assertEqual(status["reason"], "StartFailures")
        self.assertIn("start", status["message"])

    def test_quick_failures_stop_the_experiment(self):
        document = experiment("crash", ["sh", "-c", "exit 1"], trials=50)
        del document["spec"]["budget"]["maxFailedTrials"]
        self.expect(self.s.post(harness.API, document), 201)
        harness.wait(lambda: self.s.get(f"{harness.API}/crash").json["status"]["state"] == "failed", "it gives up")
        self.assertEqual(len(self.s.get(f"{harness.API}/crash/trials").json["items"]), 3)

    def test_goal_ends_the_rest(self):
        trials = self.outcome("goal", ["sh", "-c", 'if [ "$TRIMTAB_TRIAL_NUMBER" = 1 ]; then echo loss=0.01; else '
                                       "sleep 3600; fi"], trials=20, budget={"parallelTrials": 3},
                              objectives=[{"metric": "loss", "direction": "minimize", "goal": 0.05}])
        self.assertEqual(trials[0]["state"], "succeeded")
        self.assertEqual({t["state"] for t in trials[1:]}, {"killed"})
        self.assertEqual(self.s.get(f"{harness.API}/goal").json["status"]["reason"], "GoalReached")

    def test_secrets_do_not_reach_trials(self):
        trials = self.outcome("env", ["sh", "-c", "env; echo loss=1"], trials=1)
        log = self.s.get(f"{harness.API}/env/trials/{trials[0]['number']}/logs").text
        self.assertIn("TRIMTAB_TRIAL_NUMBER=1", log)
        self.assertNotIn("TRIMTAB_DATABASE_URL", log)
        self.assertNotIn("hunter2", log)
        self.assertNotIn("hunter2", self.s.log())

    @classmethod
    def setUpClass(cls):
        cls.server = harness.Server("--require-tokens", token="hunter2",
                                    env={"TRIMTAB_ADMIN_TOKEN": "hunter2", "PGPASSWORD": "hunter2"})
        cls.server.__enter__()


class Database(EvidenceCase):
    """PostgreSQL goes away and comes back; nothing that was acknowledged is lost."""

    def restart(self, outage_s):
        self.cluster.stop()
        time.sleep(outage_s)            # the outage itself
        self.cluster.start()

    def test_outage(self):
        s = self.server("outage", errors=["database", "PostgreSQL", "store"])
        try:
            s.start()
            folder = self.submit(s, "steady", trials=40, reports=5, seconds=0.3)
            harness.wait(lambda: len(self.evidence(folder)) >= 6, "some trials run")
            self.cluster.stop()
            answer = harness.wait(lambda: self.unavailable(s), "requests are answered with 503")
            self.assertEqual(answer.json["type"], "/problems/unavailable")
            self.assertTrue(int(answer.headers["Retry-After"]) >= 1)
            self.assertEqual(s.get("/healthz").status, 200)
            self.assertEqual(s.get("/readyz").status, 503)
            time.sleep(3)               # the outage itself
            self.cluster.start()
            self.await_end(s, "steady")
            self.verify(s, "steady", folder, 40)
        finally:
            if self.cluster.process is None:
                self.cluster.start()
            s.__exit__(None)

    def unavailable(self, s):
        answer = s.get(f"{harness.API}/steady")
        return answer if answer.status == 503 else None

    def test_backends_that_die(self):
        s = self.server("backends", errors=["database", "PostgreSQL", "store"])
        try:
            s.start()
            folder = self.submit(s, "hit", trials=40, reports=5, seconds=0.2)
            for _ in range(10):
                before = len(self.evidence(folder))
                self.cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'backends'")
                if self.state(s, "hit") != "succeeded":
                    harness.wait(lambda: len(self.evidence(folder)) > before or self.state(s, "hit") == "succeeded",
                                 "it goes on")
            self.await_end(s, "hit")
            self.verify(s, "hit", folder, 40)
        finally:
            s.__exit__(None)


class Starting(unittest.TestCase):
    def refused(self, server, saying):
        done = subprocess.run(server.command(), env=server.environment, cwd=server.folder, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        sentences = [line for line in done.stdout.splitlines() if line.startswith("trimtab serve: ")]
        self.assertEqual(len(sentences), 1, done.stdout)
        self.assertRegex(sentences[0], saying)

    def test_port_and_database_taken(self):
        with harness.Server() as s:
            self.refused(harness.Server(folder=s.folder), f"another trimtab server .process {s.process.pid}. uses")
            with Cluster(fsync=False) as c:
                self.refused(harness.Server(port=s.port, database=c.url()), f"{s.port} is taken")

    def test_no_database(self):
        self.refused(harness.Server(database="postgres://127.0.0.1:1/none"), "PostgreSQL|connect")

    def test_strangers(self):
        s = harness.Server("--listen", "0.0.0.0:0")
        self.refused(s, "token")

    def test_bad_flags(self):
        for flags, saying in ((("--lease", "soon"), "--lease.*soon"), (("--tls-cert", "x"), "--tls-key"),
                              (("--listen", "nowhere"), "ADDRESS:PORT"), (("--slots", "-1"), "--slots")):
            with self.subTest(flags=flags):
                done = subprocess.run([harness.BIN, "serve", *flags], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                      text=True, timeout=60, check=False)
                self.assertEqual(done.returncode, 2, done.stdout)
                self.assertRegex(done.stdout, saying)


if __name__ == "__main__":
    unittest.main()
