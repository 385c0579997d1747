"""Trials that leave evidence, and what must be true of it whatever happened to the server."""
import glob
import json
import os
import unittest

import harness
from cluster import Cluster

WITNESS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "witness.py")
PARALLEL = 4


def spec(folder, trials, reports=2, seconds=0.05):
    return {"objectives": [{"metric": "loss", "direction": "minimize"}],
            "parameters": {"x": {"type": "double", "min": 0, "max": 1}},
            "algorithm": {"name": "random", "seed": 11},
            "budget": {"maxTrials": trials, "parallelTrials": PARALLEL},
            "initialTrials": [{"parameters": {"x": 0.5}}],
            "retry": {"onLost": 0},
            "trial": {"executor": "local", "terminationGracePeriodSeconds": 1,
                      "command": ["/usr/bin/python3", "-ES", WITNESS, folder, str(reports), str(seconds)]}}


class EvidenceCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(fsync=False).start()

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__()

    def server(self, database, **more):
        self.cluster.create(database)
        return harness.Server(database=self.cluster.url(database), **more)

    def submit(self, server, name, statuses=(201,), **more):
        folder = os.path.join(server.folder, name)
        os.makedirs(folder, exist_ok=True)
        answer = server.post(harness.API, {"apiVersion": "trimtab/v1", "kind": "Experiment",
                                           "metadata": {"name": name}, "spec": spec(folder, **more)})
        self.assertIn(answer.status, statuses, answer)
        return folder

    def state(self, server, name):
        return server.get(f"{harness.API}/{name}").json["status"]["state"]

    def await_end(self, server, name):
        harness.wait(lambda: self.state(server, name) == "succeeded",
                     lambda: f"{name} ends: {server.get(f'{harness.API}/{name}')}\n{server.log()[-3000:]}", 120)

    def evidence(self, folder):
        found = []
        for path in glob.glob(os.path.join(folder, "*.json")):
            with open(path, encoding="utf-8") as f:
                found.append(json.load(f))
        return found

    def verify(self, server, name, folder, trials):
        """The whole promise, against what the trials themselves saw."""
        rows = server.get(f"{harness.API}/{name}/trials?limit=1000").json["items"]
        self.assertEqual([t["number"] for t in rows], list(range(1, trials + 1)), "strict budget")
        self.assertEqual({t["state"] for t in rows}, {"succeeded"}, rows)
        seen = self.evidence(folder)
        starts = [(e["number"], e["attempt"]) for e in seen]
        self.assertEqual(sorted(starts), [(n, 1) for n in range(1, trials + 1)], "each trial ran once")
        self.assertEqual([e for e in seen if "refused" in e], [])
        for e in seen:
            row = rows[e["number"] - 1]
            self.assertEqual(row["parameters"], e["params"])
            stored = server.get(f"{harness.API}/{name}/trials/{e['number']}/metrics?metric=loss").json["items"]
            points = {step: value for step, value in stored[0]["points"]}
            for step, value in e["acked"]:
                self.assertEqual(points.get(step), value, f"acknowledged step {step} of trial {e['number']}")
            self.assertEqual(row["values"]["loss"], min(points.values()))
        edges = sorted([(e["began"], 1) for e in seen] + [(e["ended"], -1) for e in seen])
        running = most = 0
        for _, change in edges:
            running += change
            most = max(most, running)
        self.assertLessEqual(most, PARALLEL, "never more at once than allowed")
        return [t["parameters"] for t in rows]
