# tier: quick
"""The search seen from outside: constraints, convergence, importance, warm starts."""
import math
import subprocess
import unittest

from harness import API, BIN, ServerCase, document, wait

BOUND = [{"metric": "ms", "max": 20}]


class Search(ServerCase):
    def tell(self, path, number, **values):
        return self.expect(self.s.post(f"{path}/trials/{number}:tell", {"state": "succeeded", "values": values}), 200).json

    def cli(self, *words):
        return subprocess.run([BIN, words[0], "--server", f"http://127.0.0.1:{self.s.port}", *words[1:]], text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)

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


class Converged(Search):
    def test_a_search_that_is_done(self):
        path = self.create("parabola", constraints=[{"metric": "loss", "max": 9}], parameters={"x": {"type": "double", "min": 0, "max": 1}},
                           algorithm={"name": "gp", "seed": 3}, budget={"maxTrials": 200, "parallelTrials": 2},
                           stopWhen={"rule": "converged", "tolerance": 0.05})
        told = 0
        while True:
            trials = self.ask(path)
            if not trials:
                break
            self.tell(path, trials[0]["number"], loss=(trials[0]["parameters"]["x"] - 0.3) ** 2)
            told += 1
            self.assertLess(told, 100)
        status = wait(lambda: (x := self.s.get(path).json["status"])["state"] == "succeeded" and x, "it ends")
        self.assertGreaterEqual(told, 22, "20 and two a parameter")
        self.assertEqual(status["conditions"][-1]["reason"], "Converged")
        self.assertRegex(status["conditions"][-1]["message"], r"^no trial would be better than trial \d+ by more than")
        events = self.s.get(path + "/events").json["items"]
        self.assertIn("Converged", [e["reason"] for e in events])
        text = self.cli("describe", "experiment", "parabola").stdout
        self.assertRegex(text, r"Constraint: +loss to 9\n")
        self.assertRegex(text, r"Stops when: +rule=converged tolerance=0\.05 minTrials=22\n")
        self.assertRegex(self.cli("describe", "trial", "parabola/1").stdout, r"Feasible: +true\n")


class Importance(Search):
    def fill(self, name, n, **changes):
        path = self.create(name, **changes)
        trials = self.ask(path, count=n)
        for t in trials:
            lr = t["parameters"]["lr"]
            self.tell(path, t["number"], loss=lr, gain=t["parameters"]["layers"])
        return path

    def test_what_matters(self):
        path = self.fill("weighed", 20, objectives=[{"metric": "loss", "direction": "minimize"},
                                                    {"metric": "gain", "direction": "maximize"}])
        for method in ("ped-anova", "fanova"):
            x = self.expect(self.s.get(f"{path}/importance?method={method}"), 200).json
            self.assertEqual((x["method"], x["objective"], x["trials"], x["caveat"]), (method, "loss", 20, None))
            self.assertEqual(x["parameters"][0]["name"], "lr", x)
            shares = [p["importance"] for p in x["parameters"]]
            self.assertEqual(shares, sorted(shares, reverse=True))
            self.assertAlmostEqual(sum(shares), 1)
        x = self.expect(self.s.get(f"{path}/importance?method=fanova&objective=gain"), 200).json
        self.assertEqual(x["parameters"][0]["name"], "layers", x)
        again = self.s.get(f"{path}/importance?method=fanova&objective=gain").json
        self.assertEqual(again, x, "the same numbers again")

    def test_too_few(self):
        x = self.s.get(self.fill("weighed-few", 9) + "/importance").json
        self.assertEqual([p["importance"] for p in x["parameters"]], [None, None, None])
        self.assertIn("only 9 trials", x["caveat"])

    def test_errors(self):
        path = self.create("weighed-not")
        self.problem(self.s.get(path + "/importance?objective=los"), 422, "invalid")
        self.problem(self.s.get(path + "/importance?method=shap"), 422, "invalid")
        self.problem(self.s.get(API + "/no-such/importance"), 404, "not-found")

    def test_command(self):
        self.fill("weighed-cli", 20)
        run = self.cli("importance", "weighed-cli")
        self.assertRegex(run.stdout, r"^loss of weighed-cli, ped-anova, 20 trials\n\nPARAMETER +IMPORTANCE +SHARE\nlr +0\.\d+ +#+\n")
        self.assertEqual(run.stderr, "")
        self.assertEqual(self.cli("importance", "weighed-cli", "-o", "name").stdout.split()[0], "lr")
        self.assertEqual(self.cli("importance", "weighed-cli", "-o", "csv", "--method=fanova").stdout.split()[0],
                         "PARAMETER,IMPORTANCE")
        self.assertEqual(self.cli("importance", "nobody").returncode, 5)


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
        self.assertEqual(first[2], {"lr": 0.05, "layers": 2, "optimizer": "sgd"}, "after one of the search itself")
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

    def follow(self, path, trials, restart_after=None):
        """Runs so many trials, one after the other; what they were, and their losses."""
        tried = []
        for k in range(trials):
            if k == restart_after:
                self.s.kill()
                self.s.start()
            t = self.ask(path)[0]
            self.tell(path, t["number"], loss=landscape(t["parameters"]))
            tried.append(t["parameters"])
        return tried, [landscape(p) for p in tried]

    def test_the_model_goes_on_from_the_source(self):
        source = self.create("grown")
        for k in range(40):
            params = {"lr": 10 ** (-4.9 + 3.8 * (k * 7 % 40) / 39), "layers": 1 + k % 6, "optimizer": ("sgd", "adam")[k % 2]}
            self.bring(source, params, loss=50 + 3 * landscape(params))
        one = {"algorithm": {"name": "gp", "seed": 3}, "budget": {"maxTrials": 30, "parallelTrials": 1}}
        _, cold = self.follow(self.create("cold", **one), 9)
        tried, warm = self.follow(self.create("warm", warmStart=["grown"], **one), 9)
        self.assertLess(sum(warm[5:7]), sum(cold[5:7]) / 10, "the first two that the model chose")
        again, _ = self.follow(self.create("warm-again", warmStart=["grown"], **one), 9, restart_after=6)
        self.assertEqual(tried, again)
        upwards = [{"metric": "loss", "direction": "maximize"}]
        _, high = self.follow(self.create("upwards", warmStart=["grown"], objectives=upwards, **one), 7)
        self.assertGreater(min(high[5:7]), 5)


def landscape(params):
    """Best, 0, at a rate of 0.001, four layers and adam."""
    return (math.log10(params["lr"]) + 3) ** 2 + (params["layers"] - 4) ** 2 / 4 + (params["optimizer"] != "adam")


if __name__ == "__main__":
    unittest.main()
