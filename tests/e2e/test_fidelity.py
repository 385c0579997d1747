"""Trials of different length, as people meet them: documents and their problems, rungs of hyperband and asha with
checkpoints, what was saved, and what the API, the command line and SQL say of it."""
import os
import subprocess
import unittest

from harness import API, BIN, ServerCase, document, wait

X = {"x": {"type": "double", "min": 0, "max": 1}}
LOCAL = {"executor": "local", "terminationGracePeriodSeconds": 5}

# Counts its steps in the checkpoint folder and goes on from there; 0.3 s at most, so that it is about order.
RESUMES = """
cd "$TRIMTAB_CHECKPOINT_DIR"; i=$(cat steps 2>/dev/null || echo 0)
echo "from $i to $TRIMTAB_BUDGET_STEPS in $(basename "$PWD") after ${TRIMTAB_PARENT_NUMBER:-none}${TRIMTAB_PARENT_CHECKPOINT_DIR:+ WRONG}"
while [ $i -lt $TRIMTAB_BUDGET_STEPS ]; do
  i=$((i + 1)); echo "loss=$(awk "BEGIN { print 1 + $1 - $i / 100 }") step=$i"; echo $i > steps
done
"""

# Heeds the stop file, as a program without a library can.
HEEDS = """
i=0; while [ $i -lt $TRIMTAB_BUDGET_STEPS ]; do
  i=$((i + 1)); echo "loss=$(awk "BEGIN { print $1 + 1 / $i }") step=$i"; sleep 0.1
  [ ! -e "$TRIMTAB_STOP_FILE" ] || exit 0
done
"""

# What Hyperband is for a full resource of 9 and eta 3: resource -> trials, bracket by bracket.
TABLE_9_3 = [{1: 9, 3: 3, 9: 1}, {3: 5, 9: 1}, {9: 3}]


def script(text, *words):
    """A shell's own ${...} is no placeholder."""
    return {**LOCAL, "command": ["sh", "-c", text.replace("${", "$${"), "trial", *words]}


class Fidelity(ServerCase):
    flags = ("--runner", "local")

    def finish(self, name, spec_, status=201):
        """Creates it, waits for its end, and returns its document and its trials by number."""
        self.expect(self.s.post(API, spec_), status)
        path = f"{API}/{name}"
        wait(lambda: self.s.get(path).json["status"]["state"] in ("succeeded", "failed", "stopped"),
             lambda: "it ends: " + self.s.get(path).text, deadline=120)
        x = self.s.get(path).json
        return x, {t["number"]: t for t in self.s.get(path + "/trials?limit=500").json["items"]}

    def rungs(self, name):
        return self.expect(self.s.get(f"{API}/{name}/rungs"), 200).json

    def log(self, name, number):
        return wait(lambda: self.s.get(f"{API}/{name}/trials/{number}/logs").text, "there is a log")

    def cli(self, *words, status=0):
        done = subprocess.run([BIN, *words], env={**os.environ, "TRIMTAB_SERVER": f"http://127.0.0.1:{self.s.port}"},
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300,
                              cwd=self.s.folder, check=False)
        self.assertEqual(done.returncode, status, done.stdout)
        return done.stdout

    def sql(self, query):
        return self.cli("sql", "--data-dir", os.path.join(self.s.folder, "postgres"), "-c", query, "--", "-At")

    def check_promotions(self, trials):
        """Every promoted trial has its parent's values, began after its end, and goes on in its steps."""
        for t in trials.values():
            parent = trials.get(t["budget"].get("parent"))
            if parent is None:
                continue
            self.assertEqual(t["budget"]["bracket"], parent["budget"]["bracket"])
            self.assertEqual(t["budget"]["rung"], parent["budget"]["rung"] + 1)
            self.assertGreaterEqual(t["startedAt"], parent["finishedAt"])

    def counts(self, trials, steps):
        out = {}
        for t in trials.values():
            bracket = out.setdefault(t["budget"]["bracket"], {})
            bracket[steps(t)] = bracket.get(steps(t), 0) + 1
        return [out[b] for b in sorted(out)]

    # ---- documents -----------------------------------------------------------------------------------

    def test_problems_say_what_to_do(self):
        def told(**spec):
            body = self.problem(self.s.post(API, document("bad", parameters=X, **spec)), 422, "invalid-experiment")
            return {e["pointer"]: (e["code"], e["detail"], e.get("didYouMean")) for e in body["errors"]}

        problems = told(algorithm={"name": "hyperband"}, earlyStopping={"name": "medianstpo"})
        self.assertEqual(problems["/spec/fidelity"][0], "missing")
        self.assertIn('{"parameter": "epochs"}', problems["/spec/fidelity"][1])
        self.assertEqual(problems["/spec/earlyStopping/name"][2], ["medianstop"])
        problems = told(algorithm={"name": "hyperband"}, fidelity={"max": 9}, stopWhen="converged",
                        earlyStopping={"any": [{"name": "patience"}, {"name": "percentile"}]})
        self.assertEqual(set(problems), {"/spec/earlyStopping/any/1/name", "/spec/stopWhen"})
        self.assertIn("or take asha", problems["/spec/earlyStopping/any/1/name"][1])
        problems = told(algorithm={"name": "random"}, fidelity={"parameter": "x"})
        self.assertRegex(problems["/spec/fidelity/parameter"][1], r"random searches x like any other.*asha")

    def test_rules_with_their_settings(self):
        items = self.s.get("/api/v1/early-stopping").json["items"]
        names = [i["name"] for i in items]
        for name in ("medianstop", "percentile", "threshold", "patience", "wilcoxon", "curve"):
            self.assertIn(name, names)
        one = self.s.get("/api/v1/early-stopping/medianstop").json
        self.assertEqual(one["reason"], "MedianStop")
        self.assertIn("start_step", [s["name"] for s in one["settings"]])
        self.assertIn("did you mean medianstop", self.s.get("/api/v1/early-stopping/medianstp").json["detail"])
        self.assertIn("EARLY STOPPING", self.cli("algorithms"))
        self.assertIn("min_trials_required", self.cli("algorithms", "medianstop"))
        self.assertIn("did you mean medianstop", self.cli("algorithms", "medianstp", status=5))
        self.assertIn("did you mean sobol", self.cli("algorithms", "sobl", status=5))
        self.assertIn("eta", self.cli("explain", "experiment.spec.fidelity"))
        self.assertIn("any", self.cli("explain", "experiment.spec.earlyStopping"))

    # ---- granted lengths -----------------------------------------------------------------------------

    def test_hyperband_goes_on_from_checkpoints(self):
        x, trials = self.finish("hb", document(
            "hb", parameters=X, algorithm={"name": "hyperband", "seed": 3}, fidelity={"min": 1, "max": 9},
            budget={"parallelTrials": 2}, trial=script(RESUMES, "${x}")))
        self.assertEqual(x["status"]["state"], "succeeded", x["status"])
        self.assertEqual(self.counts(trials, lambda t: t["budget"]["steps"]), TABLE_9_3)
        self.check_promotions(trials)
        for t in trials.values():
            line, parent, steps = t["number"], t["budget"].get("parent"), t["budget"]["steps"]
            while trials[line]["budget"].get("parent"):
                line = trials[line]["budget"]["parent"]
            begun = trials[parent]["budget"]["steps"] if parent else 0
            self.assertIn(f"from {begun} to {steps} in {line}-checkpoint after {parent or 'none'}\n", self.log("hb", t["number"]))
            self.assertEqual(t["parameters"], trials[line]["parameters"])
            points = self.s.get(f"{API}/hb/trials/{t['number']}/metrics?metric=loss").json["items"][0]["points"]
            self.assertEqual([p[0] for p in points], list(range(begun + 1, steps + 1)))
        self.check_rungs("hb", trials)
        self.check_purge("hb", x["metadata"]["uid"])

    def test_brackets_go_on_whatever_happens(self):
        """Paused and resumed in the middle of a bracket, with fewer and with more at once, killed as well: the same
        configurations go on to the same rungs as where nothing happens."""
        def spec(name, **more):
            return document(name, parameters=X, algorithm={"name": "hyperband", "seed": 3}, fidelity={"min": 1, "max": 9},
                            trial=script(RESUMES + "sleep 0.2", "${x}"), **more)

        def members(trials):
            return sorted((t["budget"]["bracket"], t["budget"]["steps"], t["parameters"]["x"]) for t in trials.values())

        _, calm = self.finish("calm", spec("calm", budget={"parallelTrials": 4}))
        path = API + "/storm"
        self.expect(self.s.post(API, spec("storm", budget={"parallelTrials": 2})), 201)
        for ended, act in ((3, self.pause_and_resume), (4, lambda p: self.parallel(p, 7)), (9, self.crash),
                           (11, lambda p: self.parallel(p, 1)), (13, self.crash_while_paused), (15, lambda p: self.parallel(p, 3))):
            wait(lambda n=ended: self.ended(path) >= n, lambda: "trials end: " + self.s.get(path).text)
            act(path)
        wait(lambda: self.s.get(path).json["status"]["state"] == "succeeded", lambda: "it ends: " + self.s.get(path).text, deadline=120)
        trials = {t["number"]: t for t in self.s.get(path + "/trials?limit=500").json["items"]}
        self.assertEqual({t["state"] for t in trials.values()}, {"succeeded"})
        self.assertEqual(self.counts(trials, lambda t: t["budget"]["steps"]), TABLE_9_3)
        self.check_promotions(trials)
        self.assertEqual(members(trials), members(calm))

    def ended(self, path):
        return self.s.get(path).json["status"]["trialsSucceeded"]

    def parallel(self, path, n):
        self.expect(self.s.patch(path, {"spec": {"budget": {"parallelTrials": n}}}), 200)

    def pause(self, path):
        self.expect(self.s.post(path + "/pause"), 202)
        wait(lambda: self.s.get(path).json["status"]["state"] == "paused", "it is paused")
        wait(lambda: not (st := self.s.get(path).json["status"])["trialsRunning"] + st["trialsStarting"], "what ran has ended")

    def pause_and_resume(self, path):
        self.pause(path)
        before = len(self.s.get(path + "/trials?limit=500").json["items"])
        self.expect(self.s.post(path + "/resume"), 202)
        wait(lambda: len(self.s.get(path + "/trials?limit=500").json["items"]) > before, "it goes on")

    def crash(self, _=None):
        self.s.kill()
        self.s.start()

    def crash_while_paused(self, path):
        self.pause(path)
        self.crash()
        self.expect(self.s.post(path + "/resume"), 202)

    def check_rungs(self, name, trials):
        answer = self.rungs(name)
        found = [{} for _ in TABLE_9_3]
        for r in answer["rungs"]:
            found[r["bracket"]][r["resource"]] = r["trials"]
            at = [t for t in trials.values() if (t["budget"]["bracket"], t["budget"]["rung"]) == (r["bracket"], r["rung"])]
            best = min(at, key=lambda t: t["values"]["loss"])
            self.assertEqual((r["bestTrial"], r["bestValue"]), (best["number"], best["values"]["loss"]))
            self.assertEqual(r["promoted"], sum(t["budget"].get("parent") in [a["number"] for a in at] for t in trials.values()))
        self.assertEqual(found, TABLE_9_3)
        self.assertEqual(answer["stopped"], [])
        # 9 + 5 + 3 configurations; the longest of each line counts: 6, 2 and 1 of 1, 3 and 9; 4, 1 of 3, 9; 3 of 9.
        done = 6 * 1 + 2 * 3 + 1 * 9 + 4 * 3 + 1 * 9 + 3 * 9
        saved = answer["saved"]
        self.assertEqual((saved["configurations"], saved["stopped"], saved["steps"]), (17, 12, 17 * 9 - done))
        self.assertAlmostEqual(saved["fraction"], 1 - done / (17 * 9), places=3)
        self.assertEqual(self.s.get(f"{API}/{name}").json["status"]["saved"], saved)
        shown = self.cli("describe", name)
        self.assertRegex(shown, r"BRACKET +RUNG +RESOURCE +TRIALS")
        self.assertRegex(shown, r"(?m)^0 +1 +3 +3 +0 +1 +0 +0 ")
        self.assertIn("stopped 12 of 17 configurations early", shown)
        self.assertIn("Fidelity:     steps 1 to 9, by 3", shown)
        self.assertRegex(self.cli("get", "trials", name, "-o", "wide"), r"GRANTED +PARENT +ATTEMPT")
        last = max(trials.values(), key=lambda t: t["budget"].get("parent", 0))["number"]
        self.assertRegex(self.cli("describe", f"{name}/{last}"), r"Budget: +.*parent=\d")

    def check_purge(self, name, uid):
        folder = os.path.join(self.s.folder, "trials", uid)
        self.assertTrue([d for d in os.listdir(folder) if d.endswith("-checkpoint")])
        self.expect(self.s.delete(f"{API}/{name}?purge=true"), 200)
        wait(lambda: not os.path.exists(folder), "the checkpoints are gone")

    def test_without_resume_they_start_over(self):
        _, trials = self.finish("over", document(
            "over", parameters=X, algorithm={"name": "successive-halving", "seed": 3}, fidelity={"min": 1, "max": 3, "resume": False},
            budget={"maxTrials": 4, "parallelTrials": 3}, trial=script(RESUMES, "${x}")))
        promoted = [t for t in trials.values() if t["budget"].get("parent")]
        self.assertEqual(len(promoted), 1, trials)
        self.assertIn(f"from 0 to 3 in {promoted[0]['number']}-checkpoint after none\n", self.log("over", promoted[0]["number"]))
        # Its first step was done twice: 1 + 3 of 3, 1 of 3, 1 of 3.
        self.assertEqual(self.rungs("over")["saved"]["steps"], 9 - 6)

    def test_populations_keep_their_own_folders(self):
        """What pbt continues is another trial's checkpoint, with other values: fidelity or not."""
        tells = 'basename "$TRIMTAB_CHECKPOINT_DIR"; basename "$TRIMTAB_PARENT_CHECKPOINT_DIR"; echo "loss=$1"'
        _, trials = self.finish("lines", document(
            "lines", parameters={"x": {"type": "double", "min": 0, "max": 1, "step": 0.01}},
            algorithm={"name": "pbt", "seed": 1, "settings": {"n_population": 5}}, fidelity={"max": 3},
            budget={"maxTrials": 8, "parallelTrials": 2}, trial=script(tells, "${x}")))
        parents = {n: t["budget"].get("parent") for n, t in trials.items()}
        self.assertEqual(sum(p is not None for p in parents.values()), 3, parents)
        for number, parent in parents.items():
            folder = f"{parent}-checkpoint" if parent else ""
            self.assertTrue(self.log("lines", number).startswith(f"{number}-checkpoint\n{folder}\n"), self.log("lines", number))

    def test_katibs_hyperband_runs_through_all_rungs(self):
        """The settings of Katib's example; its epochs go from 1 to 1, and two trials run at once instead of nine."""
        x, trials = self.finish("katib", document(
            "katib", parameters={**X, "num-epochs": {"type": "int", "min": 1, "max": 1}},
            algorithm={"name": "hyperband", "seed": 3,
                       "settings": {"resource_name": "num-epochs", "eta": "3", "r_l": "9"}},
            budget={"parallelTrials": 2},
            trial={**LOCAL, "command": ["sh", "-c", 'echo "loss=$(awk "BEGIN { print $1 + 1 / $2 }")"', "t", "${x}", "${num-epochs}"]}))
        self.assertEqual(x["status"]["state"], "succeeded", x["status"])
        self.assertEqual(x["spec"]["fidelity"], {"parameter": "num-epochs", "min": 1, "max": 9, "eta": 3, "resume": True})
        self.assertEqual(self.counts(trials, lambda t: t["parameters"]["num-epochs"]), TABLE_9_3)
        self.check_promotions(trials)
        for t in trials.values():
            self.assertNotIn("steps", t["budget"])
            self.assertEqual(t["budget"]["resource"], t["parameters"]["num-epochs"])
            if t["budget"].get("parent"):
                self.assertEqual(t["parameters"]["x"], trials[t["budget"]["parent"]]["parameters"]["x"])

    def test_beyond_its_grant_a_trial_succeeds(self):
        """It is told to stop, and when it does not listen it is ended."""
        endless = 'i=0; while true; do i=$((i + 1)); echo "loss=1 step=$i"; sleep 0.05; done'
        _, trials = self.finish("beyond", document(
            "beyond", parameters=X, algorithm={"name": "successive-halving", "seed": 1}, fidelity={"min": 1, "max": 3},
            budget={"maxTrials": 4, "parallelTrials": 4}, trial=script(endless)))
        self.assertEqual(len(trials), 4)
        for t in trials.values():
            self.assertEqual((t["state"], t["reason"]), ("succeeded", "BudgetReached"), t)
            self.assertRegex(t["message"], r"^step \d+ is beyond the [13] that it was granted$")

    def test_a_worker_beyond_its_grant(self):
        path = self.create("asked", parameters=X, algorithm={"name": "successive-halving", "seed": 1}, fidelity={"min": 1, "max": 3},
                           budget={"maxTrials": 4})
        trial = self.ask(path)[0]
        self.assertEqual(trial["budget"], {"steps": 1, "resource": 1, "bracket": 0, "rung": 0})
        metrics = f"{path}/trials/{trial['number']}/metrics"
        self.assertFalse(self.s.post(metrics, {"loss": 1, "step": 1}).json["stop"])
        told = self.s.post(metrics, {"loss": 1, "step": 2}).json
        self.assertEqual((told["stop"], told["reason"]), (True, "BudgetReached"))
        self.expect(self.s.post(f"{path}/trials/{trial['number']}:tell", {"state": "succeeded"}), 200)
        self.assertEqual(self.s.get(f"{path}/trials/{trial['number']}").json["state"], "succeeded")

    # ---- stopped at rungs, by rules -------------------------------------------------------------------

    def test_asha_on_the_command_line(self):
        out = self.cli("run", "--name", "ladder", "--x=0.0..1.0", "--minimize", "loss", "--algorithm", "asha", "--fidelity", "1..27",
                       "--set", "spec.algorithm.settings.sampler=random", "--seed", "1", "--max-trials", "16", "--parallel", "2", "--",
                       "sh", "-c", HEEDS, "t", "${x}")
        self.assertRegex(out, r"(?m)^stopped \d+ of 16 trials early, saved \d+ % of the training time$")
        answer, trials = self.rungs("ladder"), self.s.get(API + "/ladder/trials").json["items"]
        self.assertEqual(answer["fidelity"]["rungs"], [1, 3, 9])
        stopped = [t for t in trials if t["state"] == "early_stopped"]
        self.assertGreater(len(stopped), 4)
        self.assertIn(f"stopped {len(stopped)} of 16 trials early", out)
        self.assertEqual([r["resource"] for r in answer["rungs"]], [1, 3, 9, 27])
        self.assertEqual(answer["rungs"][0]["trials"], 16)
        for now, after in zip(answer["rungs"], answer["rungs"][1:]):
            self.assertEqual(now["promoted"], now["trials"] - now["stopped"])
            self.assertEqual(after["trials"], now["promoted"], answer)
        self.assertEqual(sum(r["stopped"] for r in answer["rungs"]), len(stopped))
        self.assertEqual({s["trial"] for s in answer["stopped"]}, {t["number"] for t in stopped})
        self.assertRegex(answer["stopped"][0]["message"], r"^loss .* at step \d+ is not (among the best third of the \d+ trials|the best so far)")
        self.assertGreater(answer["saved"]["timeFraction"], 0.1)
        self.assertRegex(self.cli("describe", "ladder"), r"(?m)^STOPPED +AT +REASON")
        self.ask_sql(len(stopped), answer)

    def ask_sql(self, stopped, answer):
        self.assertEqual(self.sql("SELECT count(*) FROM stopped_trials WHERE experiment = 'ladder' AND reason = 'RungStop'").strip(), str(stopped))
        rows = self.sql("SELECT resource, trials, promoted, stopped FROM rungs WHERE experiment = 'ladder' ORDER BY rung").split()
        self.assertEqual(rows, [f"{r['resource']:g}|{r['trials']}|{r['promoted']}|{r['stopped']}" for r in answer["rungs"]])
        self.assertEqual(self.sql("SELECT steps, stopped FROM savings WHERE experiment = 'ladder'").strip(),
                         f"{answer['saved']['steps']:g}|{answer['saved']['stopped']}")

    def test_several_rules_from_flags(self):
        self.cli("run", "--name", "flags", "--x=0.0..1.0", "--minimize", "loss", "--early-stopping", "medianstop", "--early-stopping",
                 "threshold", "--set", "spec.earlyStopping.any.1.settings.upper=0.5", "--fidelity", "5", "--max-trials", "4",
                 "--algorithm", "random", "--", "sh", "-c", HEEDS, "t", "${x}")
        x = self.s.get(API + "/flags").json
        self.assertEqual(x["spec"]["earlyStopping"], {"any": [{"name": "medianstop"}, {"name": "threshold", "settings": {"upper": 0.5}}]})
        self.assertEqual(x["spec"]["fidelity"]["max"], 5)
        reasons = {t["reason"] for t in self.s.get(API + "/flags/trials").json["items"]}
        self.assertIn("ThresholdStop", reasons)
        shown = self.cli("describe", "flags")
        self.assertRegex(shown, r"Early stop: +medianstop\n +or threshold  upper=0.5\n")
        self.assertIn("/spec/fidelity/parameter: 'epochs' is not a parameter", self.cli("run", "--x=0..1", "--minimize", "loss", "--fidelity", "epochs", "--", "true", status=2))


if __name__ == "__main__":
    unittest.main()
