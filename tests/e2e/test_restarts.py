"""The same search again: a server that is killed between any two trials goes on, bit for bit."""
import unittest

from harness import API, Server, document

TRIALS = 14
PARAMETERS = {
    "x": {"type": "double", "min": 0, "max": 1},
    "lr": {"type": "double", "min": 1e-5, "max": 0.1, "scale": "log"},
    "layers": {"type": "int", "min": 1, "max": 6},
    "optimizer": {"type": "categorical", "values": ["sgd", "adam"]},
    "momentum": {"type": "double", "min": 0.5, "max": 0.99, "when": {"optimizer": ["sgd"]}}}


def values(trial):
    p = trial["parameters"]
    loss = (p["x"] - 0.3) ** 2 + 3 * p["lr"] + 0.1 * abs(p["layers"] - 3) + 0.2 * p.get("momentum", 0)
    return {"loss": loss, "ms": 5 * p["layers"]}


class Restarts(unittest.TestCase):
    maxDiff = None

    def step(self, s, path):
        r = s.post(path + "/trials:ask", {"workerId": "w"})
        self.assertEqual(r.status, 200, r)
        trial = r.json["trials"][0]
        # Now and then one fails.
        told = {"state": "failed"} if trial["number"] % 5 == 0 else {"state": "succeeded", "values": values(trial)}
        r = s.post(f"{path}/trials/{trial['number']}:tell", told)
        self.assertEqual(r.status, 200, r)

    def create(self, s, name, algorithm, schedules):
        fidelity = {"fidelity": {"max": 9}} if schedules else {}
        r = s.post(API, document(name, parameters=PARAMETERS, algorithm={"name": algorithm, "seed": 11}, warmStart=["source"], **fidelity,
                                 constraints=[{"metric": "ms", "max": 25}], budget={"maxTrials": 50, "parallelTrials": 1}))
        self.assertEqual(r.status, 201, r)
        return f"{API}/{name}"

    def chosen(self, s, path):
        return [t["parameters"] for t in s.get(path + "/trials?limit=100").json["items"]]

    def test_killed_between_any_two_trials(self):
        with Server() as s:
            self.assertEqual(s.post(API, document("source", parameters=PARAMETERS)).status, 201)
            for trial in s.post(API + "/source/trials:ask", {"workerId": "w", "count": 15}).json["trials"]:
                s.post(f"{API}/source/trials/{trial['number']}:tell", {"state": "succeeded", "values": values(trial)})
            items = s.get("/api/v1/algorithms").json["items"]
            algorithms = [a["name"] for a in items]
            for a in items:
                schedules = "fidelity" in a["capabilities"]
                self.create(s, "straight-" + a["name"], a["name"], schedules)
                self.create(s, "killed-" + a["name"], a["name"], schedules)
            for name in algorithms:
                for _ in range(TRIALS):
                    self.step(s, f"{API}/straight-{name}")
            for _ in range(TRIALS):
                for name in algorithms:
                    self.step(s, f"{API}/killed-{name}")
                s.kill()
                s.start()
            for name in algorithms:
                with self.subTest(name):
                    straight = self.chosen(s, f"{API}/straight-{name}")
                    self.assertEqual(len(straight), TRIALS)
                    self.assertEqual(self.chosen(s, f"{API}/killed-{name}"), straight)


if __name__ == "__main__":
    unittest.main()
