"""The statistics against values that are known or counted by hand: python3 bench/search/test_stats.py"""
import math
import os
import tempfile
import unittest

import runs
import stats


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
        import json
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
        import json
        run = runs.Run(json.loads(runs.line("a", "set/x", 3, 1, [math.inf, 1.0], [1.0] * 2)))
        self.assertEqual((run.regret(1), run.regret(2)), (math.inf, 1.0))


if __name__ == "__main__":
    unittest.main()
