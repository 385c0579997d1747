# tier: full
"""The cluster that other tests stand on: it runs pods, it can be hurt, and it leaves nothing behind."""
import glob
import os
import re
import subprocess
import unittest

import kube

TIMEOUT = 3600  # of which a first build of the programs takes most


def said(*words):
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout


def read(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as f:
        return f.read()


def settings():
    """What is this machine's own, and no cluster's to change."""
    rules = re.sub(r"(?m)^#.*\n", "", said("iptables-save"))
    return [rules, *map(read, ("/proc/self/mounts", "/proc/sys/net/ipv4/ip_forward", "/proc/sys/vm/overcommit_memory",
                               "/proc/sys/kernel/panic"))]


def traces(name):
    """Processes, interfaces, folders and control groups that name a cluster."""
    found = said("ps", "-eo", "args").splitlines() + said("ip", "-o", "link").splitlines() + glob.glob("/tmp/*")
    return [trace for trace in found + [place for place, _, _ in os.walk("/sys/fs/cgroup")] if name in trace]


class ClusterTest(kube.ClusterCase):
    def run_job(self, name, command, **spec):
        self.c.api.post("/apis/batch/v1/namespaces/default/jobs", kube.job(name, command, **spec))

    def await_job(self, name, condition="Complete"):
        self.c.kubectl("wait", "--timeout=120s", f"--for=condition={condition}", "job/" + name)

    def phase(self, selector):
        return [pod["status"]["phase"] for pod in self.c.pods(selector=selector)]

    def test_node(self):
        self.assertIn(" Ready ", self.c.kubectl("get", "nodes", "--no-headers"))
        self.assertIn("v" + self.c.release.version, self.c.kubectl("version"))

    def test_job_and_its_log(self):
        self.run_job("counts", ["sh", "-c", "for i in 1 2 3; do echo epoch=$i; done"])
        self.await_job("counts")
        self.assertEqual(self.c.kubectl("logs", "job/counts"), "epoch=1\nepoch=2\nepoch=3\n")

    def test_python_image(self):
        self.run_job("python", ["python3", "-c", "import json, ssl, sqlite3, urllib.request; print(json.dumps([1]))"],
                     image=self.c.images.PYTHON)
        self.await_job("python")
        self.assertEqual(self.c.kubectl("logs", "job/python"), "[1]\n")

    def test_pod_reaches_the_api_server_and_this_machine(self):
        """By the service's address, which kube-proxy translates, and by that of the link."""
        self.run_job("reaches", ["sh", "-c", f"nc -w 5 10.96.0.1 443 </dev/null && ping -c 1 {self.c.below}"])
        self.await_job("reaches")

    def test_api_server_restarts(self):
        self.c.part("kube-apiserver").restart()
        self.c.wait(self.c.api.answers, "the API server is back")
        self.c.wait(self.c.node_ready, "the node is ready again")

    def test_etcd_paused(self):
        self.c.part("etcd").pause()
        self.assertFalse(self.c.api.answers())
        self.c.part("etcd").resume()
        self.c.wait(self.c.api.answers, "the API server answers again")

    def test_node_that_says_nothing(self):
        self.c.part("kubelet").kill()
        self.c.wait(lambda: self.c.node_is("Unknown"), "the node is not ready", 120)
        self.c.part("kubelet").start()
        self.c.wait(self.c.node_ready, "the node is ready again")

    def test_containers_survive_their_runtime(self):
        self.run_job("stays", ["sleep", "1000"])
        self.c.wait(lambda: self.phase("job-name=stays") == ["Running"], "the pod runs")
        self.c.part("containerd").restart()
        self.c.wait(self.c.node_ready, "the node is ready again")
        self.run_job("after", ["true"])
        self.await_job("after")
        self.assertEqual(self.phase("job-name=stays"), ["Running"])
        self.c.kubectl("delete", "job", "stays", "--grace-period=0", "--force")

    def test_eviction(self):
        """What the Job makes of it is another thing in each version."""
        self.run_job("evicted", ["sh", "-c", "trap exit TERM; while :; do sleep 0.1; done"])
        self.c.wait(lambda: self.phase("job-name=evicted") == ["Running"], "the pod runs")
        pod = self.c.pods(selector="job-name=evicted")[0]["metadata"]["name"]
        self.c.evict(pod)
        self.c.wait(lambda: pod not in [p["metadata"]["name"] for p in self.c.pods(selector="job-name=evicted")
                                        if p["status"]["phase"] == "Running"], "the pod is gone")
        self.c.kubectl("delete", "job", "evicted", "--grace-period=0", "--force")

    def test_account_without_rights(self):
        place = self.c.account("nobody", self.c.namespace("closed"))
        with self.assertRaisesRegex(AssertionError, "forbidden"):
            self.c.kubectl("get", "pods", kubeconfig=place)
        rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]
        self.c.kubectl("get", "pods", kubeconfig=self.c.account("reader", "closed", rules))

    def test_quota(self):
        self.c.quota(self.c.namespace("small"), {"count/jobs.batch": 0})
        path = "/api/v1/namespaces/small/resourcequotas/quota"
        self.c.wait(lambda: self.c.api.get(path)["status"].get("used"), "the quota counts")
        with self.assertRaisesRegex(kube.ApiError, "exceeded quota"):
            self.c.api.post("/apis/batch/v1/namespaces/small/jobs", kube.job("refused", ["true"]))

    def test_component_that_fails_is_named(self):
        self.c.part("kube-scheduler").machine.spawn("broken", ["sh", "-c", "echo what went wrong"],
                                                    self.c.path("logs", "broken.log"), {"PATH": "/bin"})
        broken = kube.Component(self.c.machine, "broken", [], {})
        self.c.parts["broken"] = broken
        with self.assertRaisesRegex(AssertionError, "(?s)broken has ended.*what went wrong"):
            self.c.wait(lambda: False, "nothing", 30)
        del self.c.parts["broken"]


class TwoAndNothing(unittest.TestCase):
    def test_second_one_beside_the_first_and_nothing_left(self):
        before = settings()
        first = kube.or_skip(kube.fresh().up)
        try:
            with kube.fresh() as second:
                self.assertNotEqual(first.address, second.address)
                for c in (first, second):
                    c.api.post("/apis/batch/v1/namespaces/default/jobs", kube.job("same", ["true"]))
                for c in (first, second):
                    c.kubectl("wait", "--timeout=120s", "--for=condition=Complete", "job/same")
            self.assertTrue(first.node_ready())
            self.assertTrue(traces(os.path.basename(first.folder)))
        finally:
            first.down()
        for c in (first, second):
            self.assertEqual(traces(os.path.basename(c.folder)), [])
        self.assertEqual(settings(), before)


if __name__ == "__main__":
    unittest.main()
