"""Every command of docs/early-stopping.md works as printed: it tunes a model under asha, and saves time."""
import os
import unittest

from pages import ROOT, Page, blocks

TIMEOUT = 900
SERVE = """trimtab serve &
curl -sS --retry 50 --retry-connrefused --retry-delay 1 -o /dev/null http://127.0.0.1:8746/readyz
"""


class EarlyStopping(Page):
    def test_commands(self):
        self.shell(SERVE)
        out = "".join(self.shell(block) for block in blocks(os.path.join(ROOT, "docs/early-stopping.md")))
        self.assertRegex(out, r"stopped \d+ of 60 trials early, saved \d+ % of the training time")
        self.assertRegex(out, r"is not among the best third of the \d+ trials that came as far")


if __name__ == "__main__":
    unittest.main()
