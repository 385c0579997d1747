"""Every installed peer gives points of the space, on each kind of space: python bench/search/test_adapters.py, by the
Python of build/search-venv, with TRIMTAB_SEARCH_LIBRARY where make put it elsewhere. Some take minutes.
"""
import math
import sys
import unittest

import adapters
import problems

SPACES = ("mixed/mixed-10", "mixed/network", "mixed/rosenbrock-ints", "mixed/boosting")
TRIALS = 14         # the random start of most is ten


class Adapters(unittest.TestCase):
    def check(self, p, v):
        if math.isnan(v):
            self.assertIn("when", p)
            return
        low, high = (0, len(p["values"]) - 1) if "values" in p else (p["min"], p["max"])
        self.assertTrue(low <= v <= high, (p, v))
        if p["type"] != "double":
            self.assertEqual(v, int(v), p)

    def search(self, who, problem):
        peer = adapters.make(who, problem, 1)
        for draw in range(1, TRIALS + 1):
            token, point = peer.ask()
            self.assertEqual(len(point), len(problem.parameters))
            for p, v in zip(problem.parameters, point):
                self.check(p, v)
            y = problem.evaluate(problem.active(point), draw)
            peer.tell(token, point, math.nan if draw == 3 else -y if problem.maximize else y)

    def test_all(self):
        every = problems.problems()
        for who in adapters.PEERS:
            for name in SPACES:
                with self.subTest(who=who, problem=name):
                    if not adapters.version(who):
                        continue
                    try:
                        self.search(who, every[name])
                    except adapters.Unable:
                        self.assertFalse(every[name].numeric)
                    print(who, name, file=sys.stderr)


if __name__ == "__main__":
    unittest.main()
