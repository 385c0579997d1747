"""Every algorithm searches a real model on real data, from `trimtab run` to the best parameters."""
import json
import os
import subprocess
import unittest

from harness import API, BIN, ROOT, ServerCase

TRIALS = 6
# So that what the algorithm learns counts within these few trials.
SETTINGS = {"tpe": {"n_startup_trials": 2}, "gp": {"n_initial_points": 2}, "auto": {}}


class Digits(ServerCase):
    flags = ("--runner", "local")

    def algorithms(self):
        """Their names, and whether they say how far each trial runs."""
        items = self.expect(self.s.get("/api/v1/algorithms"), 200).json["items"]
        return [(a["name"], "fidelity" in a["capabilities"]) for a in items]

    def run_digits(self, algorithm, schedules):
        spec = {"name": algorithm, "seed": 1, "settings": SETTINGS.get(algorithm, {})}
        name = f"digits-{algorithm}"
        run = subprocess.run([BIN, "run", "--server", f"http://127.0.0.1:{self.s.port}", "-f", "examples/digits/experiment.yaml",
                              "--name", name, "--set", f"spec.algorithm={json.dumps(spec)}", "--set", f"spec.budget.maxTrials={TRIALS}",
                              *(["--set", "spec.fidelity=" + json.dumps({"max": 18, "resume": False})] if schedules else []),
                              "-o", "lines"], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600,
                             env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}, check=False)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        return name

    def test_each_to_the_end(self):
        for algorithm, schedules in self.algorithms():
            with self.subTest(algorithm):
                path = f"{API}/{self.run_digits(algorithm, schedules)}"
                trials = self.s.get(path + "/trials").json["items"]
                self.assertEqual(len(trials), TRIALS)
                for trial in trials:
                    self.assertIn(trial["state"], ("succeeded", "early_stopped") if schedules else ("succeeded",), trial)
                    self.assertEqual("momentum" in trial["parameters"], trial["parameters"]["solver"] == "sgd", trial)
                    self.assertIn(trial["parameters"]["batch"], (16, 32, 64, 128))
                by_number = {t["number"]: t["parameters"] for t in trials}
                parents = {t["number"]: (t.get("budget") or {}).get("parent") for t in trials}
                fresh = {json.dumps(by_number[n], sort_keys=True) for n, parent in parents.items() if not parent}
                self.assertEqual(len(fresh), sum(not p for p in parents.values()), "no configuration comes twice")
                for number, parent in parents.items():
                    if parent:
                        self.assertEqual(by_number[number], by_number[parent], "a promoted one has the same values")
                best = self.s.get(path + "/best").json
                self.assertGreater(best["values"]["accuracy"], 0.9)


if __name__ == "__main__":
    unittest.main()
