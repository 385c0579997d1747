# tier: quick
"""The command line against a server that answers as the test says."""
import glob
import json
import os
import signal
import subprocess
import tempfile
import time
import unittest

from fake import BINARY, Fake, experiment, problem, run, trial

EXPERIMENTS = "/api/v1/namespaces/default/experiments"
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DIGITS = EXPERIMENTS + "/digits"


class Case(unittest.TestCase):
    def fake(self, routes):
        fake = Fake(routes)
        self.addCleanup(fake.close)
        return fake

    def ok(self, *words, **options):
        code, out, err = run(*words, **options)
        self.assertEqual((code, err), (0, ""), out)
        return out

    def fails(self, code, *words, **options):
        got, out, err = run(*words, **options)
        self.assertEqual(got, code, out + err)
        return err


class Usage(Case):
    def test_help_lists_commands(self):
        out = self.ok("help")
        for word in ("serve", "run", "create", "best", "completion", "doctor"):
            self.assertRegex(out, rf"\n  {word} +[A-Z]")
        self.assertNotIn("__complete", out)

    def test_every_command_has_help(self):
        for name in self.names():
            with self.subTest(name):
                out = self.ok(name, "--help")
                self.assertTrue(out.startswith(f"Usage: trimtab {name}"), out)
                self.assertEqual(out, self.ok("help", name))

    def names(self):
        return [line.split()[0] for line in self.ok("help").splitlines() if line.startswith("  ")]

    def test_did_you_mean(self):
        self.assertIn("did you mean best?", self.fails(2, "bset"))
        self.assertIn("did you mean --max-trials?", self.fails(2, "run", "--max-trails=3"))
        self.assertIn("did you mean --output?", self.fails(2, "get", "experiments", "--outptu=json"))

    def test_arguments(self):
        self.assertIn("NAME is missing", self.fails(2, "best"))
        self.assertIn("one argument too many", self.fails(2, "best", "a", "b"))
        self.assertIn("-f FILE is missing", self.fails(2, "create"))

    def test_version(self):
        self.assertRegex(self.ok("version", "--client"), r"^trimtab \d+\.\d+\.\d+\n$")
        self.assertRegex(self.ok("--version"), r"^trimtab \d+\.\d+\.\d+\n$")

    def test_completion_scripts_parse(self):
        for shell, check in (("bash", ["bash", "-n"]), ("zsh", None), ("fish", None)):
            script = self.ok("completion", shell)
            self.assertIn("__complete", script)
            if check:
                subprocess.run(check, input=script, text=True, check=True)

    def test_completion_in_bash(self):
        script = """
        PATH=$1:$PATH
        source <(trimtab completion bash)
        compopt() { :; }
        try() { COMP_WORDS=(trimtab "$@"); COMP_CWORD=$#; COMPREPLY=(); _trimtab; echo "${COMPREPLY[*]}"; }
        try be; try run --max-t; try best --output = ; try best --output = j; try help des; try get ex
        """
        out = subprocess.run(["bash", "-c", script, "bash", os.path.dirname(BINARY)], stdout=subprocess.PIPE, text=True, check=True)
        self.assertEqual(out.stdout.splitlines(), ["best", "--max-trials=", "line json yaml env args", "json", "describe",
                                                   "experiments"])

    def test_complete(self):
        fake = self.fake({"GET " + EXPERIMENTS: {"items": [experiment("digits"), experiment("other")]}})
        self.assertEqual(self.ok("__complete", "--", "be", server=fake.url), "best\n")
        self.assertEqual(self.ok("__complete", "--", "best", "di", server=fake.url), "digits\n")
        self.assertEqual(self.ok("__complete", "--", "best", "--out", server=fake.url), "--output=\n")
        self.assertEqual(self.ok("__complete", "--", "best", "--output=e", server=fake.url), "--output=env\n")
        code, out, _ = run("__complete", "--", "best", "di", server="http://127.0.0.1:1")
        self.assertEqual((code, out), (0, ""))

    def test_explain(self):
        self.assertIn("maxTrials", self.ok("explain", "experiment.spec.budget"))
        self.assertIn("did you mean", self.fails(5, "explain", "experiment.spec.budgte"))


class Errors(Case):
    def test_exit_codes(self):
        cases = [
            (problem(400, "malformed", "The request cannot be read"), 2),
            (problem(401, "unauthenticated", "A valid token is needed"), 4),
            (problem(403, "forbidden", "The token lacks the right"), 4),
            (problem(404, "not-found", "There is no experiment"), 5),
            (problem(410, "gone", "The resource was deleted"), 5),
            (problem(409, "wrong-state", "The resource's state forbids it"), 6),
            (problem(409, "already-exists", "The name is taken"), 6),
            (problem(422, "invalid-experiment", "1 error"), 2),
            (problem(429, "slow-down", "Too many requests"), 7),
            (problem(500, "internal", "A defect"), 1),
            (problem(503, "unavailable", "The database does not answer"), 7),
            ((502, "<html>Bad gateway</html>"), 1),
        ]
        for answer, code in cases:
            with self.subTest(answer=answer[0]):
                fake = self.fake({"GET " + DIGITS + "/best": answer})
                err = self.fails(code, "best", "digits", server=fake.url)
                self.assertTrue(err.startswith("trimtab: "), err)

    def test_unreachable(self):
        err = self.fails(7, "best", "digits", server="http://127.0.0.1:1")
        self.assertIn("127.0.0.1", err)

    def test_every_problem_is_shown(self):
        errors = [{"pointer": "/spec/algorithm/name", "code": "unknown-algorithm", "detail": "'tep' is not an algorithm",
                   "didYouMean": ["tpe"]},
                  {"pointer": "/spec/parameters/lr/min", "code": "min-above-max", "detail": "min 0.1 is above max 0.01"}]
        fake = self.fake({"POST " + EXPERIMENTS: problem(422, "invalid-experiment", "The document has 2 errors",
                                                         "Nothing was created.", errors=errors)})
        err = self.fails(2, "create", "-f", "-", server=fake.url, stdin="{}")
        self.assertEqual(err, "trimtab: The document has 2 errors. Nothing was created.\n"
                              "  /spec/algorithm/name: 'tep' is not an algorithm; did you mean tpe?\n"
                              "  /spec/parameters/lr/min: min 0.1 is above max 0.01\n")

    def test_token_and_namespace_go_along(self):
        fake = self.fake({"GET /api/v1/namespaces/vision/experiments/digits/best": {"trial": trial(2)}})
        self.ok("best", "digits", "-n", "vision", server=fake.url, env={"TRIMTAB_TOKEN": "s3cret"})
        self.assertEqual(fake.requests[0]["headers"]["Authorization"], "Bearer s3cret")

    def test_token_file(self):
        fake = self.fake({"GET " + DIGITS + "/best": {"trial": trial(2)}})
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("from-a-file\n")
            file.flush()
            self.ok("best", "digits", server=fake.url, env={"TRIMTAB_TOKEN_FILE": file.name})
        self.assertEqual(fake.requests[0]["headers"]["Authorization"], "Bearer from-a-file")


class Documents(Case):
    YAML = "apiVersion: trimtab/v1\nkind: Experiment\nmetadata: {name: digits}\nspec:\n  budget: {maxTrials: 5}\n"

    def create(self, *words, stdin=YAML):
        fake = self.fake({"POST " + EXPERIMENTS: (201, experiment())})
        out = self.ok("create", "-f", "-", *words, server=fake.url, stdin=stdin)
        return out, fake.requests[0]

    def test_sent_as_written(self):
        out, request = self.create()
        self.assertEqual(out, "experiment/digits created\n")
        self.assertEqual(request["body"], self.YAML)
        self.assertEqual(request["headers"]["Content-Type"], "application/yaml")

    def test_changes(self):
        _, request = self.create("--set", "spec.budget.maxTrials=20", "--set", "spec.algorithm.name=sobol",
                                 "--set", "metadata.labels.team=vision", "--name", "other")
        body = json.loads(request["body"])
        self.assertEqual(body["spec"], {"budget": {"maxTrials": 20}, "algorithm": {"name": "sobol"}})
        self.assertEqual(body["metadata"], {"name": "other", "labels": {"team": "vision"}})

    def test_changes_in_lists_and_values(self):
        doc = '{"spec": {"objectives": [{"metric": "a"}, {"metric": "b"}], "x": 1}}'
        _, request = self.create("--set", "spec.objectives.1.metric=c", "--set", "spec.x=[1,2]", "--set", "spec.y=03",
                                 "--set", 'spec.z={"q": null}', stdin=doc)
        self.assertEqual(json.loads(request["body"])["spec"],
                         {"objectives": [{"metric": "a"}, {"metric": "c"}], "x": [1, 2], "y": 3, "z": {"q": None}})

    def test_generated_name(self):
        _, request = self.create("--generate-name", "nightly")
        self.assertRegex(json.loads(request["body"])["metadata"]["name"], r"^nightly-[a-z2-7]{5}$")

    def test_working_directory_is_made_absolute(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "e.yaml")
            with open(path, "w", encoding="utf-8") as file:
                file.write(self.YAML + "  trial: {workingDirectory: ., command: [x]}\n")
            fake = self.fake({"POST " + EXPERIMENTS: (201, experiment())})
            self.ok("create", "-f", path, server=fake.url)
            body = json.loads(fake.requests[0]["body"])
            self.assertEqual(body["spec"]["trial"]["workingDirectory"], os.path.realpath(folder))

    def test_bad_yaml_never_leaves(self):
        fake = self.fake({})
        err = self.fails(2, "create", "-f", "-", server=fake.url, stdin="a: [1\n")
        self.assertIn("standard input", err)
        self.assertEqual(fake.requests, [])

    def test_missing_file(self):
        self.assertIn("/nonexistent.yaml", self.fails(5, "create", "-f", "/nonexistent.yaml"))

    def test_dry_run_shows_the_document(self):
        fake = self.fake({"POST " + EXPERIMENTS: (200, experiment())})
        out = self.ok("create", "-f", "-", "--dry-run=server", "-o", "json", server=fake.url, stdin=self.YAML)
        self.assertEqual(json.loads(out), experiment())
        self.assertEqual(fake.requests[0]["path"], EXPERIMENTS + "?dryRun=All")

    def test_apply(self):
        taken = problem(409, "already-exists", "The name is taken", diff=[{"pointer": "/spec/budget/maxTrials"}])
        fake = self.fake({"POST " + EXPERIMENTS: taken, "PATCH " + DIGITS: experiment()})
        self.assertEqual(self.ok("apply", "-f", "-", server=fake.url, stdin=self.YAML), "experiment/digits configured\n")
        patch = json.loads(fake.asked("PATCH", DIGITS)[0]["body"])
        self.assertEqual(patch["spec"], {"budget": {"maxTrials": 5}})

    def test_apply_of_another_experiment(self):
        taken = problem(409, "already-exists", "The name is taken", diff=[{"pointer": "/spec/parameters/lr"}])
        fake = self.fake({"POST " + EXPERIMENTS: taken})
        self.assertIn("differs: /spec/parameters/lr", self.fails(6, "apply", "-f", "-", server=fake.url, stdin=self.YAML))

    def test_validate_without_a_server(self):
        err = self.fails(2, "validate", "--local", "-f", "-", stdin=self.YAML)
        self.assertIn("/spec", err)

    def test_validate_the_examples(self):
        documents = sorted(glob.glob(os.path.join(ROOT, "examples/*/*.yaml")))
        self.assertGreater(len(documents), 9)
        for path in documents:
            with self.subTest(path):
                self.assertRegex(self.ok("validate", "--local", "-f", path), r"^\S+ is valid\n$")

    def test_validate_with_a_server(self):
        fake = self.fake({"POST /api/v1/validate": {"valid": True}})
        self.assertEqual(self.ok("validate", "-f", "-", server=fake.url, stdin=self.YAML), "digits is valid\n")


class Reading(Case):
    def test_experiments(self):
        fake = self.fake({"GET " + EXPERIMENTS: {"items": [experiment(), experiment("other", "succeeded")]}})
        lines = self.ok("get", "experiments", server=fake.url).splitlines()
        self.assertEqual(lines[0].split(), ["NAME", "STATE", "ALGORITHM", "DONE", "BEST", "AGE"])
        self.assertEqual(lines[1].split()[:5], ["digits", "running", "sobol", "3/10", "0.25"])
        self.assertEqual(self.ok("get", "exp", "-o", "name", server=fake.url), "experiment/digits\nexperiment/other\n")
        self.assertEqual(self.ok("get", "exp", "-o", "jsonpath={.items[*].metadata.name}", server=fake.url), "digits other\n")
        self.assertEqual(json.loads(self.ok("get", "exp", "-o", "json", server=fake.url))["items"][0], experiment())

    def test_pages_are_followed(self):
        def page(request):
            more = "continue=abc" in request["path"]
            return {"items": [trial(2 if more else 1)], "continue": None if more else "abc"}
        fake = self.fake({"GET " + DIGITS: experiment(), "GET " + DIGITS + "/trials": page})
        out = self.ok("get", "trials", "digits", "--sort", "rank", "--state", "succeeded", server=fake.url)
        self.assertEqual(len(out.splitlines()), 3)
        self.assertIn("sort=rank", fake.asked("GET", DIGITS + "/trials")[1]["path"])

    def test_limit(self):
        fake = self.fake({"GET " + DIGITS: experiment(),
                          "GET " + DIGITS + "/trials": {"items": [trial(i) for i in range(1, 9)], "continue": "x"}})
        self.assertEqual(len(self.ok("get", "trials", "digits", "--limit", "5", server=fake.url).splitlines()), 6)

    def test_one_trial_as_yaml(self):
        fake = self.fake({"GET " + DIGITS: experiment(), "GET " + DIGITS + "/trials/7": trial(7)})
        self.assertIn("number: 7\n", self.ok("get", "trial", "digits/7", "-o", "yaml", server=fake.url))

    def test_nothing_found(self):
        fake = self.fake({"GET " + EXPERIMENTS: {"items": []}})
        code, out, err = run("get", "experiments", server=fake.url)
        self.assertEqual((code, out, err), (0, "", "No experiments found.\n"))

    def test_best(self):
        best = trial(2)
        best["parameters"] = {"lr": 0.30000000000000004, "opt": "a b", "layers": 3}
        fake = self.fake({"GET " + DIGITS + "/best": {"trial": best}})
        forms = {
            "json": '{"lr":0.30000000000000004,"opt":"a b","layers":3}\n',
            "args": "--lr=0.30000000000000004 --opt='a b' --layers=3\n",
            "env": "LR=0.30000000000000004\nOPT='a b'\nLAYERS=3\n",
            "line": "#2  loss=0.5  lr=0.30000000000000004 opt=a b layers=3\n",
        }
        for form, text in forms.items():
            with self.subTest(form):
                self.assertEqual(self.ok("best", "digits", "-o", form, server=fake.url), text)
        self.assertEqual(self.ok("best", "digits", "--field", "loss", server=fake.url), "0.5\n")
        self.assertEqual(self.ok("best", "digits", "--field", "lr", server=fake.url), "0.30000000000000004\n")
        self.assertIn("no 'nope'", self.fails(5, "best", "digits", "--field", "nope", server=fake.url))

    def test_no_best_yet(self):
        fake = self.fake({"GET " + DIGITS + "/best": {"trial": None}})
        self.assertIn("no successful trial", self.fails(3, "best", "digits", server=fake.url))

    def test_describe(self):
        fake = self.fake({"GET " + DIGITS: experiment(), "GET " + DIGITS + "/events": {"items": [
            {"id": 1, "type": "Normal", "reason": "Created", "message": "The experiment was created",
             "time": "2026-11-22T10:00:00Z"}]}})
        out = self.ok("describe", "digits", server=fake.url)
        self.assertIn("Best:         #2  loss=0.25  lr=0.3 opt=adam", out)
        self.assertIn("The experiment was created", out)
        self.assertIn("Next: trimtab watch digits", out)

    def test_logs(self):
        fake = self.fake({"GET " + DIGITS + "/trials/7/logs": "line 1\nline 2\n"})
        self.assertEqual(self.ok("logs", "digits/7", "--tail", "2", server=fake.url), "line 1\nline 2\n")
        self.assertIn("tail=2", fake.requests[0]["path"])
        self.assertIn("trials/8/logs", self.fails(5, "logs", "digits/8", server=fake.url))

    def test_export_follows_links(self):
        def page(request):
            if "continue=abc" in request["path"]:
                return 200, "number,lr\r\n2,0.2\r\n"
            return 200, "number,lr\r\n1,0.1\r\n", {"Link": f'<{DIGITS}/trials?continue=abc>; rel="next"'}
        fake = self.fake({"GET " + DIGITS + "/trials": page})
        self.assertEqual(self.ok("export", "digits", server=fake.url), "number,lr\n1,0.1\n2,0.2\n")
        self.assertEqual(fake.requests[0]["headers"]["Accept"], "text/csv")


class Writing(Case):
    def test_actions(self):
        for action, word in (("stop", "stopping"), ("cancel", "cancelled"), ("pause", "paused"), ("resume", "resumed")):
            with self.subTest(action):
                fake = self.fake({f"POST {DIGITS}/{action}": (202, experiment())})
                self.assertEqual(self.ok(action, "digits", server=fake.url), f"experiment/digits {word}\n")

    def test_restart_with_a_larger_budget(self):
        fake = self.fake({f"POST {DIGITS}/restart": (202, experiment())})
        self.ok("restart", "digits", "--max-trials", "80", server=fake.url)
        self.assertEqual(json.loads(fake.requests[0]["body"]), {"budget": {"maxTrials": 80}})

    def test_edit(self):
        fake = self.fake({"PATCH " + DIGITS: experiment()})
        self.ok("edit", "digits", "--max-trials=80", "--max-duration=1h30m", "-l", "a=b", "-l", "c-", server=fake.url)
        body = json.loads(fake.requests[0]["body"])
        self.assertEqual(body["metadata"], {"labels": {"a": "b", "c": None}})
        self.assertEqual(body["spec"]["budget"]["maxTrials"], 80)
        self.assertIn("say what to change", self.fails(2, "edit", "digits", server=fake.url))

    def test_delete(self):
        fake = self.fake({"DELETE " + DIGITS: (200, {})})
        self.assertEqual(self.ok("delete", "digits", "--purge", server=fake.url), "experiment/digits purged\n")
        self.assertEqual(fake.requests[0]["path"], DIGITS + "?purge=true")
        self.fails(5, "delete", "other", server=fake.url)
        self.ok("delete", "other", "--ignore-not-found", server=fake.url)

    def test_enqueue_types(self):
        fake = self.fake({f"POST {DIGITS}/trials": (201, trial(9))})
        self.assertEqual(self.ok("enqueue", "digits", "lr=1e-3", "layers=3", "opt=adam", "deep=true", server=fake.url),
                         "trial/digits/9 enqueued\n")
        self.assertEqual(json.loads(fake.requests[0]["body"]), {
            "state": "pending", "parameters": {"lr": 0.001, "layers": 3, "opt": "adam", "deep": True}})

    def test_import_csv(self):
        fake = self.fake({"GET " + DIGITS: experiment(), f"POST {DIGITS}/trials": (201, {"items": []})})
        rows = 'number,lr,opt,loss,state,note\r\n1,0.5,adam,0.25,succeeded,"a ""b"", c"\r\n2,0.25,sgd,,failed,\r\n' \
               "3,0.125,sgd,,running,\r\n"
        out = self.ok("import", "digits", "-f", "-", server=fake.url, stdin=rows)
        self.assertEqual(out, "2 trials imported into digits\n")
        self.assertEqual(json.loads(fake.asked("POST", DIGITS + "/trials")[0]["body"]), {"trials": [
            {"state": "succeeded", "parameters": {"lr": 0.5, "opt": "adam"}, "values": {"loss": 0.25}},
            {"state": "failed", "parameters": {"lr": 0.25, "opt": "sgd"}}]})

    def test_import_of_a_broken_file(self):
        fake = self.fake({"GET " + DIGITS: experiment()})
        for text, words in (("lr,loss\n1\n", "line 2 has 1 fields, the heading has 2"), ('lr,loss\n"1,2\n', "not closed"),
                            ("lr,loss\n1,many\n", "line 2: loss 'many' is not a number"), ("", "empty")):
            with self.subTest(words):
                self.assertIn(words, self.fails(2, "import", "digits", "-f", "-", server=fake.url, stdin=text))

    def test_ask_and_tell(self):
        given = {"trials": [{"number": 17, "parameters": {"lr": 0.1}}], "state": "running", "retryAfterSeconds": 0}
        fake = self.fake({f"POST {DIGITS}/trials:ask": given, f"POST {DIGITS}/trials/17:tell": trial(17)})
        self.assertEqual(json.loads(self.ok("ask", "digits", "--worker", "w", server=fake.url)), given)
        self.assertEqual(json.loads(fake.requests[0]["body"]), {"workerId": "w", "count": 1, "leaseSeconds": 120})
        self.assertEqual(self.ok("tell", "digits/17", "loss=0.5", server=fake.url), "trial/digits/17 succeeded\n")
        self.assertEqual(json.loads(fake.requests[1]["body"]), {"state": "succeeded", "values": {"loss": 0.5}})

    def test_report(self):
        path = DIGITS + "/trials/17/metrics"
        fake = self.fake({"POST " + path: {"accepted": 2, "stop": True}})
        env = {"TRIMTAB_TRIAL_URL": fake.url + DIGITS + "/trials/17", "TRIMTAB_TOKEN": "tt_x"}
        out = self.ok("report", "loss=0.5", "acc=nan", "--step", "3", "--print-stop", env=env)
        self.assertEqual(out, "stop\n")
        self.assertEqual(json.loads(fake.requests[0]["body"]), {"metrics": [
            {"metric": "loss", "value": 0.5, "step": 3}, {"metric": "acc", "value": "NaN", "step": 3}]})
        self.assertIn("no trial", self.fails(2, "report", "loss=1"))

    def test_report_survives_a_short_outage(self):
        path = DIGITS + "/trials/17/metrics"
        answers = [problem(503, "unavailable", "The database is away"), {"accepted": 1, "stop": False}]
        fake = self.fake({"POST " + path: lambda _: answers.pop(0)})
        self.ok("report", "loss=1", "--step=1", env={"TRIMTAB_TRIAL_URL": fake.url + DIGITS + "/trials/17"})
        self.assertEqual(answers, [])

    def test_retry(self):
        fake = self.fake({f"POST {DIGITS}/trials/7:retry": (202, trial(7)),
                          f"GET {DIGITS}/trials": {"items": [trial(7, "failed")]}})
        self.assertEqual(self.ok("retry", "digits/7", server=fake.url), "trial/digits/7 retried\n")
        self.assertEqual(self.ok("retry", "digits", "--failed", server=fake.url), "trial/digits/7 retried\n")

    def test_tokens(self):
        fake = self.fake({"POST /api/v1/tokens": (201, {"name": "ana", "token": "tk_secret"}),
                          "GET /api/v1/tokens": {"items": [{"name": "ana", "role": "editor", "namespace": "*"}]},
                          "DELETE /api/v1/tokens/ana": (204, "")})
        code, out, _ = run("token", "add", "ana", "--role", "editor", "-A", server=fake.url)
        self.assertEqual((code, out), (0, "tk_secret\n"))
        self.assertEqual(json.loads(fake.requests[0]["body"]), {"name": "ana", "role": "editor", "namespace": "*"})
        self.assertIn("editor", self.ok("token", "list", server=fake.url))
        self.assertEqual(self.ok("token", "delete", "ana", server=fake.url), "token/ana deleted\n")


class Running(Case):
    """`run` and `watch`: an experiment that ends after a few looks."""

    def routes(self, looks=3, end="succeeded", created=201, **last):
        state = {"looks": 0}

        def look(_):
            state["looks"] += 1
            over = state["looks"] > looks
            return experiment(state=end if over else "running", finished=min(state["looks"], 3), **(last if over else {}))

        def trials(request):
            after = int(request["path"].split("after=")[1].split("&")[0]) if "after=" in request["path"] else 0
            return {"version": state["looks"], "items": [trial(i, rank=1 if i == 1 else 2)
                                                         for i in range(after + 1, min(state["looks"], 3) + 1)]}
        return {"GET /healthz": "ok", "POST " + EXPERIMENTS: (created, experiment()), "GET " + DIGITS: look,
                "GET " + DIGITS + "/trials": trials, "POST " + DIGITS + "/stop": (202, experiment())}

    def test_document_from_flags(self):
        fake = self.fake(self.routes())
        self.ok("run", "--lr=log:1e-5..1e-1", "--layers=1..6", "--drop=0..0.5:0.1", "--opt=sgd,adam", "--batch=16,32",
                "--x=double:1..2", "--minimize", "loss", "--goal=0.01", "--algorithm=sobol", "--seed=7", "--max-trials=9",
                "--parallel=2", "--env=A=b", "-o", "silent", "--", "python3", "train.py", "--lr=${lr}", server=fake.url)
        doc = json.loads(fake.asked("POST", EXPERIMENTS)[0]["body"])
        self.assertRegex(doc["metadata"]["name"], r"^train-[a-z2-7]{5}$")
        spec = doc["spec"]
        self.assertEqual(spec["parameters"], {
            "lr": {"type": "double", "min": 1e-5, "max": 0.1, "scale": "log"},
            "layers": {"type": "int", "min": 1, "max": 6},
            "drop": {"type": "double", "min": 0, "max": 0.5, "step": 0.1},
            "opt": {"type": "categorical", "values": ["sgd", "adam"]},
            "batch": {"type": "discrete", "values": [16, 32]},
            "x": {"type": "double", "min": 1, "max": 2}})
        self.assertEqual(spec["objectives"], [{"metric": "loss", "direction": "minimize", "goal": 0.01}])
        self.assertEqual(spec["algorithm"], {"name": "sobol", "seed": 7})
        self.assertEqual(spec["budget"], {"maxTrials": 9, "parallelTrials": 2})
        self.assertEqual(spec["trial"]["command"], ["python3", "train.py", "--lr=${lr}"])
        self.assertEqual(spec["trial"]["env"]["A"], "b")
        self.assertEqual(spec["trial"]["workingDirectory"], os.getcwd())

    def test_document_from_flags_is_valid(self):
        fake = self.fake(self.routes())
        self.ok("run", "--lr=log:1e-5..1e-1", "--opt=sgd,adam", "--minimize", "loss", "-o", "silent", "--", "true",
                "${lr}${opt}", server=fake.url)
        self.ok("validate", "--local", "-f", "-", stdin=fake.asked("POST", EXPERIMENTS)[0]["body"])

    def test_wrong_flags(self):
        cases = [
            (["--lr=0.1", "--minimize=loss", "--", "x"], "--lr is no flag, and no parameter either"),
            (["--lr=1..x", "--minimize=loss", "--", "x"], "a range is MIN..MAX"),
            (["--lr=a,,b", "--minimize=loss", "--", "x"], "an empty word is no choice"),
            (["--lr=0..1", "--", "x"], "--minimize METRIC or --maximize METRIC"),
            (["--minimize=loss", "--", "x"], "say what to search"),
            (["--lr=0..1", "--minimize=loss"], "command after -- is missing"),
            (["--lr=0..1", "-f", "x.yaml"], "a document has its own parameters"),
        ]
        for words, message in cases:
            with self.subTest(message):
                self.assertIn(message, self.fails(2, "run", *words))

    def follow(self, *words, code=0, routes=None):
        fake = self.fake(routes or self.routes())
        got, out, err = run("run", "-f", "-", *words, server=fake.url, stdin=Documents.YAML)
        self.assertEqual(got, code, out + err)
        return out, err, fake

    def test_lines(self):
        out, err, _ = self.follow()
        self.assertEqual(err, "")
        lines = out.splitlines()
        self.assertEqual(lines[0], "experiment/digits")
        self.assertEqual(lines[1], "trial 1 succeeded  loss=1  lr=0.1 opt=adam  (best)")
        self.assertEqual([line.split()[1] for line in lines if line.startswith("trial ")], ["1", "2", "3"])
        self.assertEqual(lines[-2:], ["digits succeeded (MaxTrialsReached)", "best  #2  loss=0.25  lr=0.3 opt=adam"])

    def test_as_good_as_the_best_is_no_news(self):
        items = [trial(i, rank=1, values={"loss": loss}) for i, loss in enumerate([1, 1, 0.5], 1)]
        routes = self.routes()

        def trials(request):
            after = int(request["path"].split("after=")[1].split("&")[0]) if "after=" in request["path"] else 0
            return {"version": 3, "items": [t for t in items if t["version"] > after]}
        routes["GET " + DIGITS + "/trials"] = trials
        out, _, _ = self.follow(routes=routes)
        self.assertEqual(["(best)" in line for line in out.splitlines() if line.startswith("trial ")], [True, False, True], out)

    def test_json_events(self):
        out, _, _ = self.follow("-o", "json")
        events = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([e["event"] for e in events], ["trial", "experiment", "trial", "trial", "experiment", "result"])
        self.assertEqual(events[-1]["bestParameters"], {"lr": 0.1 + 0.2, "opt": "adam"})
        self.assertEqual(events[-1]["bestValue"], 0.25)

    def test_result_decides_the_exit_code(self):
        self.follow(code=3, routes=self.routes(end="failed"))
        self.follow(code=3, routes=self.routes(end="stopped"))
        self.follow(code=3, routes=self.routes(best=False))

    def test_files(self):
        with tempfile.TemporaryDirectory() as folder:
            self.follow("--out-dir", folder + "/a/b", "--best-value-file", folder + "/c/value")
            read = lambda name: open(os.path.join(folder, name), encoding="utf-8").read()
            self.assertEqual(read("a/b/best_parameters.json"), '{"lr":0.30000000000000004,"opt":"adam"}')
            self.assertEqual((read("a/b/best_value"), read("c/value")), ("0.25", "0.25"))
            self.assertEqual(read("a/b/best_trial"), "digits-abcdefgh")
            self.assertEqual(read("a/b/experiment"), "digits")
            self.assertEqual(json.loads(read("a/b/return.json"))["bestValue"], 0.25)
            self.assertTrue(read("a/b/report.html").startswith("<!DOCTYPE html>"))

    def test_files_are_written_without_a_result_too(self):
        with tempfile.TemporaryDirectory() as folder:
            self.follow("--out-dir", folder, code=3, routes=self.routes(end="failed", best=False))
            with open(folder + "/best_parameters.json", encoding="utf-8") as file:
                self.assertEqual(file.read(), "{}")
            with open(folder + "/best_value", encoding="utf-8") as file:
                self.assertEqual(file.read(), "")

    def test_existing_experiment_needs_attach(self):
        _, err, _ = self.follow(code=6, routes=self.routes(created=200))
        self.assertIn("--attach", err)
        self.follow("--attach", routes=self.routes(created=200))

    def test_argo_progress(self):
        fake = self.fake(self.routes())
        with tempfile.NamedTemporaryFile("r") as file:
            self.ok("watch", "digits", server=fake.url, env={"ARGO_PROGRESS_FILE": file.name})
            self.assertEqual(file.read(), "3/10\n")

    def test_timeout(self):
        _, err, _ = self.follow("--timeout=1s", code=124, routes=self.routes(looks=10**6))
        self.assertIn("trimtab watch digits", err)

    def test_an_outage_is_waited_for(self):
        routes = self.routes()
        look, away = routes["GET " + DIGITS], [1, 1]
        routes["GET " + DIGITS] = lambda r: problem(503, "unavailable", "Away") if away and away.pop() else look(r)
        _, err, _ = self.follow(routes=routes)
        self.assertIn("Trying again", err)

    def signalled(self, *words, signals=(signal.SIGINT,)):
        fake = self.fake(self.routes(looks=10**6))
        child = subprocess.Popen([BINARY, "run", "-f", "-", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True, env=dict(os.environ, TRIMTAB_SERVER=fake.url))
        self.addCleanup(child.kill)
        child.stdin.write(Documents.YAML)
        child.stdin.close()
        child.stdin = None
        deadline = time.monotonic() + 20
        while not fake.asked("GET", DIGITS) and time.monotonic() < deadline:
            time.sleep(0.02)
        for number, signo in enumerate(signals):
            if number:
                self.assertIn("Press Ctrl-C again", "".join(child.stderr.readline() for _ in range(2)))
            child.send_signal(signo)
        _, err = child.communicate(timeout=30)
        return child.returncode, err, fake

    def test_interrupt_once_detaches(self):
        code, err, fake = self.signalled()
        self.assertEqual(code, 130)
        self.assertIn("Come back with: trimtab watch digits", err)
        self.assertEqual(fake.asked("POST", DIGITS + "/stop"), [])

    def test_interrupt_twice_stops(self):
        code, _, fake = self.signalled(signals=(signal.SIGINT, signal.SIGINT))
        self.assertEqual((code, len(fake.asked("POST", DIGITS + "/stop"))), (130, 1))

    def test_terminate_stops(self):
        code, _, fake = self.signalled(signals=(signal.SIGTERM,))
        self.assertEqual((code, len(fake.asked("POST", DIGITS + "/stop"))), (143, 1))

    def test_terminate_can_detach(self):
        code, _, fake = self.signalled("--on-interrupt=detach", signals=(signal.SIGTERM,))
        self.assertEqual((code, fake.asked("POST", DIGITS + "/stop")), (143, []))


if __name__ == "__main__":
    unittest.main()
