"""The search benchmark's statistics against values that are known or counted by hand; its curves, comparisons and
gates on curves that are made up here.
"""
import json
import math
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../bench/search"))
import compare  # noqa: E402
import gates  # noqa: E402
import runs  # noqa: E402
import stats  # noqa: E402


class Stats(unittest.TestCase):
    def test_midranks_share_ties(self):
        self.assertEqual(stats.midranks([3, 1, 3, 2]), [3.5, 1, 3.5, 2])
        self.assertEqual(stats.midranks([math.inf, 0, math.inf]), [2.5, 1, 2.5])

    def test_mean_ranks(self):
        table = [{"a": 1, "b": 2}, {"a": 5, "b": 5}, {"a": 0, "b": 9}]
        self.assertEqual(stats.mean_ranks(table), {"a": 3.5 / 3, "b": 5.5 / 3})

    def test_wilcoxon_exact(self):
        self.assertAlmostEqual(stats.wilcoxon([1, 2, 3, 4, 5]), 2 / 32)
        self.assertAlmostEqual(stats.wilcoxon([-1, 2, 3, 4, 5]), 4 / 32)
        # Hollander and Wolfe's nine depression scores: T = 40, one-sided p 0.0195.
        self.assertAlmostEqual(stats.wilcoxon([.952, -.147, 1.022, .430, .620, .590, .490, -.080, .010]),
                               0.0390625)

    def test_wilcoxon_normal_agrees_with_exact(self):
        differences = [(-1) ** (i % 3 == 0) * (i + 1) for i in range(25)]
        exact = stats.wilcoxon(differences)
        stats.EXACT_UP_TO, kept = 0, stats.EXACT_UP_TO
        try:
            self.assertAlmostEqual(stats.wilcoxon(differences), exact, delta=0.01)
        finally:
            stats.EXACT_UP_TO = kept

    def test_wilcoxon_of_nothing(self):
        self.assertEqual(stats.wilcoxon([0, 0.0]), 1.0)

    def test_one_exact_hit_does_not_decide(self):
        self.assertAlmostEqual(stats.geometric_mean([0.0, 1.0]), math.sqrt(0.001))
        self.assertAlmostEqual(stats.geometric_mean([4.0, 0.25]), 1.0)

    def test_ratio_to_zero(self):
        self.assertEqual((stats.ratio(0, 0), stats.ratio(1, 0), stats.ratio(1, 4)), (1.0, 1.0, 0.25))


class Runs(unittest.TestCase):
    def test_a_line_comes_back(self):
        regrets = [5.0] * 4 + [2.0] * 21 + [1.0] * 10
        run = runs.Run(json.loads(runs.line("a", "set/x", 3, 1, regrets, [2.0] * 35)))
        self.assertEqual([run.regret(n) for n in (1, 4, 5, 20, 30, 35)], [5, 5, 2, 2, 1, 1])
        self.assertIsNone(run.regret(36))
        self.assertEqual((run.ms(20), run.ms(50)), (2.0, None))

    def test_packing_keeps_the_checkpoints(self):
        with tempfile.TemporaryDirectory() as folder:
            curves = {seed: [100.0 / (n + seed) for n in range(1, 201)] for seed in (1, 2, 3)}
            for seed, curve in curves.items():
                runs.append(folder, "a", runs.line("a", "set/x", seed, 1, curve, [float(seed)] * 200))
            runs.append(folder, "a", runs.line("a", "set/x", 2, 1, curves[2][:50], [2.0] * 50))
            runs.append(folder, "a", runs.line("a", "set/x", 4, 8, curves[3][:50], [2.0] * 50))
            before = runs.read(folder)
            for _ in range(2):
                runs.pack(os.path.join(folder, "a.jsonl"))
                after = runs.read(folder)
                self.assertEqual(before.keys(), after.keys())
                for key, run in before.items():
                    self.assertEqual([run.regret(n) for n in (20, 50, 100, 200)],
                                     [after[key].regret(n) for n in (20, 50, 100, 200)])
                self.assertEqual(after["a", "set/x", 1, 1, ""].ms(100), 2.0)
            with open(os.path.join(folder, "a.jsonl"), encoding="utf-8") as f:
                self.assertEqual(len(f.readlines()), 2)

    def test_no_trial_succeeded_yet(self):
        run = runs.Run(json.loads(runs.line("a", "set/x", 3, 1, [math.inf, 1.0], [1.0] * 2)))
        self.assertEqual((run.regret(1), run.regret(2)), (math.inf, 1.0))


class Folder(unittest.TestCase):
    """Three searches on ten tables: ours has half of the peer's regret, random search ten times ours."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        for task in range(10):
            for seed in (1, 2, 3):
                for who, factor in (("trimtab-random", 10), ("optuna-gp", 2), ("trimtab-gp", 1)):
                    self.add(who, f"tables/t{task}", seed, factor * (task + seed))

    def add(self, who, problem, seed, scale, trials=100, parallel=1):
        regrets = [scale / n for n in range(1, trials + 1)]
        runs.append(self.folder.name, who, runs.line(who, problem, seed, parallel, regrets, [1.0] * trials))

    def evidence(self):
        return gates.Evidence(self.folder.name)

    def gate(self, what):
        return next(g for g in gates.gates(self.evidence()) if g.what == what)

    def test_duel(self):
        d = compare.Duel(self.evidence().cold, "trimtab-gp", "optuna-gp", "tables", 100)
        self.assertEqual((d.tasks, d.wins, d.losses, set(d.seeds)), (10, 10, 0, {3}))
        self.assertAlmostEqual(d.mine, 0.1)
        self.assertAlmostEqual(d.ratio, 0.5)
        self.assertAlmostEqual(d.p, 2 / 1024)
        self.assertTrue(d.significant)

    def test_a_duel_uses_only_what_both_have(self):
        self.add("skopt", "tables/t0", 1, 1)
        self.add("skopt", "tables/t1", 2, 99, trials=50)
        d = compare.Duel(self.evidence().cold, "trimtab-gp", "skopt", "tables", 100)
        self.assertEqual((d.tasks, d.wins, d.losses, d.seeds), (1, 0, 0, [1]))
        self.assertEqual(compare.Duel(self.evidence().cold, "trimtab-gp", "skopt", "tables", 50).losses, 0)
        self.assertEqual(compare.Duel(self.evidence().cold, "trimtab-gp", "ax", "tables", 50).tasks, 0)

    def test_standings_leave_out_who_has_run_little(self):
        self.add("skopt", "tables/t0", 1, 1e-9)
        rows = self.evidence().ranked("tables", 100)
        self.assertEqual([(r.who, r.rank) for r in rows], [("trimtab-gp", 1), ("optuna-gp", 2)])

    def test_first_is_not_told_before_all_rivals_have_run(self):
        gate = self.gate("trimtab-gp, tables, 50 trials")
        self.assertIsNone(gate.met)
        self.assertIn("skopt", gate.measured)
        for task in range(10):
            for who in ("optuna-tpe", "skopt"):
                self.add(who, f"tables/t{task}", 1, 100)
        self.assertTrue(self.gate("trimtab-gp, tables, 50 trials").met)

    def test_behind_is_told_at_once(self):
        for task in range(10):
            self.add("skopt", f"tables/t{task}", 1, 1e-6)
        self.assertFalse(self.gate("trimtab-gp, tables, 50 trials").met)
        self.assertFalse(self.gate("trimtab-gp, tables, 50 trials, and skopt").met)

    def test_half_of_the_best(self):
        gate = self.gate("trimtab-gp, tables, geometric mean at 100")
        self.assertIn("0.5", gate.measured)

    def test_parallel_over_sequential(self):
        for task in range(10):
            self.add("trimtab-gp", f"tables/t{task}", 1, 1.5 * (task + 1), parallel=8)
        gate = self.gate("trimtab-gp, tables, 8 at once, regret at 100 over sequential")
        self.assertEqual((gate.measured, gate.met), ("1.5 over 10 of 10 tasks", False))

    def test_warm_over_cold(self):
        for who, scale in (("trimtab-random", 9), ("trimtab-gp", 1), ("trimtab-gp+warm=3", 0.25)):
            self.add(who, "family/a-1", 1, scale, trials=20)
        gate = self.gate("trimtab-gp, family, warm start, regret at 20 over cold")
        self.assertEqual((gate.measured, gate.met), ("0.25 over 1 of 1 tasks", True))

    def test_published(self):
        for seed, regret in ((1, 4.0), (2, 2.0)):
            self.add("trimtab-gp", "draws/nasbench201-cifar10", seed, regret)
        gate = self.gate("trimtab-gp, nasbench201-cifar10, 50 trials")
        self.assertAlmostEqual(float(gate.measured), 3.0 / 50 / 8.28, delta=1e-5)
        self.assertTrue(gate.met)

    def test_speed(self):
        with open(os.path.join(self.folder.name, "speed.jsonl"), "w", encoding="utf-8") as f:
            for who, ms in (("trimtab-gp", 3.0), ("optuna-gp", 60.0)):
                f.write(json.dumps({"who": who, "speed": "mixed-10", "n": 50, "mean": ms, "p50": ms, "p95": ms,
                                    "calls": 9}) + "\n")
        self.assertFalse(self.gate("trimtab-gp, ms a suggestion after 50 trials").met)
        self.assertFalse(self.gate("optuna-gp over trimtab-gp after 50 trials").met)
        self.assertIsNone(self.gate("trimtab-gp, ms a suggestion after 200 trials").met)

    def test_an_unfinished_line_is_passed_over(self):
        with open(os.path.join(self.folder.name, "trimtab-gp.jsonl"), "a", encoding="utf-8") as f:
            f.write('{"who":"trimtab-gp","prob')
        self.add("trimtab-gp", "tables/t0", 4, 1)
        self.assertEqual(self.evidence().cold.seeds("trimtab-gp", "tables/t0", 100), {1, 2, 3, 4})


if __name__ == "__main__":
    unittest.main()
