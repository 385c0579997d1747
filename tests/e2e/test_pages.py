"""Every command of docs/early-stopping.md works as printed, with a third of the trials: it tunes a model under asha, and
saves time. The same model goes on from its checkpoints under hyperband."""
import os
import unittest

from pages import ROOT, Page, blocks

TIMEOUT = 900
SERVE = """trimtab serve &
curl -sS --retry 50 --retry-connrefused --retry-delay 1 -o /dev/null http://127.0.0.1:8746/readyz
"""


class EarlyStopping(Page):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls("test_commands").shell(SERVE)

    def shell(self, script):
        return super().shell(script.replace("-f asha.yaml", "-f asha.yaml --set spec.budget.maxTrials=20"))

    def test_commands(self):
        out = "".join(self.shell(block) for block in blocks(os.path.join(ROOT, "docs/early-stopping.md")))
        self.assertRegex(out, r"stopped \d+ of 20 trials early, saved \d+ % of the training time")
        self.assertRegex(out, r"is not among the best third of the \d+ trials that came as far")

    def test_checkpoints(self):
        """A round of hyperband, shortened to two rungs."""
        self.shell("cd examples/digits; trimtab run -f hyperband.yaml --set spec.fidelity.max=9 --set spec.budget.maxTrials=7 "
                   "--set spec.algorithm.name=successive-halving")
        out = self.shell("""trimtab sql -c "SELECT 'promoted', min(m.step) FROM lengths l JOIN metrics m USING (namespace, experiment, trial)
            WHERE experiment = 'digits-hyperband' AND parent IS NOT NULL GROUP BY l.trial" """)
        self.assertRegex(out, r"promoted +\| +4\n", "the first epoch that a promoted trial reports follows its parent's last")


if __name__ == "__main__":
    unittest.main()
