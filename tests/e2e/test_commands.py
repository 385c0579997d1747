# tier: quick
"""Every command of the command line against a real server, and the server that `run` starts for itself."""
import json
import os
import re
import signal
import subprocess
import tempfile
import unittest

import harness
from fake import BINARY, run

QUADRATIC = """
apiVersion: trimtab/v1
kind: Experiment
metadata: {name: NAME}
spec:
  objectives: [{metric: loss, direction: minimize}]
  parameters:
    x: {type: double, min: -1, max: 1}
    kind: {type: categorical, values: [a, b]}
  algorithm: {name: sobol, seed: 1}
  budget: {maxTrials: 4, parallelTrials: 2}
  trial:
    command: [sh, -c, 'echo kind=${kind}; awk -v x=${x} "BEGIN { print \\"loss=\\" x * x }"']
"""


class Commands(harness.ServerCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.url = f"http://127.0.0.1:{cls.server.port}"

    def trimtab(self, *words, code=0, stdin=None, **options):
        got, out, err = run(*words, server=self.url, stdin=stdin, **options)
        self.assertEqual(got, code, f"trimtab {' '.join(words)}\n{out}{err}")
        return out if code == 0 else err

    def new(self, name, *words):
        """An experiment that has run to its end."""
        return self.trimtab("run", "-f", "-", *words, stdin=QUADRATIC.replace("NAME", name))

    def asked(self, name, **budget):
        path = self.create(name, budget={"maxTrials": 3, "parallelTrials": 1, **budget})
        self.assertTrue(path.endswith(name))
        return name

    def test_run_prints_trials_and_the_best(self):
        out = self.new("run-lines")
        self.assertEqual(len(re.findall(r"^trial \d+ succeeded  loss=", out, re.M)), 4)
        self.assertIn("run-lines succeeded (MaxTrialsReached)", out)
        self.assertRegex(out, r"best  #\d+  loss=\S+  ")

    def test_run_is_safe_to_repeat(self):
        self.new("repeat")
        self.assertIn("--attach", self.trimtab("run", "-f", "-", stdin=QUADRATIC.replace("NAME", "repeat"), code=6))
        self.new("repeat", "--attach", "-o", "silent")
        other = QUADRATIC.replace("NAME", "repeat").replace("max: 1", "max: 2")
        self.assertIn("differs: /spec/parameters/x", self.trimtab("run", "-f", "-", "--attach", stdin=other, code=6))

    def test_run_from_flags(self):
        out = self.trimtab("run", "--x=0..1", "--n=1..3", "--minimize", "loss", "--max-trials", "3", "--algorithm=random",
                           "--seed=1", "-o", "json", "--", "sh", "-c", "echo loss=${x}")
        events = [json.loads(line) for line in out.splitlines()]
        self.assertEqual(events[-1]["state"], "succeeded")
        self.assertEqual(events[-1]["bestValue"], events[-1]["bestParameters"]["x"])

    def test_failed_search(self):
        doc = QUADRATIC.replace("NAME", "broken").replace("parallelTrials: 2", "parallelTrials: 1, maxFailedTrials: 1")
        doc = doc[:doc.index("    command:")] + "    command: [sh, -c, 'echo oh no >&2; exit 3']\n"
        self.trimtab("run", "-f", "-", stdin=doc, code=3)
        self.assertIn("oh no", self.trimtab("logs", "broken", "--failed"))
        self.assertIn("no successful trial", self.trimtab("best", "broken", code=3))

    def test_reading(self):
        self.new("reading")
        self.assertRegex(self.trimtab("get", "experiments"), r"reading +succeeded +sobol +4/4 ")
        self.assertEqual(self.trimtab("get", "exp", "reading", "-o", "jsonpath={.status.state}"), "succeeded\n")
        rows = self.trimtab("get", "trials", "reading", "--sort", "rank").splitlines()
        self.assertEqual((len(rows), rows[0].split()[:3]), (5, ["NAME", "TRIAL", "STATE"]))
        best = json.loads(self.trimtab("get", "trials", "reading", "--sort", "rank", "--limit", "1", "-o", "json"))["items"][0]
        self.assertEqual(json.loads(self.trimtab("best", "reading", "-o", "json")), best["parameters"])
        self.assertEqual(float(self.trimtab("best", "reading", "--field", "loss")), best["values"]["loss"])
        self.assertIn(f"Best:         #{best['number']}", self.trimtab("describe", "reading"))
        self.assertIn("Exit code:    0", self.trimtab("describe", "reading/1"))
        self.assertIn("loss=", self.trimtab("logs", "reading/1"))
        self.assertIn("MaxTrialsReached", self.trimtab("get", "events", "reading"))
        self.trimtab("describe", "reading/99", code=5)
        self.trimtab("get", "exp", "nobody", code=5)

    def test_export_and_import(self):
        self.new("source")
        table = self.trimtab("export", "source")
        self.assertEqual(len(table.splitlines()), 5)
        self.assertEqual(len(json.loads(self.trimtab("export", "source", "--format", "json"))["trials"]), 4)
        self.trimtab("create", "-f", "-", stdin=QUADRATIC.replace("NAME", "target").replace("trial:\n", "trial:\n    executor: worker\n")
                     .split("    command:")[0])
        self.assertEqual(self.trimtab("import", "target", "-f", "-", stdin=table), "4 trials imported into target\n")
        self.assertEqual(self.trimtab("best", "target", "-o", "json"), self.trimtab("best", "source", "-o", "json"))

    def test_create_apply_edit(self):
        doc = QUADRATIC.replace("NAME", "edited").split("    command:")[0] + "    executor: worker\n"
        self.assertEqual(self.trimtab("create", "-f", "-", stdin=doc), "experiment/edited created\n")
        self.assertEqual(self.trimtab("create", "-f", "-", stdin=doc), "experiment/edited unchanged\n")
        self.assertEqual(self.trimtab("apply", "-f", "-", "--set", "spec.budget.maxTrials=9", stdin=doc),
                         "experiment/edited configured\n")
        self.assertEqual(self.trimtab("edit", "edited", "--max-trials", "12", "-l", "team=vision"), "experiment/edited edited\n")
        self.assertEqual(self.trimtab("get", "exp", "edited", "-o", "jsonpath={.spec.budget.maxTrials}"), "12\n")
        self.assertEqual(self.trimtab("get", "exp", "-l", "team=vision", "-o", "name"), "experiment/edited\n")
        self.trimtab("apply", "-f", "-", "--set", "spec.parameters.x.max=5", stdin=doc, code=6)

    def test_validate(self):
        bad = QUADRATIC.replace("NAME", "bad").replace("name: sobol", "name: soobl").replace("min: -1", "min: 5")
        for where in ([], ["--local"]):
            with self.subTest(where=where):
                err = self.trimtab("validate", "-f", "-", *where, stdin=bad, code=2)
                self.assertIn("/spec/algorithm/name", err)
                self.assertIn("did you mean sobol?", err)
                self.assertIn("/spec/parameters/x", err)

    def test_pause_resume_stop(self):
        self.asked("states")
        for words, state in ((("pause",), "paused"), (("resume",), "running"), (("stop",), "stopped")):
            self.trimtab(*words, "states")
            harness.wait(lambda: self.trimtab("get", "exp", "states", "-o", "jsonpath={.status.state}").strip() == state, state)
        self.trimtab("watch", "states", code=3)
        self.trimtab("pause", "states", code=6)

    def test_restart(self):
        self.new("again")
        self.trimtab("restart", "again", "--max-trials", "6")
        self.trimtab("watch", "again")
        self.assertEqual(self.trimtab("get", "exp", "again", "-o", "jsonpath={.status.trialsSucceeded}"), "6\n")

    def test_ask_tell_report(self):
        self.asked("told")
        given = json.loads(self.trimtab("ask", "told", "--worker", "w"))["trials"][0]
        self.assertEqual(json.loads(self.trimtab("ask", "told", "--worker", "w"))["trials"][0]["number"], given["number"])
        name = f"told/{given['number']}"
        self.assertEqual(self.trimtab("report", "loss=0.5", "--step=1", "--trial", name, "--print-stop"), "go\n")
        self.assertEqual(self.trimtab("tell", name), f"trial/{name} succeeded\n")
        self.assertEqual(self.trimtab("best", "told", "--field", "loss"), "0.5\n")
        self.trimtab("tell", name, "loss=0.7", code=6)

    def test_enqueue(self):
        self.asked("queued")
        self.trimtab("enqueue", "queued", "lr=0.01", "layers=3", "optimizer=adam")
        given = json.loads(self.trimtab("ask", "queued", "--worker", "w"))["trials"][0]
        self.assertEqual(given["parameters"], {"lr": 0.01, "layers": 3, "optimizer": "adam"})
        err = self.trimtab("enqueue", "queued", "lr=7", "layers=x", "optimizer=adm", code=2)
        for word in ("/parameters/lr", "/parameters/layers", "/parameters/optimizer"):
            self.assertIn(word, err)

    def test_retry(self):
        self.asked("retried")
        number = json.loads(self.trimtab("ask", "retried", "--worker", "w"))["trials"][0]["number"]
        self.trimtab("tell", f"retried/{number}", "--state", "failed", "--reason", "CudaOutOfMemory")
        self.assertEqual(self.trimtab("retry", "retried", "--failed"), f"trial/retried/{number} retried\n")
        self.trimtab("retry", "retried/99", code=5)

    def test_delete(self):
        self.asked("gone")
        self.trimtab("delete", "gone")
        self.trimtab("get", "exp", "gone", code=5)
        self.trimtab("delete", "gone", "--ignore-not-found")
        self.asked("gone")
        (line,) = [x for x in self.trimtab("get", "experiments", "--archived").splitlines() if x.startswith("gone ")]
        uid = re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", line)[0]
        self.trimtab("delete", "gone", "--uid", uid, code=2)
        self.trimtab("get", "trials", "gone", "--archived", code=2)
        self.assertEqual(self.trimtab("delete", "gone", "--purge", "--uid", uid), "experiment/gone purged\n")
        self.assertNotIn("gone ", self.trimtab("get", "experiments", "--archived"))
        self.trimtab("get", "exp", "gone")
        self.trimtab("delete", "gone", "--purge", "--uid", uid, code=5)

    def test_tokens(self):
        secret = self.trimtab("token", "add", "ana", "--role", "viewer", "--expires", "1h").strip()
        self.assertRegex(self.trimtab("token", "list"), r"ana +viewer +default ")
        env = {"TRIMTAB_TOKEN": secret}
        self.trimtab("get", "experiments", env=env)
        self.trimtab("token", "add", "bob", env=env, code=4)
        self.trimtab("token", "delete", "ana")
        self.trimtab("get", "experiments", env=env, code=4)

    def test_informing(self):
        self.assertRegex(self.trimtab("algorithms"), r"(?m)^grid +Tries every combination")
        self.assertIn("random_state", self.trimtab("algorithms", "sobol"))
        self.trimtab("algorithms", "soboll", code=5)
        self.assertIn("ok    server", self.trimtab("doctor"))
        self.assertIn("server  ", self.trimtab("version"))

    def test_sql(self):
        self.new("queried")
        out = self.trimtab("sql", "--data-dir", self.server.folder + "/postgres", "-c",
                           "SELECT count(*) AS n FROM trials WHERE experiment = 'queried'", "--", "-At")
        self.assertEqual(out, "4\n")

    def test_follow_a_log(self):
        self.trimtab("create", "-f", "-", stdin=QUADRATIC.replace("NAME", "slow").split("    command:")[0] +
                     "    command: [sh, -c, 'for i in 1 2 3; do echo line $i; sleep 0.2; done; echo loss=1']\n")
        harness.wait(lambda: self.trimtab("get", "trials", "slow", "--state", "running,succeeded", "-o", "name"), "a trial runs")
        self.assertEqual(self.trimtab("logs", "slow/1", "-f"), "line 1\nline 2\nline 3\nloss=1\n")


class OwnServer(unittest.TestCase):
    """`trimtab run` where there is none."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="trimtab-own-", dir="/tmp")
        os.chmod(self.folder, 0o755)
        self.addCleanup(lambda: subprocess.run(["rm", "-rf", self.folder], check=False))
        data = self.folder + "/data/trimtab"
        os.makedirs(data)
        subprocess.run(["cp", "-a", harness.template(), data + "/postgres"], check=True)
        self.env = {key: value for key, value in os.environ.items() if not key.startswith(("TRIMTAB_", "PG", "XDG_"))}
        self.env.update(HOME=self.folder, XDG_DATA_HOME=self.folder + "/data", XDG_STATE_HOME=self.folder + "/state",
                        TRIMTAB_LISTEN=f"127.0.0.1:{harness.free_port()}")

    def start(self, *words, stdin=QUADRATIC.replace("NAME", "own")):
        child = subprocess.Popen([BINARY, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 text=True, env=self.env, cwd=self.folder)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        child.stdin.write(stdin)
        child.stdin.close()
        child.stdin = None
        return child

    def test_runs_and_leaves_nothing(self):
        for name in ("first", "second"):  # the second run finds the first one's database
            child = self.start("run", "-f", "-", stdin=QUADRATIC.replace("NAME", name))
            out, err = child.communicate(timeout=harness.DEADLINE * 2)
            self.assertEqual(child.returncode, 0, out + err)
            self.assertIn("starting one", err)
            self.assertIn(f"{name} succeeded", out)
        address = self.env["TRIMTAB_LISTEN"]
        self.assertEqual(subprocess.run(["curl", "-s", f"http://{address}/healthz"], check=False).returncode, 7)
        self.assertFalse(os.path.exists(self.folder + "/data/trimtab/postgres/postmaster.pid"))

    def test_detaching_leaves_the_server(self):
        slow = QUADRATIC.replace("NAME", "slow").split("    command:")[0] + "    command: [sh, -c, 'sleep 600']\n"
        child = self.start("run", "-f", "-", stdin=slow)
        harness.wait(lambda: child.stdout.readline() == "experiment/slow\n", "the experiment is there")
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=harness.DEADLINE)
        self.assertEqual(child.returncode, 130, err)
        pid = int(re.search(r"goes on as process (\d+)", err).group(1))
        self.addCleanup(lambda: subprocess.run(["kill", "-9", str(pid)], stderr=subprocess.DEVNULL, check=False))
        answer = subprocess.run([BINARY, "cancel", "slow"], env=self.env, stdout=subprocess.PIPE, text=True, check=True)
        self.assertEqual(answer.stdout, "experiment/slow cancelled\n")
        watch = subprocess.run([BINARY, "watch", "slow"], env=self.env, stdout=subprocess.PIPE, text=True, check=False)
        self.assertEqual(watch.returncode, 3, watch.stdout)
        os.kill(pid, signal.SIGTERM)
        harness.wait(lambda: not os.path.exists(f"/proc/{pid}"), "the server ends")

    def test_a_server_that_cannot_start(self):
        self.env["TRIMTAB_DATABASE_URL"] = "postgres://nobody@127.0.0.1:1/none"
        child = self.start("run", "-f", "-")
        _, err = child.communicate(timeout=harness.DEADLINE * 2)
        self.assertNotEqual(child.returncode, 0)
        self.assertIn("serve.log", err)


if __name__ == "__main__":
    unittest.main()
