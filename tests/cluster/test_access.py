# tier: full
"""How the cluster is found and spoken to: credentials, rights, pages, a watch that outlives the API server."""
import json
import os
import re
import signal
import subprocess
import threading
import time
import unittest

import kube
from harness import wait

TIMEOUT = 3600
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROBE = os.path.join(os.path.dirname(os.environ.get("TRIMTAB_BIN", "build/release/trimtab")), "tests/cluster/probe")
MAPS = "/api/v1/namespaces/default/configmaps"
READ = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]}]


def sockets(pid):
    """What is connected by TCP."""
    listed = subprocess.run(["ss", "-Htnp", "state", "established"], stdout=subprocess.PIPE, text=True, check=True)
    return [line for line in listed.stdout.splitlines() if f"pid={pid}," in line]


class Watch:
    """A probe that follows a path; its lines as they come."""

    def __init__(self, kubeconfig, *words):
        self.process = subprocess.Popen([PROBE, "watch", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env={**os.environ, "KUBECONFIG": kubeconfig})
        self.lines = []
        self.reader = threading.Thread(target=lambda: self.lines.extend(iter(self.process.stdout.readline, "")))
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGCONT)
        self.process.stdin.close()
        self.process.wait(10)
        self.reader.join()
        self.process.stdout.close()

    def named(self, prefix):
        """The names of its lines' objects in order: +a, *a, -a; of those that begin with a prefix."""
        found = (re.match(r"([-+*]\??)default/(\S+)", line) for line in self.lines)
        return [m[1] + m[2] for m in found if m and m[2].startswith(prefix)]

    def says(self, text):
        wait(lambda: any(text in line for line in self.lines), lambda: f"{text!r} in {self.lines}")


class AccessTest(kube.ClusterCase):
    def ask(self, method, path, kubeconfig=None, body=None):
        """(status, sentence) and the body."""
        done = subprocess.run([PROBE, "request", method, path] + ([json.dumps(body)] if body else []),
                              stdout=subprocess.PIPE, text=True, timeout=120, check=False,
                              env={**os.environ, "KUBECONFIG": kubeconfig or self.c.kubeconfig})
        first, _, rest = done.stdout.partition("\n")
        status, _, sentence = first.partition(" ")
        return int(status), sentence, rest

    def config(self, name, user, **cluster):
        """A kubeconfig made of the administrator's: another user, other settings of the cluster."""
        with open(self.c.kubeconfig, encoding="utf-8") as f:
            document = json.load(f)
        settings = document["clusters"][0]["cluster"]
        settings.update(cluster)
        document["clusters"][0]["cluster"] = {k: v for k, v in settings.items() if v is not None}
        if user is not None:
            document["users"][0]["user"] = user
        path = self.c.path(name + ".kubeconfig")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(document, f)
        return path

    def write(self, name, text, mode=0o600):
        """In one step, as a token is rotated."""
        path = self.c.path(name)
        with open(path + ".new", "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path + ".new", mode)
        os.rename(path + ".new", path)
        return path

    def token_of(self, name):
        with open(self.c.account(name, rules=READ), encoding="utf-8") as f:
            return json.load(f)["users"][0]["user"]["token"]

    def make(self, name):
        self.c.api.post(MAPS, {"metadata": {"name": name}})
        self.addCleanup(self.c.api.delete, f"{MAPS}/{name}")

    def test_client_certificate(self):
        status, _, text = self.ask("GET", "/version")
        self.assertEqual(status, 200)
        self.assertIn("v" + self.c.release.version, text)

    def test_token_and_its_rights(self):
        reader = self.c.account("reader", rules=READ)
        self.assertEqual(self.ask("GET", MAPS, reader)[0], 200)
        self.assertEqual(self.ask("POST", MAPS, reader, {"metadata": {"name": "x"}})[:2], (
            403, "system:serviceaccount:default:reader may not create configmaps in namespace default: "
                 "bind a Role that allows it"))

    def test_token_that_is_not_taken(self):
        status, sentence, _ = self.ask("GET", MAPS, self.config("bad", {"token": "abcdefgh"}))
        self.assertEqual(status, 401)
        self.assertIn("does not accept the credentials of context test of", sentence)
        self.assertNotIn("abcdefgh", sentence)

    def test_certificates_are_checked(self):
        """The system's authorities do not count beside the one that is named, nor another name."""
        for name, changes in (("no-authority", {"certificate-authority-data": None}),
                              ("other-authority", {"certificate-authority-data": None,
                                                   "certificate-authority": "/etc/ssl/certs/ca-certificates.crt"}),
                              ("other-name", {"tls-server-name": "example.org"})):
            status, sentence, _ = self.ask("GET", "/version", self.config(name, None, **changes))
            self.assertEqual(status, 0, name)
            self.assertRegex(sentence, "certificate|SSL", name)
        path = self.config("by-name", None, **{"tls-server-name": "localhost"})
        self.assertEqual(self.ask("GET", "/version", path)[:2], (200, "ok"))
        path = self.config("unchecked", None, **{"certificate-authority-data": None, "insecure-skip-tls-verify": True})
        self.assertEqual(self.ask("GET", "/version", path)[:2], (200, "ok"))

    def test_exec_plugin_is_asked_again_when_refused(self):
        """The first credential is refused; the second is good."""
        told = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}
        good = json.dumps({**told, "status": {"token": self.token_of("executed")}})
        bad = json.dumps({**told, "status": {"token": "stale"}})
        ran = self.c.path("plugin.ran")
        if os.path.exists(ran):
            os.remove(ran)
        self.write("plugin", f"#!/bin/sh\nif [ -e {ran} ]; then echo '{good}'; else touch {ran}; echo '{bad}'; fi\n",
                   0o700)
        path = self.config("exec", {"exec": {"apiVersion": told["apiVersion"], "command": "./plugin",
                                             "interactiveMode": "Never", "provideClusterInfo": True}})
        self.assertEqual(self.ask("GET", MAPS, path)[:2], (200, "ok"))

    def test_token_file_rotates_under_a_watch(self):
        self.write("token", "not yet")
        path = self.config("file", {"tokenFile": "token"})
        with Watch(path, MAPS) as watch:
            watch.says("does not accept the credentials")
            self.write("token", self.token_of("rotated"))
            watch.says("S\n")
            self.make("rotated-one")
            wait(lambda: watch.named("rotated") == ["+rotated-one"], lambda: f"an event in {watch.lines}")

    def test_pages_and_events(self):
        for i in range(25):
            self.make(f"paged-{i}")
        with Watch(self.c.kubeconfig, MAPS, "10") as watch:
            watch.says("S\n")
            self.assertEqual(sorted(watch.named("paged")), sorted(f"+paged-{i}" for i in range(25)))
            self.c.api.merge(f"{MAPS}/paged-3", {"data": {"a": "b"}})
            self.c.api.post(MAPS, {"metadata": {"name": "paged-x"}})
            self.c.api.delete(f"{MAPS}/paged-x")
            wait(lambda: watch.named("paged")[25:] == ["*paged-3", "+paged-x", "-paged-x"],
                 lambda: f"three events in {watch.lines}")

    def test_watch_outlives_the_api_server(self):
        """Each change is told once, also the one that was made while the watch was cut."""
        server = self.c.part("kube-apiserver")
        self.make("outlives-before")
        with Watch(self.c.kubeconfig, MAPS) as watch:
            watch.says("S\n")
            self.c.api.post(MAPS, {"metadata": {"name": "outlives-gone"}})
            wait(lambda: len(watch.named("outlives")) == 2, lambda: f"two events in {watch.lines}")
            watch.process.send_signal(signal.SIGSTOP) # it sees nothing of what follows
            server.restart()
            self.c.wait(self.c.api.answers, "the API server is back")
            self.c.api.delete(f"{MAPS}/outlives-gone")
            self.make("outlives-after")
            watch.process.send_signal(signal.SIGCONT)
            wait(lambda: len(watch.named("outlives")) >= 4, lambda: f"four events in {watch.lines}", 60)
            self.assertEqual(sorted(name.replace("?", "") for name in watch.named("outlives")),
                             ["+outlives-after", "+outlives-before", "+outlives-gone", "-outlives-gone"])

    def test_in_a_pod(self):
        """By the pod's service account: its token, its authority, its namespace's rights."""
        self.c.account("inside", rules=READ)
        images = self.c.images
        probe, name = images.Layer(), "trimtab-test/probe:1"
        probe.copy(PROBE, "/bin/probe")
        for path in images.libraries([PROBE]):
            probe.copy(path)
        self.c.load(name, images.archive(name, [images.busybox(), probe.finish()]))
        document = kube.job("in-a-pod", ["sh", "-c", f"probe request GET {MAPS}?limit=1 && probe request GET /api/v1/pods"],
                            image=name, backoffLimit=0)
        document["spec"]["template"]["spec"]["serviceAccountName"] = "inside"
        self.c.api.post("/apis/batch/v1/namespaces/default/jobs", document)
        self.addCleanup(self.c.kubectl, "delete", "job", "in-a-pod")
        self.c.kubectl("wait", "--timeout=120s", "--for=condition=Failed", "job/in-a-pod") # the second is refused
        said = self.c.kubectl("logs", "job/in-a-pod").splitlines()
        self.assertEqual(said[0], "200 ok")
        self.assertIn("403 system:serviceaccount:default:inside may not list pods: bind a Role that allows it",
                         said)

    def test_log_is_followed(self):
        """As it is written, to its end."""
        self.c.api.post("/apis/batch/v1/namespaces/default/jobs",
                        kube.job("followed", ["sh", "-c", "for i in 1 2 3 4; do echo line $i; sleep 1; done"]))
        self.addCleanup(self.c.kubectl, "delete", "job", "followed")
        pods = self.c.wait(lambda: [p for p in self.c.pods(selector="job-name=followed")
                                    if p["status"]["phase"] == "Running"], "the pod runs")
        path = f"/api/v1/namespaces/default/pods/{pods[0]['metadata']['name']}/log?follow=true"
        with subprocess.Popen([PROBE, "stream", path], stdout=subprocess.PIPE, text=True,
                              env={**os.environ, "KUBECONFIG": self.c.kubeconfig}) as probe:
            came = [(line, time.monotonic()) for line in probe.stdout]
        self.assertEqual([line for line, _ in came], [f"line {i}\n" for i in (1, 2, 3, 4)] + ["200 ok\n"])
        self.assertGreater(came[3][1] - came[0][1], 1)

    def test_page(self):
        """The commands of docs/kubernetes.md about access, and the sentence that it quotes."""
        with open(os.path.join(ROOT, "docs/kubernetes.md"), encoding="utf-8") as f:
            section = re.search(r"^## How trimtab finds the cluster\n(.*?)(?=^## |\Z)", f.read(), re.M | re.S)[1]
        env = {**os.environ, "KUBECONFIG": self.c.kubeconfig,
               "PATH": os.path.dirname(self.c.program("kubectl")) + os.pathsep + os.environ["PATH"]}
        for block in re.findall(r"^```sh\n(.*?)^```", section, re.M | re.S):
            done = subprocess.run(["sh", "-euc", block], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertRegex(done.stdout, r"(?s)\*\s+test .*yes\nyes\n")
        said = self.ask("POST", MAPS, self.c.account("reader", rules=READ), {"metadata": {"name": "x"}})[1]
        self.assertIn("```text\n" + said + "\n```", section)

    def test_many_streams_share_few_connections(self):
        """250 watches at once: a connection takes a hundred."""
        process = subprocess.Popen([PROBE, "watches", MAPS, "250"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   text=True, env={**os.environ, "KUBECONFIG": self.c.kubeconfig})
        try:
            self.assertEqual(process.stdout.readline(), "synced 250\n")
            wait(lambda: len(sockets(process.pid)) <= 16, lambda: f"at most 16 connections: {sockets(process.pid)}")
            with open(f"/proc/{process.pid}/status", encoding="ascii") as f:
                resident = int(re.search(r"VmRSS:\s+(\d+)", f.read())[1]) // 1024
            self.assertLess(resident, 60)
        finally:
            process.stdin.close()
            process.wait(10)
            process.stdout.close()

    def test_creates_a_second(self):
        done = subprocess.run([PROBE, "create", MAPS, "500"], stdout=subprocess.PIPE, text=True, check=False,
                              env={**os.environ, "KUBECONFIG": self.c.kubeconfig}, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout)
        rate = int(re.search(r"POST 500 failed 0 rate (\d+)/s", done.stdout)[1])
        self.assertGreaterEqual(rate, 50, done.stdout)


if __name__ == "__main__":
    unittest.main()
