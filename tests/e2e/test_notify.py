# tier: quick
"""Web hooks: what is told to whom, signed, again after a failure, and after the death of the server."""
import hashlib
import hmac
import http.server
import json
import threading
import time
import unittest

from harness import API, Server, ServerCase, document, free_port, wait


class Hook:
    """Receives messages; `answers` are the statuses it gives, the last one for ever."""

    def __init__(self, *answers):
        self.answers, self.received, hook = list(answers or [204]), [], self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.received.append((self.headers, body))
                status = hook.answers.pop(0) if len(hook.answers) > 1 else hook.answers[0]
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?key=hushhush"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def bodies(self, event=None):
        return [b for b in (json.loads(body) for _, body in list(self.received)) if event in (None, b["event"])]


def hooked(name, notify, **changes):
    return document(name, budget={"maxTrials": 3, "parallelTrials": 1}, notify=notify, **changes)


class Notify(ServerCase):
    def hook(self, *answers):
        h = Hook(*answers)
        self.addCleanup(h.close)
        return h

    def run_trials(self, path, tells):
        for tell in tells:
            (t,) = self.ask(path)
            self.expect(self.s.post(t["links"]["tell"], tell), 200)

    def start(self, name, notify):
        self.expect(self.s.post(API, hooked(name, notify)), 201)
        return f"{API}/{name}"

    def events(self, path, reason):
        return [e for e in self.s.get(path + "/events").json["items"] if e["reason"] == reason]

    def test_everything_is_told_and_signed(self):
        h = self.hook()
        path = self.start("told", [{"url": h.url, "secret": "s3cret", "on":
                                    ["Succeeded", "Failed", "Stopped", "NewBest", "TrialFailed"]}])
        self.run_trials(path, [
            {"state": "succeeded", "values": {"loss": 0.5}},
            {"state": "failed", "reason": "Oom", "message": "no memory"},
            {"state": "succeeded", "values": {"loss": 0.25}}])
        wait(lambda: h.bodies("Succeeded"), "the end is told")
        wait(lambda: len(h.received) >= 4, lambda: f"four messages come: {h.bodies()}")
        self.assertEqual(sorted(b["event"] for b in h.bodies()), ["NewBest", "NewBest", "Succeeded", "TrialFailed"])
        for headers, body in h.received:
            b = json.loads(body)
            self.assertEqual(headers["Trimtab-Event"], b["event"])
            self.assertEqual(headers["Trimtab-Delivery"], b["id"])
            self.assertEqual(headers["Content-Type"], "application/json")
            t, v1 = (part.split("=", 1)[1] for part in headers["Trimtab-Signature"].split(","))
            self.assertLess(abs(int(t) - time.time()), 60)
            self.assertEqual(v1, hmac.new(b"s3cret", t.encode() + b"." + body, hashlib.sha256).hexdigest())
            self.assertEqual((b["experiment"], b["namespace"]), ("told", "default"))
        self.assertEqual(len({b["id"] for b in h.bodies()}), 4)
        end = h.bodies("Succeeded")[0]
        self.assertEqual((end["state"], end["reason"]), ("succeeded", "MaxTrialsReached"))
        self.assertEqual((end["best"]["number"], end["best"]["values"]), (3, {"loss": 0.25}))
        self.assertEqual(set(end["best"]["parameters"]), {"lr", "layers", "optimizer"})
        self.assertNotIn("trial", end)
        failed = h.bodies("TrialFailed")[0]["trial"]
        self.assertEqual((failed["number"], failed["state"], failed["reason"], failed["message"]),
                         (2, "failed", "Oom", "no memory"))
        self.assertEqual([b["best"]["number"] for b in h.bodies("NewBest")], [1, 3])
        wait(lambda: self.events(path, "WebHookDelivered"), "the delivery is written down")
        self.assertNotIn("s3cret", self.s.log())
        self.assertNotIn("hushhush", self.s.log())

    def test_only_what_was_asked_for(self):
        h, silent = self.hook(), self.hook()
        path = self.start("few", [{"url": h.url, "on": ["Stopped"]}, {"url": silent.url, "on": ["Failed"]}])
        self.run_trials(path, [{"state": "succeeded", "values": {"loss": 0.5}}])
        self.expect(self.s.post(path + "/stop"), 202)
        wait(lambda: h.received, "the stop is told")
        wait(lambda: self.events(path, "WebHookDelivered"), "the delivery is written down")
        self.assertEqual([b["event"] for b in h.bodies()], ["Stopped"])
        self.assertNotIn("Trimtab-Signature", h.received[0][0])
        self.assertEqual(silent.received, [])

    def test_again_after_a_failure(self):
        h = self.hook(500, 200)
        path = self.start("again", [{"url": h.url, "on": ["Stopped"]}])
        self.expect(self.s.post(path + "/stop"), 202)
        wait(lambda: len(h.received) == 2, "it is sent again")
        first, second = h.received
        self.assertEqual(first[1], second[1])
        self.assertEqual(first[0]["Trimtab-Delivery"], second[0]["Trimtab-Delivery"])
        wait(lambda: self.events(path, "WebHookDelivered"), "the delivery is written down")

    def test_refused_for_good(self):
        h = self.hook(404)
        path = self.start("refused", [{"url": h.url, "on": ["Stopped"]}])
        self.expect(self.s.post(path + "/stop"), 202)
        (e,) = wait(lambda: self.events(path, "WebHookFailed"), "the failure is written down")
        self.assertEqual(e["type"], "Warning")
        self.assertIn(f"127.0.0.1:{h.server.server_port}", e["message"])
        self.assertIn("404", e["message"])
        self.assertNotIn("hushhush", e["message"])
        self.assertEqual(len(h.received), 1)

    def test_unreachable_holds_up_nobody(self):
        h = self.hook()
        path = self.start("unreachable", [{"url": f"http://127.0.0.1:{free_port()}/?key=hushhush", "on": ["Stopped", "NewBest"]},
                                          {"url": h.url, "on": ["Stopped"]}])
        self.run_trials(path, [{"state": "succeeded", "values": {"loss": 0.5}}])
        self.expect(self.s.post(path + "/stop"), 202)
        wait(lambda: h.received, "the other hook hears of it")
        self.expect(self.s.delete(path + "?purge=true"), 200)
        self.assertNotIn("hushhush", self.s.log())


class Death(unittest.TestCase):
    def test_the_next_server_tells(self):
        h = Hook(503)
        self.addCleanup(h.close)
        with Server() as s:
            self.assertEqual(s.post(API, hooked("owed", [{"url": h.url, "on": ["Stopped"]}])).status, 201)
            self.assertEqual(s.post(API + "/owed/stop").status, 202)
            wait(lambda: h.received, "it is tried")
            s.kill()
            tried = len(h.received)
            h.answers = [200]
            s.start()
            wait(lambda: len(h.received) > tried, "the next server tells")
            self.assertEqual(len({b["id"] for b in h.bodies("Stopped")}), 1)
            reasons = lambda: [e["reason"] for e in s.get(API + "/owed/events").json["items"]]
            wait(lambda: "WebHookDelivered" in reasons(), "the delivery is written down")
            s.kill()
            told = len(h.received)
            s.start()
            self.assertEqual(s.post(API, hooked("next", [{"url": h.url, "on": ["Stopped"]}])).status, 201)
            self.assertEqual(s.post(API + "/next/stop").status, 202)
            wait(lambda: len(h.received) > told, "the next message comes")
            self.assertEqual([b["experiment"] for b in h.bodies()[told:]], ["next"])


if __name__ == "__main__":
    unittest.main()
