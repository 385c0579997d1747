"""What happens while one watches: server-sent events, logs that are followed, trials that run."""
import http.client
import threading
import unittest

from harness import API, DEADLINE, Events, ServerCase, alive, document, wait


class Watch(ServerCase):
    def test_events_of_one_experiment(self):
        path = self.create("watched")
        self.create("unwatched")
        e = Events(self.s.port, "/api/v1/watch?namespace=default&experiment=watched")
        self.addCleanup(e.close)
        self.assertEqual(e.response.status, 200)
        self.assertEqual(e.response.headers["Content-Type"], "text/event-stream")
        self.assertEqual(e.response.headers["Cache-Control"], "no-cache")
        (t,) = self.ask(path)
        self.ask(API + "/unwatched")
        e.wait_for(lambda kind, d: kind == "trial" and d["number"] == t["number"] and d["state"] == "running", "the trial runs")
        self.expect(self.s.post(t["links"]["metrics"], {"loss": 0.4, "step": 4}), 200)
        m = e.wait_for(lambda kind, d: kind == "metrics" and d["number"] == t["number"], "its metrics come")
        self.assertEqual((m[1]["metric"], m[1]["points"]), ("loss", [[4, 0.4]]))
        self.expect(self.s.post(t["links"]["tell"], {}), 200)
        e.wait_for(lambda kind, d: kind == "trial" and d["state"] == "succeeded", "the trial succeeds")
        self.expect(self.s.post(path + "/pause"), 202)
        e.wait_for(lambda kind, d: kind == "experiment" and d["state"] == "paused", "the experiment pauses")
        _, d = e.wait_for(lambda kind, d: kind == "event" and d["reason"] == "Paused", "it is an event")
        self.assertEqual((d["type"], d["message"], d["namespace"]), ("Normal", "paused by anonymous", "default"))
        self.assertEqual({d["experiment"] for _, d in e.received}, {"watched"})
        self.assertEqual(e.raw[:2], ["retry: 3000", "id: 0"])
        ids = [int(line.removeprefix("id: ")) for line in e.raw if line.startswith("id: ")]
        self.assertEqual(ids, sorted(set(ids)))
        newest = self.s.get(path + "/events").json["items"][0]
        self.assertEqual((ids[-1], newest["reason"]), (newest["id"], "Paused"))

    def test_of_a_namespace(self):
        e = Events(self.s.port, "/api/v1/watch?namespace=elsewhere")
        self.addCleanup(e.close)
        self.create("here")
        there = self.create("there", namespace="elsewhere")
        e.wait_for(lambda kind, d: kind == "experiment" and d["experiment"] == "there", "it is created")
        self.ask(API + "/here")
        self.ask(there)
        e.wait_for(lambda kind, d: kind == "trial" and d["experiment"] == "there", "a trial of it runs")
        self.assertEqual({d["experiment"] for _, d in e.received}, {"there"})

    def test_resumed(self):
        e = Events(self.s.port, "/api/v1/watch", headers={"Last-Event-ID": "3"})
        self.addCleanup(e.close)
        e.wait_for(lambda kind, d: kind == "reset", "a reset comes")

    def test_of_nothing(self):
        self.problem(self.s.get("/api/v1/watch?experiment=none"), 404, "not-found")


def script(name, text, **budget):
    return document(name, parameters={"lr": {"type": "double", "min": 0, "max": 1}},
                    budget={"maxTrials": 1, "parallelTrials": 1, **budget},
                    trial={"command": ["sh", "-c", text, "${lr}"], "metrics": {"collector": "stdout"}})


class Run(ServerCase):
    def ended(self, path):
        return wait(lambda: (x := self.s.get(path).json["status"])["state"] in ("succeeded", "failed", "stopped") and x,
                    lambda: f"the experiment ends: {self.s.get(path + '/trials').text}")

    def test_logs(self):
        self.expect(self.s.post(API, script("logs", "echo first; echo second >&2; echo loss=0.5")), 201)
        path = API + "/logs"
        self.assertEqual(self.ended(path)["state"], "succeeded")
        one = path + "/trials/1"
        r = self.expect(self.s.get(one + "/logs"), 200)
        self.assertTrue(r.headers["Content-Type"].startswith("text/plain"))
        self.assertEqual(sorted(r.text.split()), ["first", "loss=0.5", "second"])
        self.assertEqual(self.s.get(one + "/logs?tail=1").text.count("\n"), 1)
        self.assertEqual(self.s.get(one + "/logs?tail=0").text, "")
        self.problem(self.s.get(one + "/logs?attempt=9"), 404, "not-found")
        t = self.s.get(one).json
        self.assertEqual((t["state"], t["values"], t["executor"], t["exitCode"]), ("succeeded", {"loss": 0.5}, "local", 0))

    def test_follow(self):
        text = 'echo one; while [ ! -e "$0.go" ]; do sleep 0.05; done; echo two; echo loss=1'
        flag = self.s.folder + "/follow"
        doc = script("follow", text)
        doc["spec"]["trial"]["command"] = ["sh", "-c", text, flag, "${lr}"]
        self.expect(self.s.post(API, doc), 201)
        path = API + "/follow"
        wait(lambda: self.s.get(path + "/trials/1").status == 200 and self.s.get(path + "/trials/1").json["state"] == "running", "it runs")
        c = http.client.HTTPConnection("127.0.0.1", self.s.port, timeout=DEADLINE)
        c.request("GET", path + "/trials/1/logs?follow=true")
        r = c.getresponse()
        self.assertEqual(r.readline(), b"one\n")
        with open(flag + ".go", "w"):
            pass
        self.assertEqual(r.read(), b"two\nloss=1\n")
        c.close()
        self.ended(path)

    def test_follow_what_is_silent(self):
        """A program that prints nothing yet: the answer begins all the same, and ends with it."""
        flag = self.s.folder + "/silent"
        doc = script("silent", "")
        doc["spec"]["trial"]["command"] = ["sh", "-c", 'while [ ! -e "$0.go" ]; do sleep 0.05; done; echo loss=1', flag, "${lr}"]
        self.expect(self.s.post(API, doc), 201)
        path = API + "/silent"
        wait(lambda: self.s.get(path + "/trials/1").status == 200 and self.s.get(path + "/trials/1").json["state"] == "running", "it runs")
        c = http.client.HTTPConnection("127.0.0.1", self.s.port, timeout=DEADLINE)
        c.request("GET", path + "/trials/1/logs?follow=true")
        r = c.getresponse()
        self.assertEqual(r.status, 200)
        with open(flag + ".go", "w"):
            pass
        self.assertEqual(r.read(), b"loss=1\n")
        c.close()
        self.ended(path)

    def test_worker_trials_have_no_log(self):
        path = self.create("nolog")
        (t,) = self.ask(path)
        self.problem(self.s.get(f"{path}/trials/{t['number']}/logs"), 404, "not-found")

    def test_kill_a_process(self):
        self.expect(self.s.post(API, script("killed", "sleep 600")), 201)
        one = API + "/killed/trials/1"
        wait(lambda: self.s.get(one).status == 200 and self.s.get(one).json["state"] == "running", "it runs")
        self.expect(self.s.post(one + ":kill"), 202)
        wait(lambda: self.s.get(one).json["state"] == "killed", lambda: "it is killed: " + self.s.get(one).text)
        self.assertEqual(self.s.get(one).json["reason"], "UserKilled")

    def test_delete_ends_what_runs(self):
        for name, query in (("doomed", ""), ("purged", "?purge=true")):
            self.expect(self.s.post(API, script(name, "sleep 601")), 201)
            one = f"{API}/{name}/trials/1"
            pid = wait(lambda: (self.s.get(one).json.get("object") or {}).get("supervisor"), "it runs")
            self.expect(self.s.delete(f"{API}/{name}{query}"), 200)
            wait(lambda pid=pid: not alive(pid), "its process ends")


if __name__ == "__main__":
    unittest.main()
