"""Every command in the README works as printed, in the order in which a reader comes to it."""
import os
import re
import unittest

from pages import ROOT, Page, blocks

TIMEOUT = 900


class Readme(Page):
    def test_length(self):
        with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
            self.assertLessEqual(len(file.readlines()), 150)

    def test_links(self):
        with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
            for target in re.findall(r"\]\(([^)#:]+)\)", file.read()):
                self.assertTrue(os.path.exists(os.path.join(ROOT, target)), target)

    def test_commands(self):
        out = "".join(self.shell(block) for block in blocks(os.path.join(ROOT, "README.md")))
        for words in ("The best network reads", "first succeeded (MaxTrialsReached)", "best  #", '"taste":7', "compress succeeded",
                      "tune-1 succeeded", "(3 rows)"):
            self.assertIn(words, out)


if __name__ == "__main__":
    unittest.main()
