# tier: full
"""Killing the server, at named points and at random moments, loses nothing and does nothing twice."""
import contextlib
import http.client
import os
import random
import re
import subprocess
import time
import unittest

import harness
from evidence import EvidenceCase

# Reached once in the life of a small experiment; every other place dies at the second time.
ONCE = {"experiment-moved", "trials-claimed"}
KILLS = int(os.environ.get("TRIMTAB_TEST_KILLS", "100"))


def failpoints():
    """Every named place in the sources, so that a new one is tested without a word here. Where trials are stopped
    early, test_stopping.py kills; on Kubernetes, test_kubernetes.py."""
    found = subprocess.run(["grep", "-rhoE", r'FAILPOINT\("[a-z-]+"\)', "server", "trial-runner"], cwd=harness.ROOT,
                           stdout=subprocess.PIPE, text=True, check=True).stdout
    return sorted({f for f in re.findall(r'"([a-z-]+)"', found) if not f.startswith(("stop-", "kube-"))})


class Crash(EvidenceCase):
    def undisturbed(self, trials):
        """The search that nobody interrupts: its points are the ones that every other run must try."""
        with self.server("undisturbed") as s:
            folder = self.submit(s, "calm", trials=trials)
            self.await_end(s, "calm")
            return self.verify(s, "calm", folder, trials)

    def test_named_points(self):
        points = failpoints()
        self.assertGreaterEqual(len(points), 12)
        expected = self.undisturbed(6)
        for i, point in enumerate(points):
            with self.subTest(point=point):
                s = self.server(f"at_{i}", env={"TRIMTAB_FAILPOINT": f"{point}:{1 if point in ONCE else 2}"})
                try:
                    s.start()
                    # Some places come before the answer: the experiment may be there or not.
                    with contextlib.suppress(ConnectionError, http.client.HTTPException):
                        self.submit(s, "victim", trials=6)
                    harness.wait(lambda: s.process.poll() is not None, f"the server dies at {point}")
                    self.assertEqual(s.process.returncode, -9)
                    s.close()
                    del s.environment["TRIMTAB_FAILPOINT"]
                    s.start()
                    folder = self.submit(s, "victim", statuses=(200, 201), trials=6)
                    self.await_end(s, "victim")
                    self.assertEqual(self.verify(s, "victim", folder, 6), expected, "the same search")
                finally:
                    s.__exit__(None)

    def test_random_moments(self):
        chance = random.Random(20240229)
        s = self.server("random")
        kills, rounds = 0, 0
        try:
            s.start()
            while kills < KILLS:
                rounds += 1
                name, trials = f"round-{rounds}", 60
                folder = self.submit(s, name, trials=trials)
                while kills < KILLS and self.state(s, name) != "succeeded":
                    time.sleep(chance.uniform(0.0, 0.3))        # the moment is what varies
                    s.kill()
                    kills += 1
                    s.start()
                self.await_end(s, name)
                self.verify(s, name, folder, trials)
        finally:
            s.__exit__(None)
        self.assertGreaterEqual(kills, KILLS)


if __name__ == "__main__":
    unittest.main()
