# tier: full
"""Killed at any moment, the server decides about every trial what it would have decided undisturbed."""
import http.client
import os
import random
import threading
import time
import unittest

import harness
from cluster import Cluster
from harness import API, Server, document

KILLS = int(os.environ.get("TRIMTAB_TEST_KILLS", "50"))
TRIALS, FEW, STEPS, WORKERS = 24, 9, 12, 4
LEASE_S = 30                    # nobody takes over from a server that is about to be back
RULES = [{"name": "medianstop", "settings": {"start_step": 3, "min_trials_required": 3}},
         {"name": "percentile", "settings": {"percentile": 60}},
         {"name": "patience", "settings": {"patience": 4}}]


def spec(name, trials, rungs):
    """Stopped by rules, or at the rungs that the algorithm declares."""
    how = {"algorithm": {"name": "asha", "seed": 5, "settings": {"sampler": "random"}},
           "fidelity": {"min": 1, "max": STEPS, "eta": 3}} if rungs else {"earlyStopping": {"any": RULES}}
    return document(name, parameters={"x": {"type": "double", "min": 0, "max": 1}},
                    budget={"maxTrials": trials, "parallelTrials": WORKERS}, **how)


def loss(number, step):
    """Curves that cross, with a plateau here and there, and a point that is not a number."""
    if (number * 7 + step) % 31 == 0:
        return "NaN"
    return round(abs((number * 37 % 24) / 24 - 0.4) + 1 / (1 + (step if number % 5 else step // 5)), 6)


class Script:
    """Workers in turn, one request at a time: what was not answered is sent again."""

    def __init__(self, server, name, trials=TRIALS, after=None):
        self.trials = trials
        self.client, self.path, self.after = harness.Client(server.port, timeout=20), f"{API}/{name}", after
        self.heard, self.error, self.begun, self.told = {}, None, 0, 0
        self.thread = threading.Thread(target=self.guarded, daemon=True)

    def send(self, path, body):
        end = time.monotonic() + harness.DEADLINE
        while time.monotonic() < end:
            try:
                r = self.client.post(self.path + path, body)
                if r.status not in (429, 503):
                    return r
            except (OSError, http.client.HTTPException):
                self.client.close()
            time.sleep(0.005)
        raise AssertionError(f"no answer to {path}")

    def ask(self, worker):
        """The worker's next trial. It may take some asks: one that was cut off left its demand behind."""
        end = time.monotonic() + harness.DEADLINE
        while time.monotonic() < end:
            r = self.send("/trials:ask", {"workerId": worker, "leaseSeconds": 600})
            assert r.status == 200, r
            if r.json["trials"]:
                return r.json["trials"][0]["number"]
        raise AssertionError("no trial comes")

    def guarded(self):
        try:
            self.run()
        except BaseException as e:      # told to whoever waits
            self.error = e
        finally:
            self.client.close()

    def run(self):
        at = {w: None for w in range(WORKERS)}          # worker -> (trial, next step)
        while True:
            for w, state in at.items():
                if state is None and self.begun < self.trials:
                    at[w] = (self.ask(f"w{w}"), 0)
                    self.begun += 1
                elif state is not None:
                    at[w] = self.step(*state)
            if self.begun == self.trials and not any(at.values()):
                return

    def step(self, number, step):
        r = self.send(f"/trials/{number}/metrics", {"metrics": [{"metric": "loss", "value": loss(number, step), "step": step}]})
        assert r.status == 200, r
        answer = self.after(self, number) if self.after else r.json
        if answer["stop"]:
            self.heard[number] = (step, answer["reason"], answer["message"])
        if answer["stop"] or step + 1 == STEPS:
            r = self.send(f"/trials/{number}:tell", {"state": "succeeded"})
            assert r.status == 200, r
            self.told += 1
            if self.after:
                self.after(self, number)
            return None
        return number, step + 1

    def outcome(self):
        """What was heard, and what is stored."""
        rows = self.get("/trials?limit=1000")
        events = self.get("/events?limit=1000")
        stops = sorted(e["message"] for e in events if e["reason"].endswith("Stop"))
        return self.heard, [(t["number"], t["state"], t["reason"], t["message"], t.get("values"), t["parameters"])
                            for t in rows], stops

    def get(self, path):
        client = harness.Client(self.client.port)
        r = harness.wait(lambda: (r := client.get(self.path + path)).status == 200 and r, path)
        client.close()
        return r.json["items"]

    def finish(self):
        self.thread.join(harness.DEADLINE)
        if self.error:
            raise self.error
        assert not self.thread.is_alive(), "the script does not end"
        return self.outcome()


class Killed(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(fsync=False).start()

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__()

    def server(self, database, *flags, **more):
        s = Server("--lease", f"{LEASE_S}s", *flags, database=self.cluster.url(database), **more)
        self.addCleanup(s.abort)
        return s.start()

    def submit(self, s, name, trials=TRIALS, rungs=False):
        r = s.post(API, spec(name, trials, rungs))
        self.assertEqual(r.status, 201, r)

    calm = {}

    def undisturbed(self, trials=TRIALS, rungs=False):
        """(what was heard, what is stored, the events) of a run that nobody interrupts."""
        if (trials, rungs) not in self.calm:
            database = f"calm-{trials}-{rungs}"
            self.cluster.create(database)
            s = self.server(database)
            self.submit(s, "calm", trials, rungs)
            script = Script(s, "calm", trials)
            script.thread.start()
            heard, _, _ = self.calm[trials, rungs] = script.finish()
            s.stop()
            self.assertGreaterEqual(len({r for _, r, _ in heard.values()}), 1 if rungs else 2, "several rules have a say")
            self.assertTrue(trials // 4 < len(heard) < trials - 2, f"many are stopped, and some are not: {heard}")
        return self.calm[trials, rungs]

    def test_at_random_moments(self):
        chance, kills, rounds = random.Random(2024), 0, 0
        self.cluster.create("random")
        s = self.server("random")
        while kills < KILLS:
            rounds += 1
            name, rungs = f"round-{rounds}", rounds % 3 == 0
            calm = self.undisturbed(rungs=rungs)
            self.submit(s, name, rungs=rungs)
            script = Script(s, name)
            script.thread.start()
            while script.thread.is_alive() and kills < KILLS:
                time.sleep(chance.uniform(0, 0.12))     # the moment is what varies
                s.kill()
                kills += 1
                s.start()
            self.assertEqual(script.finish(), calm, f"after {kills} kills")
        s.stop()

    def test_at_named_points(self):
        calm = self.undisturbed()
        points = [f"{p}:{n}" for p in ("points-sent", "points-committed") for n in (2, 40, 41, 90)] + \
            [f"{p}:{n}" for p in ("suggested", "trials-added") for n in (3, 8)]
        for i, point in enumerate(points):
            with self.subTest(point=point):
                self.cluster.create(f"at-{i}")
                s = self.server(f"at-{i}", env={"TRIMTAB_FAILPOINT": point})
                self.submit(s, "victim")
                script = Script(s, "victim")
                script.thread.start()
                harness.wait(lambda: s.process.poll() is not None, f"the server dies at {point}")
                s.close()
                del s.environment["TRIMTAB_FAILPOINT"]
                s.start()
                self.assertEqual(script.finish(), calm)
                s.stop()

    def test_while_it_remembers(self):
        """Killed when it has read the points, as often as it comes back."""
        calm = self.undisturbed()
        self.cluster.create("memory")
        s = self.server("memory")
        self.submit(s, "victim")
        script = Script(s, "victim")
        script.thread.start()
        harness.wait(lambda: script.begun > TRIALS // 2, "some of it is done")
        s.kill()
        for _ in range(3):
            s.environment["TRIMTAB_FAILPOINT"] = "stop-points-loaded:1"
            try:
                s.start()
            except AssertionError:
                pass                    # it died before it was ready
            harness.wait(lambda: s.process.poll() is not None, "it dies")
            s.close()
        del s.environment["TRIMTAB_FAILPOINT"]
        s.start()
        self.assertEqual(script.finish(), calm)
        s.stop()

    def sql(self, database, text):
        return self.cluster.sql(text, database)

    def other(self, database, name):
        """(the server that drives the experiment, one that does not)"""
        self.cluster.create(database)
        first = self.server(database)
        self.submit(first, name, FEW)
        harness.wait(lambda: self.sql(database, "SELECT 1 FROM core.progress WHERE owner IS NOT NULL"), "it is driven")
        return first, self.server(database)

    def judged(self, database, driver, other):
        """Waits until the driver knows all that was reported and told; then asks, as a heartbeat does."""
        heart = other.client()
        self.addCleanup(heart.close)

        def ended():
            pulse = driver.client()
            try:
                text = pulse.get("/metrics").text
                return sum(int(line.split()[-1]) for line in text.splitlines() if line.startswith(
                    ('trimtab_trials{state="succeeded"}', 'trimtab_trials{state="early_stopped"}',
                     'trimtab_trials{state="failed"}')))
            except (OSError, http.client.HTTPException):
                return -1
            finally:
                pulse.close()

        def after(script, number):
            harness.wait(lambda: self.sql(database, "SELECT count(*) FROM core.unjudged") == [["0"]], "it is judged")
            if script.told < FEW:
                harness.wait(lambda: ended() == script.told, "the driver knows what has ended")
            return heart.post(f"{API}/victim/trials/{number}/heartbeat", {}).json
        return after

    def test_reports_at_another_replica(self):
        calm = self.undisturbed(FEW)
        driver, other = self.other("replicas", "victim")
        script = Script(other, "victim", FEW, self.judged("replicas", driver, other))
        script.thread.start()
        self.assertEqual(script.finish(), calm)
        self.assertEqual(self.sql("replicas", "SELECT count(*) FROM core.unjudged"), [["0"]])
        for s in (other, driver):
            s.stop()

    def test_the_driver_dies_while_others_report(self):
        calm = self.undisturbed(FEW)
        for i, point in enumerate(("stop-notes-judged:20", "stop-notes-settled:21")):
            with self.subTest(point=point):
                database = f"driver_{i}"
                driver, other = self.other(database, "victim")
                driver.kill()
                driver.environment["TRIMTAB_FAILPOINT"] = point
                script = Script(other, "victim", FEW, self.judged(database, driver, other))
                script.thread.start()
                try:
                    driver.start()
                except AssertionError:
                    pass                # it died before it was ready
                harness.wait(lambda: driver.process.poll() is not None, f"the driver dies at {point}")
                driver.close()
                del driver.environment["TRIMTAB_FAILPOINT"]
                driver.start()
                self.assertEqual(script.finish(), calm)
                for s in (other, driver):
                    s.stop()


if __name__ == "__main__":
    unittest.main()
