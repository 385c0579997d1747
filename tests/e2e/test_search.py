# tier: quick
"""The search seen from outside: constraints, warm starts."""
import unittest

from harness import API, ServerCase, document

BOUND = [{"metric": "ms", "max": 20}]


class Search(ServerCase):
    def tell(self, path, number, **values):
        return self.expect(self.s.post(f"{path}/trials/{number}:tell", {"state": "succeeded", "values": values}), 200).json

    def bring(self, path, params, **values):
        """A finished trial from elsewhere; its number."""
        r = self.s.post(path + "/trials", {"parameters": params, "values": values, "state": "succeeded"})
        return self.expect(r, 201).json["number"]


class Constraints(Search):
    def test_who_breaks_one_is_never_the_best(self):
        path = self.create("bounded", constraints=BOUND)
        numbers = [t["number"] for t in self.ask(path, count=4)]
        fast = self.tell(path, numbers[0], loss=2, ms=15)
        slow = self.tell(path, numbers[1], loss=1, ms=25)
        odd = self.tell(path, numbers[2], loss=0, ms="NaN")
        silent = self.tell(path, numbers[3], loss=0)
        self.assertEqual([t.get("feasible") for t in (fast, slow, odd, silent)], [True, False, False, False])
        self.assertEqual([t["state"] for t in (fast, slow, silent)], ["succeeded", "succeeded", "metrics_unavailable"])
        self.assertIn("expected 'ms'", silent["message"])
        self.assertEqual(slow["values"], {"loss": 1, "ms": 25})
        best = self.expect(self.s.get(path + "/best"), 200).json
        self.assertEqual(best["trial"]["number"], numbers[0])
        trials = self.expect(self.s.get(path + "/trials?sort=rank"), 200).json["items"]
        self.assertEqual([(t["number"], t["rank"]) for t in trials], [(numbers[0], 1)])

    def test_nobody_is_the_best_when_none_keeps_them(self):
        path = self.create("bounded-none", constraints=BOUND,
                           objectives=[{"metric": "loss", "direction": "minimize", "goal": 0.5}])
        number = self.ask(path)[0]["number"]
        self.tell(path, number, loss=0, ms=21)
        x = self.expect(self.s.get(path), 200).json
        self.assertEqual(x["status"]["state"], "running", "an infeasible trial does not reach the goal")
        self.assertIsNone(self.s.get(path + "/best").json["trial"])

    def test_in_the_document(self):
        r = self.s.post(API, document("wrong", constraints=[{"metric": "ms"}], warmStart=["Old"], stopWhen="converg"))
        self.problem(r, 422, "invalid-experiment")
        self.assertEqual(r.codes(), {"/spec/constraints/0": "no-bound", "/spec/warmStart/0": "bad-name",
                                     "/spec/stopWhen": "unknown-value"})
        self.create("spelled", constraints=BOUND)
        spec = self.s.get(API + "/spelled").json["spec"]
        self.assertEqual(spec["constraints"], [{"metric": "ms", "max": 20, "strategy": "latest"}])


class WarmStart(Search):
    def test_an_unknown_source(self):
        r = self.s.post(API, document("orphan", warmStart=["nobody"]))
        self.problem(r, 422, "invalid-experiment")
        self.assertEqual(r.codes(), {"/spec/warmStart/0": "unknown-experiment"})
        self.assertEqual(self.s.get(API + "/orphan").status, 404)

    def test_the_best_of_the_source_comes_first(self):
        source = self.create("earlier")
        for k in range(12):
            self.bring(source, {"lr": 0.001 * (k + 1), "layers": 1 + k % 6, "optimizer": "adam"}, loss=(k - 5) ** 2)
        other = self.create("elsewhere", namespace="team")
        self.bring(other, {"lr": 0.05, "layers": 2, "optimizer": "sgd"}, loss=1)
        path = self.create("later", warmStart=["earlier", "team/elsewhere"])
        trials = self.ask(path, count=6)
        first = [t["parameters"] for t in trials]
        self.assertEqual(first[0], {"lr": 0.006, "layers": 6, "optimizer": "adam"})
        self.assertEqual(first[1], {"lr": 0.05, "layers": 2, "optimizer": "sgd"})
        self.expect(self.s.delete(source + "?purge=true"), 200)
        self.expect(self.s.post(API, document("later", warmStart=["earlier", "team/elsewhere"])), 200)

    def test_a_space_that_has_changed(self):
        source = self.create("narrow")
        self.bring(source, {"lr": 0.01, "layers": 3, "optimizer": "adam"}, loss=1)
        self.bring(source, {"lr": 0.09, "layers": 3, "optimizer": "sgd"}, loss=0)
        path = self.create("wide", warmStart=["narrow"], parameters={
            "lr": {"type": "double", "min": 1e-5, "max": 0.05, "scale": "log"},
            "momentum": {"type": "double", "min": 0.5, "max": 0.9}})
        params = self.ask(path)[0]["parameters"]
        self.assertEqual(params["lr"], 0.01)
        self.assertAlmostEqual(params["momentum"], 0.7)


if __name__ == "__main__":
    unittest.main()
