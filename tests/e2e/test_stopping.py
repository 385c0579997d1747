# tier: quick
"""Trials that are not worth finishing are stopped while they run: by the answer, by the runner, for workers."""
import os
import unittest

import harness
from harness import API, Server, ServerCase, document, wait

TRAINEE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "trainee.py")
ONE = {"x": {"type": "double", "min": 0, "max": 1}}
MEDIAN = {"name": "medianstop", "settings": {"start_step": 2, "min_trials_required": 3}}
BOUND = {"name": "threshold", "settings": {"upper": 100}}


class Stopping(ServerCase):
    def begin(self, name, **spec):
        self.expect(self.s.post(API, document(name, parameters=ONE, **spec)), 201)
        return f"{API}/{name}"

    def report(self, path, number, step, value, stop=None):
        body = {"metrics": [{"metric": "loss", "value": value} | ({} if step is None else {"step": step})]}
        r = self.expect(self.s.post(f"{path}/trials/{number}/metrics", body), 200).json
        if stop is not None:
            self.assertEqual(r["stop"], stop, f"trial {number} at step {step}: {r}")
        return r

    def tell(self, path, number, state="succeeded", **more):
        return self.expect(self.s.post(f"{path}/trials/{number}:tell", {"state": state, **more}), 200).json

    def next(self, path, worker="w"):
        (t,) = self.ask(path, worker)
        return t["number"]

    def finished(self, path, curves):
        """One trial for each of these curves, from step 0, run to its end."""
        for curve in curves:
            n = self.next(path)
            for step, value in enumerate(curve):
                self.report(path, n, step, value, stop=False)
            self.tell(path, n)

    def trial(self, path, number):
        return self.expect(self.s.get(f"{path}/trials/{number}"), 200).json

    def events(self, path, number):
        return [(e["reason"], e["message"]) for e in self.s.get(f"{path}/events?limit=1000").json["items"]
                if e.get("trial") in (number, str(number)) or e.get("number") == number]

    def stored(self, path, number):
        items = self.s.get(f"{path}/trials/{number}/metrics?metric=loss").json["items"]
        return [tuple(p) for p in items[0]["points"]] if items else []

    def metric(self, name):
        for line in self.s.get("/metrics").text.splitlines():
            if line.startswith(name + " "):
                return float(line.split()[-1])
        return 0.0


class LocalTrials(Stopping):
    def run_mode(self, mode, trials=5):
        path = self.begin(f"local-{mode}", budget={"maxTrials": trials, "parallelTrials": 1}, earlyStopping=MEDIAN,
                          trial={"command": ["/usr/bin/python3", "-ES", TRAINEE, mode, "6", "${x}"],
                                 "terminationGracePeriodSeconds": 1,
                                 "metrics": {"collector": "stdout"} if mode == "prints" else {}})
        wait(lambda: self.s.get(path).json["status"]["state"] == "succeeded",
             lambda: f"it ends: {self.s.get(path + '/trials').text}")
        rows = self.s.get(path + "/trials").json["items"]
        self.assertEqual([t["state"] for t in rows], ["succeeded"] * 3 + ["early_stopped"] * (trials - 3), rows)
        for t in rows[3:]:
            self.assertEqual(t["reason"], "MedianStop")
            self.assertRegex(t["message"], rf"^loss {t['number'] + 9}\.\d+ at step \d+ is worse than the median \S+ of 3 trials$")
            self.assertIn("loss", t["values"], "what it reported stays")
            reasons = [r for r, _ in self.events(path, t["number"])]
            self.assertIn("MedianStop", reasons)
            self.assertIn("EarlyStopped", reasons)
            self.assertEqual([m for r, m in self.events(path, t["number"]) if r == "MedianStop"], [t["message"]])
        return path

    def log(self, path, number):
        return self.expect(self.s.get(f"{path}/trials/{number}/logs"), 200).text

    def test_one_that_obeys(self):
        path = self.run_mode("obeys")
        self.assertIn("stopped as told", self.log(path, 4), "its log stays")
        self.assertEqual(self.trial(path, 4)["exitCode"], 0)

    def test_one_that_ignores_it_is_killed(self):
        path = self.run_mode("ignores", trials=4)
        self.assertIn("SIGTERM, and no", self.log(path, 4), "SIGTERM came first")

    def test_one_that_only_prints(self):
        path = self.run_mode("prints")
        self.assertIn("loss=13.9", self.log(path, 4))


class Workers(Stopping):
    CURVES = ([1.0, 0.9, 0.8, 0.7], [1.2, 1.1, 1.0, 0.9], [1.4, 1.3, 1.2, 1.1])

    def median(self, name, **spec):
        path = self.begin(name, earlyStopping=MEDIAN, **spec)
        self.finished(path, self.CURVES)
        return path

    def hopeless(self, path):
        n = self.next(path)
        self.report(path, n, 0, 5, stop=False)
        r = self.report(path, n, 1, 4.5, stop=True)
        self.assertEqual(r["reason"], "MedianStop")
        self.assertEqual(r["message"], "loss 4.5 at step 1 is worse than the median 1.15 of 3 trials")
        return n

    def test_the_answer_says_so_and_goes_on_saying_so(self):
        path = self.median("answers")
        before = self.metric('trimtab_trials_stopped_total{reason="MedianStop"}')
        n = self.hopeless(path)
        self.assertEqual(self.metric('trimtab_trials_stopped_total{reason="MedianStop"}'), before + 1)
        first = self.report(path, n, 1, 4.5, stop=True)
        better = self.report(path, n, 2, 0.0, stop=True)
        beat = self.expect(self.s.post(f"{path}/trials/{n}/heartbeat", {}), 200).json
        for r in (first, better, beat):
            self.assertEqual((r["stop"], r["reason"], r["message"], r["trialState"]),
                             (True, "MedianStop", "loss 4.5 at step 1 is worse than the median 1.15 of 3 trials", "running"))
        t = self.tell(path, n)
        self.assertEqual((t["state"], t["reason"], t["values"]), ("early_stopped", "MedianStop", {"loss": 0.0}))
        self.assertEqual(t["message"], first["message"])
        self.assertEqual(self.tell(path, n)["state"], "early_stopped", "told again")
        self.assertEqual(self.trial(path, n).get("rank", 0) or 0, 0, "it is not ranked")
        self.assertEqual([m for r, m in self.events(path, n) if r == "MedianStop"], [first["message"]], "once")

    def test_what_a_worker_says_of_a_stopped_trial(self):
        path = self.median("says")
        self.assertEqual(self.tell(path, self.hopeless(path), "early_stopped")["message"],
                         "loss 4.5 at step 1 is worse than the median 1.15 of 3 trials")
        self.assertEqual(self.tell(path, self.hopeless(path), "failed", reason="Oom", message="no memory")["reason"], "Oom")
        self.assertEqual(self.tell(path, self.hopeless(path), values={"loss": 7})["values"], {"loss": 7})

    def test_a_worker_that_leaves_it_behind(self):
        path = self.median("leaves", budget={"maxTrials": 100, "parallelTrials": 1})
        n = self.hopeless(path)
        again = self.next(path)
        self.assertEqual(again, n + 1, "a fresh one, not the one it was told to stop")
        t = wait(lambda: (t := self.trial(path, n))["state"] == "early_stopped" and t, "the stopped one ends")
        self.assertEqual((t["reason"], t["values"]), ("MedianStop", {"loss": 4.5}))

    def test_the_best_and_the_first_go_on(self):
        path = self.begin("first", earlyStopping={"name": "medianstop", "settings": {"min_trials_required": 1, "start_step": 1}})
        a, b = self.next(path, "a"), self.next(path, "b")
        for step in range(5):
            self.report(path, a, step, 9 + step, stop=False)
            self.report(path, b, step, 8 - step, stop=False)
        self.tell(path, a)
        for step in range(5, 9):
            self.report(path, b, step, 8 - step, stop=False)

    def test_out_of_order_duplicated_missing_and_late(self):
        path = self.median("unruly")
        n = self.next(path)
        # Steps 3, then 1 and 2 late, 1 twice: a step that is new is judged whenever it comes.
        self.report(path, n, 3, 0.5, stop=False)
        self.report(path, n, 1, 0.9, stop=False)
        self.report(path, n, 1, 0.95, stop=False)
        self.report(path, n, 1, 8, stop=False)
        m = self.next(path, "other")
        self.report(path, m, 3, 8, stop=False)
        r = self.report(path, m, 2, 9, stop=True)
        self.assertIn("loss 8 at step 3", r["message"], "judged by its best, once it has come far enough")
        self.tell(path, m)
        self.assertEqual(self.report(path, m, 9, 0.1)["reason"], "TrialFinished")
        self.assertEqual(self.trial(path, m)["values"], {"loss": 8}, "what comes after the end changes nothing")
        self.assertEqual(self.stored(path, m), [(2, 9), (3, 8), (9, 0.1)])
        self.assertEqual(self.stored(path, n), [(1, 8), (3, 0.5)])
        self.tell(path, n)

    def test_nan(self):
        path = self.begin("nan", earlyStopping={"any": [BOUND, MEDIAN]})
        self.finished(path, self.CURVES)
        n = self.next(path)
        self.report(path, n, 0, 5, stop=False)
        r = self.report(path, n, 1, "NaN", stop=True)
        self.assertEqual(r["reason"], "ThresholdStop")
        self.assertEqual(self.tell(path, n)["state"], "early_stopped")
        n = self.next(path)
        self.assertEqual(self.report(path, n, 0, "Infinity", stop=True)["reason"], "ThresholdStop")
        self.tell(path, n)
        n = self.next(path)
        self.report(path, n, 0, 0.1, stop=False)
        self.report(path, n, 1, "NaN", stop=False)      # the best so far goes on whatever it says

    def test_points_without_a_step(self):
        path = self.median("stepless")
        n = self.next(path)
        for value in (5, 4.9, 4.8):
            self.report(path, n, None, value)
        r = wait(lambda: (r := self.s.post(f"{path}/trials/{n}/heartbeat", {}).json)["stop"] and r, "it is told to stop")
        self.assertEqual(r["message"], "loss 4.9 at step 1 is worse than the median 1.15 of 3 trials")

    def test_other_metrics_are_not_judged(self):
        path = self.median("others")
        n = self.next(path)
        for step in range(4):
            r = self.s.post(f"{path}/trials/{n}/metrics", {"accuracy": 1000, "step": step})
            self.assertFalse(r.json["stop"], r)
        body = {"metrics": [{"metric": m, "value": v, "step": s} for s, (m, v) in
                            enumerate([("accuracy", 9), ("loss", 5), ("loss", 5), ("loss", 4)])]}
        r = self.s.post(f"{path}/trials/{n}/metrics", body).json
        self.assertEqual((r["accepted"], r["stop"]), (4, True))
        self.assertIn("loss 5 at step 2", r["message"], "the first that is judged")

    def test_a_user_kills_what_was_stopped(self):
        path = self.median("killed")
        n = self.hopeless(path)
        self.expect(self.s.post(f"{path}/cancel"), 202)
        wait(lambda: self.s.get(path).json["status"]["state"] == "stopped", "it ends")
        self.assertEqual(self.trial(path, n)["state"], "early_stopped")

    def test_paused_raised_and_restarted(self):
        path = self.median("again", budget={"maxTrials": 4, "parallelTrials": 4})
        self.expect(self.s.post(path + "/pause"), 202)
        wait(lambda: self.s.get(path).json["status"]["state"] == "paused", "it is paused")
        self.expect(self.s.post(path + "/resume"), 202)
        n = wait(lambda: next(iter(self.ask(path)), None), "a trial comes")["number"]
        self.report(path, n, 0, 5, stop=False)
        self.report(path, n, 1, 4.5, stop=True)
        self.tell(path, n)
        wait(lambda: self.s.get(path).json["status"]["state"] == "succeeded", "it ends")
        self.expect(self.s.post(path + "/restart", {"budget": {"maxTrials": 6}}), 202)
        self.assertEqual(wait(lambda: next(iter(self.ask(path)), None), "a trial comes")["number"], n + 1)
        self.report(path, n + 1, 0, 5, stop=False)
        self.assertEqual(self.report(path, n + 1, 1, 4.6, stop=True)["message"],
                         "loss 4.6 at step 1 is worse than the median 1.15 of 3 trials", "it knows what was before")
        self.tell(path, n + 1)
        # The last of the budget first: what comes then is what is brought back.
        wait(lambda: self.ask(path, "other"), "the last trial comes")
        # A user who brings a trial back wants it to run: what it reported before is not judged again.
        self.expect(self.s.post(f"{path}/trials/{n}:retry"), 202)
        self.assertEqual(wait(lambda: next(iter(self.ask(path)), None), "it comes back")["number"], n)
        self.report(path, n, 0, 5, stop=False)
        self.report(path, n, 1, 4.5, stop=False)
        self.report(path, n, 2, 4.4, stop=True)
        self.tell(path, n)

    def test_all_rules_must_agree(self):
        path = self.begin("agree", earlyStopping={"all": [MEDIAN, {"name": "threshold", "settings": {"upper": 6}}]})
        self.finished(path, self.CURVES)
        n = self.next(path)
        for step, value in enumerate((5, 5, 5)):
            self.report(path, n, step, value, stop=False)
        self.report(path, n, 3, 7, stop=True)

    def test_purged_while_it_is_judged(self):
        path = self.median("purged")
        n = self.hopeless(path)
        self.expect(self.s.delete(path + "?purge=true"), 200)
        self.assertIn(self.s.post(f"{path}/trials/{n}/metrics", {"loss": 1, "step": 7}).status, (404, 410))


class Rungs(Stopping):
    def test_asha_stops_at_its_rungs(self):
        path = self.begin("asha", algorithm={"name": "asha", "seed": 3, "settings": {"sampler": "random"}},
                          fidelity={"min": 1, "max": 9, "eta": 3})
        told = {}
        for i in range(12):
            n = self.next(path)
            for step in range(9):
                r = self.report(path, n, step, 1 + (i * 7 % 12) - step / 100)
                if r["stop"]:
                    told[n] = (step, r)
                    break
            self.tell(path, n)
        self.assertTrue(told, "some are stopped")
        for n, (step, r) in told.items():
            self.assertEqual(r["reason"], "RungStop")
            self.assertIn(step + 1, (1, 3), "at a rung")
            self.assertRegex(r["message"], rf"^loss \S+ at step {step} is not among the best third of the \d+ trials")
            self.assertEqual(self.trial(path, n)["state"], "early_stopped")
        full = [t for t in self.s.get(path + "/trials?limit=100").json["items"] if t["state"] == "succeeded"]
        self.assertTrue(full, "some run to the end")


class Lifetime(unittest.TestCase):
    def test_a_lost_trial_goes_on_where_it_was(self):
        with Server("--lease", "2s") as s:
            self.assertEqual(s.post(API, document("lost", parameters=ONE, earlyStopping=BOUND, retry={"onLost": 1})).status, 201)
            path = API + "/lost"
            ask = {"workerId": "w", "leaseSeconds": 1}
            other = s.post(path + "/trials:ask", {"workerId": "other"}).json["trials"][0]["number"]
            s.post(f"{path}/trials/{other}/metrics", {"loss": 0.5, "step": 0})
            n = s.post(path + "/trials:ask", ask).json["trials"][0]["number"]
            s.post(f"{path}/trials/{n}/metrics", {"loss": 1, "step": 0})
            wait(lambda: s.get(f"{path}/trials/{n}").json["attempt"] == 2, "it is tried again")
            again = wait(lambda: next((t["number"] for t in s.post(path + "/trials:ask", ask).json["trials"]), None), "it comes")
            self.assertEqual(again, n)
            r = s.post(f"{path}/trials/{n}/metrics", {"loss": 1000, "step": 0}).json
            self.assertFalse(r["stop"], "a step that is reported again is not judged again")
            r = s.post(f"{path}/trials/{n}/metrics", {"loss": 1000, "step": 1}).json
            self.assertTrue(r["stop"], r)


if __name__ == "__main__":
    unittest.main()
