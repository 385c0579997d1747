# tier: full
"""Two servers, one database: any of them answers, one of them drives, the other takes over."""
import os
import signal
import threading
import unittest

import harness
from evidence import EvidenceCase

LEASE_S = 2


class Replicas(EvidenceCase):
    def setUp(self):
        name = self.id().rsplit(".", 1)[1].lower()
        self.database = self.cluster.create(name)
        self.database_name = name
        self.first = harness.Server("--lease", f"{LEASE_S}s", database=self.database).start()
        # The same folder of trials: on one machine a trial outlives the server that started it.
        self.second = harness.Server("--lease", f"{LEASE_S}s", "--state-dir",
                                     os.path.join(self.first.folder, "trials"), database=self.database).start()

    def tearDown(self):
        for s in (self.second, self.first):
            s.__exit__(None)

    def owners(self):
        rows = self.cluster.sql("SELECT e.name, p.owner FROM core.progress p JOIN core.experiments e "
                                "USING (experiment_id) WHERE p.lease_until > now()", self.database_name)
        return dict(rows)

    def by_owner(self, name):
        """(the server that drives the experiment, the other one)"""
        owner = harness.wait(lambda: self.owners().get(name), f"somebody drives {name}")
        if owner.endswith(f":{self.first.port}"):
            return self.first, self.second
        self.assertTrue(owner.endswith(f":{self.second.port}"), owner)
        return self.second, self.first

    def test_both_answer_one_drives(self):
        folders = {}
        for i in range(6):
            s = (self.first, self.second)[i % 2]
            folders[f"exp-{i}"] = self.submit(s, f"exp-{i}", trials=8)
        for name, folder in folders.items():
            for s in (self.second, self.first):
                self.await_end(s, name)
                self.verify(s, name, folder, 8)

    def test_takeover(self):
        folder = self.submit(self.first, "orphan", trials=30, reports=4, seconds=0.4)
        owner, other = self.by_owner("orphan")
        harness.wait(lambda: len(self.evidence(folder)) >= 6, "some trials run")
        epoch = self.cluster.sql("SELECT epoch FROM core.progress", self.database_name)
        owner.kill()
        harness.wait(lambda: self.owners().get("orphan", "").endswith(f":{other.port}"), "the other one takes over",
                     LEASE_S + 10)
        self.assertNotEqual(self.cluster.sql("SELECT epoch FROM core.progress", self.database_name), epoch)
        # The trials of the dead one report to its address until it is there again; it drives nothing then.
        owner.start()
        self.await_end(other, "orphan")
        self.verify(other, "orphan", folder, 30)

    def test_both_tell_live(self):
        self.assertEqual(self.first.post(harness.API, harness.document("watched")).status, 201)
        owner, other = self.by_owner("watched")
        listening = [harness.Events(s.port, "/api/v1/watch?experiment=watched") for s in (owner, other)]
        for e in listening:
            self.addCleanup(e.close)
        path = f"{harness.API}/watched"
        (trial,) = owner.post(path + "/trials:ask", {"workerId": "w", "count": 1}).json["trials"]
        self.assertEqual(other.post(trial["links"]["metrics"], {"loss": 0.25, "step": 3}).status, 200)
        for e in listening:
            _, d = e.wait_for(lambda kind, d: kind == "metrics", "points come")
            self.assertEqual((d["number"], d["points"]), (trial["number"], [[3, 0.25]]))
        self.assertEqual(owner.post(trial["links"]["tell"], {}).status, 200)
        for e in listening:
            _, d = e.wait_for(lambda kind, d: kind == "best", "it is the best")
            self.assertEqual((d["number"], d["value"], d["rank"]), (trial["number"], 0.25, 1))
        self.assertEqual(owner.post(path + "/cancel").status, 202)
        for e in listening:
            e.wait_for(lambda kind, d: kind == "event" and d["reason"] == "UserCancelled", "the event comes")
            e.wait_for(lambda kind, d: kind == "experiment" and d["state"] == "stopped", "its end comes")

    def test_ask_and_tell_at_the_other_one(self):
        answer = self.first.post(harness.API, harness.document("remote", budget={"maxTrials": 4, "parallelTrials": 4}))
        self.assertEqual(answer.status, 201, answer)
        _, other = self.by_owner("remote")
        path = f"{harness.API}/remote"
        asked = other.post(path + "/trials:ask", {"workerId": "w1", "count": 2})
        self.assertEqual(asked.status, 200, asked)
        numbers = [t["number"] for t in asked.json["trials"]]
        self.assertEqual(len(numbers), 2, asked)
        again = self.first.post(path + "/trials:ask", {"workerId": "w1", "count": 2})
        self.assertEqual(sorted(t["number"] for t in again.json["trials"]), sorted(numbers), "its own trials again")
        for n in numbers:
            self.assertEqual(other.post(f"{path}/trials/{n}:tell", {"state": "succeeded", "values": {"loss": n}}).status,
                             200)
        best = self.second.get(path + "/best").json
        self.assertIn(str(min(numbers)), str(best))

    def test_an_intent_at_the_other_one(self):
        self.submit(self.first, "paused", trials=200, seconds=0.2)
        _, other = self.by_owner("paused")
        self.assertEqual(other.post(f"{harness.API}/paused/pause").status, 202)
        harness.wait(lambda: self.state(self.first, "paused") == "paused", "it is paused")
        harness.wait(lambda: self.running("paused") == 0, "what ran has ended")
        self.assertEqual(other.post(f"{harness.API}/paused/cancel").status, 202)
        harness.wait(lambda: self.state(self.second, "paused") == "stopped", "it is stopped")

    def running(self, name):
        rows = self.cluster.sql("SELECT count(*) FROM core.trials t JOIN core.experiments e USING (experiment_id) WHERE "
                                f"e.name = '{name}' AND t.state IN ('starting', 'running')",
                                self.database_name)
        return int(rows[0][0])


class Orphans(EvidenceCase):
    """Two servers that share a database and nothing else, as on two machines."""

    SPEC = {"objectives": [{"metric": "loss", "direction": "minimize"}],
            "parameters": {"x": {"type": "double", "min": 0, "max": 1}}, "algorithm": {"name": "random"},
            "budget": {"maxTrials": 1, "parallelTrials": 1},
            "trial": {"command": ["sh", "-c", "echo loss=1; exec sleep 600", "${x}"], "terminationGracePeriodSeconds": 1,
                      "metrics": {"collector": "stdout"}}}

    def server(self, database, *flags):
        s = harness.Server("--lease", f"{LEASE_S}s", *flags, database=database).start()
        self.addCleanup(s.__exit__, None)
        return s

    def begin(self, server, name, retry):
        answer = server.post(harness.API, {"apiVersion": "trimtab/v1", "kind": "Experiment", "metadata": {"name": name},
                                           "spec": {**self.SPEC, "retry": {"onLost": retry}}})
        self.assertEqual(answer.status, 201, answer)
        return harness.wait(lambda: self.supervisor(server, name), "it runs")

    @staticmethod
    def supervisor(server, name):
        answer = server.get(f"{harness.API}/{name}/trials/1")
        return answer.status == 200 and (answer.json.get("object") or {}).get("supervisor")

    def test_a_host_that_comes_back_stops_what_went_on_without_it(self):
        database = self.cluster.create("hosts")
        first = self.server(database)
        ended, retried = self.begin(first, "ended", 0), self.begin(first, "retried", 3)
        # Another database of people who share the folder: its run looks alike.
        stranger = self.server(self.cluster.create("stranger"), "--state-dir", os.path.join(first.folder, "trials"))
        strange = self.begin(stranger, "strange", 0)
        stranger.kill()
        first.kill()
        second = self.server(database)
        harness.wait(lambda: self.state(second, "ended") not in ("running", "stopping"), "the trial counts as lost", 30)
        harness.wait(lambda: self.supervisor(second, "retried") not in (None, False, retried), "it runs anew", 30)
        self.assertTrue(harness.alive(ended) and harness.alive(retried))
        first.start()
        harness.wait(lambda: not harness.alive(ended) and not harness.alive(retried), "what nobody needs is stopped", 30)
        self.assertTrue(harness.alive(self.supervisor(second, "retried")))
        self.assertTrue(harness.alive(strange))
        stranger.start()
        for s, name in ((second, "retried"), (stranger, "strange")):
            self.assertEqual(s.post(f"{harness.API}/{name}/cancel").status, 202)
            harness.wait(lambda s=s, name=name: self.state(s, name) == "stopped", f"{name} ends", 30)

    def test_a_server_that_slept_too_long_stops_what_went_on_without_it(self):
        database = self.cluster.create("sleepy")
        first = self.server(database)
        pid = self.begin(first, "slept", 3)
        first.process.send_signal(signal.SIGSTOP)
        second = self.server(database)
        harness.wait(lambda: self.supervisor(second, "slept") not in (None, False, pid), "it runs anew", 30)
        self.assertTrue(harness.alive(pid))
        first.process.send_signal(signal.SIGCONT)
        harness.wait(lambda: not harness.alive(pid), "the first attempt is stopped", 30)
        self.assertTrue(harness.alive(self.supervisor(second, "slept")))
        self.assertEqual(second.post(f"{harness.API}/slept/cancel").status, 202)
        harness.wait(lambda: self.state(second, "slept") == "stopped", "it ends", 30)

    # A thousand lines a second without a step: each takes the next, so a line that is read twice would be stored
    # twice. The first attempt goes on until somebody ends it.
    CHATTY = """
    i=0; while [ $TRIMTAB_ATTEMPT = 1 ] || [ $i -lt 3000 ]; do
      i=$((i + 1)); echo "loss=$((TRIMTAB_ATTEMPT * 1000000 + i))"; [ $((i % 20)) != 0 ] || sleep 0.02
    done
    """

    def test_nothing_is_lost_or_doubled_around_a_freeze(self):
        """The driver freezes with a chatty trial, beyond its lease; a client reports to whoever answers."""
        database = self.cluster.create("frozen")
        first = self.server(database)
        spec = {**self.SPEC, "retry": {"onLost": 1},
                "trial": {**self.SPEC["trial"], "command": ["sh", "-c", self.CHATTY, "trial", "${x}"]}}
        for name, body in (("chatty", spec), ("pushed", {**harness.document("pushed")["spec"], "retry": {"onLost": 1}})):
            answer = first.post(harness.API, {"apiVersion": "trimtab/v1", "kind": "Experiment", "metadata": {"name": name}, "spec": body})
            self.assertEqual(answer.status, 201, answer)
        asked = harness.wait(lambda: first.post(f"{harness.API}/pushed/trials:ask", {"workerId": "w"}).json["trials"], "a trial comes")
        second = self.server(database)
        pusher = Pusher([first.port, second.port], f"{harness.API}/pushed/trials/{asked[0]['number']}/metrics")
        self.addCleanup(pusher.end)
        harness.wait(lambda: self.points("chatty")[0] > 500 and len(pusher.acknowledged) > 20, "points come", 60)
        first.process.send_signal(signal.SIGSTOP)
        before = len(pusher.acknowledged)
        harness.wait(lambda: self.attempt(second) == 2, "another one takes over", 60)
        harness.wait(lambda: len(pusher.acknowledged) > before + 20, "it takes the reports", 60)
        first.process.send_signal(signal.SIGCONT)
        harness.wait(lambda: self.state(second, "chatty") == "succeeded", lambda: f"it ends: {second.log()[-2000:]}", 120)
        pusher.end()
        stored = {int(step): float(value) for step, value in self.rows("pushed")}
        self.assertEqual({step: stored.get(step) for step in pusher.acknowledged}, {step: step for step in pusher.acknowledged})
        self.assertLessEqual(set(stored), set(range(pusher.sent + 1)))
        values = [int(float(value)) for _, value in self.rows("chatty")]
        self.assertEqual(len(values), len(set(values)), "none is there twice")
        for attempt in (1, 2):
            lines = sorted(v - attempt * 1000000 for v in values if v // 1000000 == attempt)
            self.assertEqual(lines, list(range(1, len(lines) + 1)), f"none is missing in between, attempt {attempt}")
        self.assertEqual(values.count(2003000), 1, "the last line of the last attempt is in")

    def rows(self, name):
        return self.cluster.sql("SELECT o.step, o.value FROM core.observations o JOIN core.experiments e USING (experiment_id) "
                                f"WHERE e.name = '{name}' ORDER BY o.step", "frozen")

    def points(self, name):
        return [int(n) for n in self.cluster.sql("SELECT count(*) FROM core.observations o JOIN core.experiments e USING "
                                                 f"(experiment_id) WHERE e.name = '{name}'", "frozen")[0]]

    @staticmethod
    def attempt(server):
        answer = server.get(f"{harness.API}/chatty/trials/1")
        return answer.status == 200 and answer.json["attempt"]


class Pusher(threading.Thread):
    """Reports step after step; what is not answered goes to the other address."""

    def __init__(self, ports, path):
        super().__init__(daemon=True)
        self.clients = [harness.Client(port, timeout=1) for port in ports]
        self.path, self.sent, self.acknowledged, self.ending = path, 0, [], False
        self.start()

    def run(self):
        while not self.ending:
            self.sent += 1
            while not self.ending:
                try:
                    if self.clients[0].post(self.path, {"loss": self.sent, "step": self.sent}).status == 200:
                        self.acknowledged.append(self.sent)
                        break
                except OSError:
                    self.clients[0].close()
                self.clients.reverse()

    def end(self):
        self.ending = True
        self.join(30)
        for client in self.clients:
            client.close()


if __name__ == "__main__":
    unittest.main()
