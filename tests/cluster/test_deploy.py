# tier: full
"""docs/kubernetes.md from an empty cluster to a finished experiment, by its own commands: the manifests of deploy/ are
applied, the servers run in pods as their service account, and die while they tune the digits."""
import base64
import json
import os
import re
import signal
import subprocess
import tempfile
import textwrap
import unittest
import urllib.request

import kube
from kube import containerfile
from pages import BINARY, ROOT, free_address

TIMEOUT = 1800
PAGE = os.path.join(ROOT, "docs/kubernetes.md")
DEPLOY = os.path.join(ROOT, "deploy/kubernetes")
ACCOUNT = "system:serviceaccount:trimtab:trimtab"
TRIALS = 8
EPOCHS = 20
# Less than the page asks for: eight trials, two of which fit beside everything else on two cores.
SMALL = {"maxTrials": TRIALS, "parallelTrials": 2}
# In the other namespace one is enough, and it shall need what else a trial may need.
SMALLER = {"maxTrials": 1, "parallelTrials": 1, "maxFailedTrials": 1}
CHECKPOINTS = " --set spec.trial.checkpoints.size=1Gi --set spec.trial.checkpoints.accessMode=ReadWriteOnce"
PODMAN = '#!/bin/sh\necho "$*" >>"$(dirname "$0")/podman.said"\n'


def blocks():
    """The page's commands; in lists they are indented."""
    with open(PAGE, encoding="utf-8") as file:
        return [textwrap.dedent(text) for _, text in re.findall(r"^( *)```sh\n(.*?)^\1```", file.read(), re.M | re.S)]


def smaller(elsewhere):
    budget = "".join(f" --set spec.budget.{name}={value}" for name, value in (SMALLER if elsewhere else SMALL).items())
    return budget + " --set spec.trial.resources.cpu=500m" + (CHECKPOINTS if elsewhere else "")


def rules(role):
    """{(group, resource, verb)}"""
    return {(group, resource, verb) for rule in role["rules"] for group in rule["apiGroups"]
            for resource in rule["resources"] for verb in rule["verbs"]}


def asked(event):
    """(namespace, group, resource, verb) of an entry of the audit log."""
    it = event["objectRef"]
    return (it.get("namespace", ""), it.get("apiGroup", ""), "/".join(filter(None, (it["resource"], it.get("subresource")))),
            event["verb"])


class Deploy(kube.ClusterCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if cls.cluster.release is not kube.RELEASES[kube.NEWEST.version]:
            raise unittest.SkipTest("kubectl knows the components of kustomize since 1.21")
        holder = tempfile.TemporaryDirectory(prefix="trimtab-deploy-", dir="/tmp")
        cls.addClassCleanup(holder.cleanup)
        cls.folder, cls.address, cls.exports, cls.loaded = holder.name, free_address(), "", set()
        cls.forward = None
        cls.addClassCleanup(cls.end_forward)
        cls.script("podman", PODMAN)
        cls.env = {"PATH": os.pathsep.join([cls.folder, os.path.dirname(BINARY), cls.cluster.programs]), "LANG": "C.UTF-8",
                   "HOME": cls.folder, "KUBECONFIG": cls.cluster.kubeconfig, "TRIMTAB_SERVER": "http://" + cls.address}
        cls.cluster.load(kube.Cluster.images.POSTGRES)
        for name in ("database", "checkpoints"):
            cls.volume(name)

    @classmethod
    def script(cls, name, text):
        path = os.path.join(cls.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o755)

    @classmethod
    def volume(cls, name):
        """What a storage class would make."""
        place = "/var/lib/volumes/" + name
        cls.cluster.machine.run("mkdir", "-p", place)
        node = {"key": "kubernetes.io/hostname", "operator": "Exists"}
        cls.cluster.apply({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": {
            "capacity": {"storage": "10Gi"}, "accessModes": ["ReadWriteOnce"], "local": {"path": place},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [node]}]}}}})

    # -- the page's commands

    def shell(self, script):
        """Runs a block, with the variables that the blocks before it exported."""
        if "port-forward" in script:
            self.end_forward()
        text = script.replace("experiment-kubernetes.yaml", "experiment-kubernetes.yaml" + smaller("-n team-a" in script))
        text = text.replace("rollout status", "rollout status --timeout=180s")
        text = text.replace(" 8746 >", f" {self.address.rpartition(':')[2]}:8746 >")
        text = re.sub(r"^(kubectl .*port-forward.*) &$", rf"\1 2>&1 & echo $! >{self.folder}/forward", text, flags=re.M)
        with tempfile.TemporaryFile("w+") as out:
            done = subprocess.run(["bash", "-eu", "-o", "pipefail", "-c", type(self).exports + text], cwd=ROOT, env=self.env,
                                  stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=600, check=False)
            out.seek(0)
            said = out.read()
        self.assertEqual(done.returncode, 0, f"{text}\n{said}\n{self.pods()}")
        type(self).exports += "".join(re.findall(r"^export .*\n", script, re.M))
        self.push()
        if "port-forward" in script:
            self.c.wait(lambda: self.answers(), "the forwarded port answers", 60)
        return said

    def answers(self):
        try:
            with urllib.request.urlopen(self.env["TRIMTAB_SERVER"] + "/readyz", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    @classmethod
    def end_forward(cls):
        try:
            with open(cls.folder + "/forward", encoding="ascii") as file:
                os.kill(int(file.read()), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            pass

    def push(self):
        """Nobody is here to run podman: what it was asked to push is made here, and given to the node."""
        try:
            with open(self.folder + "/podman.said", encoding="utf-8") as file:
                said = [line.split() for line in file]
        except FileNotFoundError:
            return
        made = {}
        for words in said:
            if words[0] == "build":
                options = dict(zip(words[1:-1:2], words[2:-1:2]))
                context = os.path.join(ROOT, words[-1])
                made[options["-t"]] = os.path.join(ROOT, options.get("-f", words[-1] + "/Containerfile")), context
        for name in [words[1] for words in said if words[0] == "push"]:
            if name not in self.loaded:
                self.c.load(name, containerfile.build(name, *made[name]))
                self.loaded.add(name)

    # -- what is asked beside them

    def text(self, path):
        """By a port of the node, which leads to one or the other of the servers that are there."""
        request = urllib.request.Request(f"http://{self.c.address}:{self.window}{path}",
                                         headers={"Authorization": "Bearer " + self.token})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read().decode()

    def get(self, path):
        return json.loads(self.text(path))

    def open_window(self):
        self.c.kubectl("-n", "trimtab", "expose", "deployment/trimtab", "--name=window", "--type=NodePort")
        service = self.c.api.get("/api/v1/namespaces/trimtab/services/window")
        type(self).window = service["spec"]["ports"][0]["nodePort"]
        secret = self.c.api.get("/api/v1/namespaces/trimtab/secrets/trimtab")
        type(self).token = base64.b64decode(secret["data"]["admin-token"]).decode()

    def experiment(self, name, rest="", namespace="default"):
        return self.get(f"/api/v1/namespaces/{namespace}/experiments/{name}{rest}")

    def trials(self, name, namespace="default"):
        return self.experiment(name, "/trials?limit=100", namespace)["items"]

    def until(self, condition, what, deadline=180):
        """A server that has just died may still be asked."""
        def look():
            try:
                return condition()
            except OSError:
                return False
        return self.c.wait(look, lambda: f"{what}\n{self.pods()}", deadline)

    def pods(self):
        return self.c.kubectl("get", "pods", "-A", "-o", "wide") + self.c.kubectl("get", "events", "-n", "trimtab")[-4000:]

    def sql(self, text):
        return self.c.kubectl("-n", "trimtab", "exec", "trimtab-postgres-0", "--", "psql", "-U", "trimtab", "-tAc", text)

    def driver(self):
        """The pod of the server that drives the experiment now."""
        return self.sql("SELECT owner FROM core.progress WHERE lease_until > now()").strip().partition(":")[0]

    def succeeded(self, name):
        return sum(t["state"] == "succeeded" for t in self.trials(name))

    def server_dies(self, name, *how):
        """While two of its trials run; another one must drive the experiment then."""
        self.until(lambda: sum(t["state"] == "running" for t in self.trials(name)) == 2, "two trials run")
        driver = self.until(self.driver, "a server drives the experiment")
        ended = self.succeeded(name)
        self.c.kubectl("-n", "trimtab", "delete", "pod", driver, "--wait=false", *how)
        self.until(lambda: self.driver() not in ("", driver), "another server drives the experiment")
        self.until(lambda: self.succeeded(name) > ended, "trials go on to their end")

    def logs(self, name):
        """Of a trial that runs each server gives the log, also the one that does not drive it."""
        def printed():
            running = [t["number"] for t in self.trials(name) if t["state"] == "running"]
            path = f"/api/v1/namespaces/default/experiments/{name}/trials/{running[0]}/logs" if running else None
            return path and [self.text(path).startswith("step=1 ") for _ in range(8)] == [True] * 8
        self.until(printed, "whoever is asked gives the log")

    def nothing_lost(self, name):
        trials = self.trials(name)
        self.assertEqual([(t["state"], t["attempt"]) for t in trials], [("succeeded", 1)] * TRIALS, trials)
        for t in trials:
            (curve,) = self.experiment(name, f"/trials/{t['number']}/metrics?metric=accuracy")["items"]
            self.assertEqual([step for step, _ in curve["points"]], list(range(1, EPOCHS + 1)), t)
        events = json.loads(self.c.kubectl("get", "events", "-o", "json"))["items"]
        made = sorted(e["involvedObject"]["name"] for e in events
                      if e["reason"] == "SuccessfulCreate" and e["involvedObject"]["name"].startswith(name))
        self.assertEqual(made, sorted(t["name"] for t in trials), "one Job and one pod for each trial")
        self.until(lambda: self.c.kubectl("get", "jobs,pods,secrets", "-o", "name", "-l", f"trimtab.dev/experiment={name}")
                   == "", "nothing is left in the cluster")

    def test_from_an_empty_cluster(self):
        """The page in its order. Where trials run servers die, one as it should and one with no time to say so."""
        name, said = "digits-kubernetes", ""
        for block in blocks():
            if "delete -k" in block:
                continue                # at last
            if "create -n team-a" in block:
                self.c.quota("team-a", {"pods": 0})
            said += self.shell(block)
            if "rollout status" in block:
                self.open_window()
            elif "kubectl get jobs,pods" in block:
                self.until(lambda: self.succeeded(name) >= 1, "a trial has succeeded")
                self.logs(name)
                self.server_dies(name)
                self.server_dies(name, "--grace-period=0", "--force")
                self.shell(next(b for b in blocks() if "port-forward" in b))
            elif "create -n team-a" in block:
                self.room_in("team-a", name)
        self.assertRegex(said, "(?m)^best  #")
        self.nothing_lost(name)

    def room_in(self, namespace, name):
        """A trial that a quota keeps from having a pod, until it does not."""
        def trial():
            return self.trials(name, namespace)[0]
        self.until(lambda: trial().get("reason") == "QuotaExceeded", lambda: f"the trial waits: {trial()}")
        self.c.kubectl("-n", namespace, "delete", "resourcequota", "quota")
        self.until(lambda: self.experiment(name, "", namespace)["status"]["state"] == "succeeded", "the trial succeeds")

    def create(self, name, trial):
        path = os.path.join(self.folder, name + ".json")
        with open(path, "w", encoding="ascii") as file:
            json.dump({"apiVersion": "trimtab/v1", "kind": "Experiment", "metadata": {"name": name}, "spec": {
                "objectives": [{"metric": "loss", "direction": "minimize"}],
                "parameters": {"x": {"type": "double", "min": 0, "max": 1}}, "budget": {"maxTrials": 1},
                "trial": trial}}, file)
        self.shell(f"trimtab create -f {path}")

    def test_metrics_from_a_file(self):
        """The pod takes what reads it from the servers' own image."""
        self.create("filed", {"image": kube.Cluster.images.BUSYBOX, "metrics": {"collector": "file", "path": "/tmp/metrics"},
                              "command": ["sh", "-c", "echo loss=0.5 step=1 >/tmp/metrics"]})
        self.until(lambda: self.experiment("filed")["status"]["state"] == "succeeded", lambda: self.trials("filed"))
        self.assertEqual(self.trials("filed")[0]["values"], {"loss": 0.5})

    def refused(self):
        """A trial whose Job the API server does not take: the Secret that came with it is deleted."""
        container = {"name": "train", "image": kube.Cluster.images.BUSYBOX}
        spec = {"parallelism": -1, "template": {"spec": {"restartPolicy": "Never", "containers": [container]}}}
        self.create("refused", {"manifest": {"apiVersion": "batch/v1", "kind": "Job", "spec": spec}})
        self.until(lambda: [t["state"] for t in self.trials("refused")] == ["failed"], "the trial fails")
        self.until(lambda: self.c.kubectl("get", "secrets", "-l", "trimtab.dev/experiment=refused", "-o", "name") == "",
                   "its Secret is deleted")

    def rationed(self):
        """A quota refuses a claim also where it exists: whether it does is asked."""
        self.c.quota("default", {"persistentvolumeclaims": "0"})
        self.create("rationed", {"image": kube.Cluster.images.BUSYBOX, "command": ["true"], "checkpoints": {"size": "1Gi"}})
        self.until(lambda: [t.get("reason") for t in self.trials("rationed")] == ["QuotaExceeded"], lambda: self.trials("rationed"))
        self.shell("trimtab cancel rationed")
        self.c.kubectl("delete", "resourcequota", "quota")

    def test_rights(self):
        """After all this each right that was granted has been used, and none was missing."""
        self.refused()
        self.rationed()
        granted = {namespace: rules(self.c.api.get(f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles/{role}"))
                   for namespace, role in (("trimtab", "trimtab"), ("default", "trimtab-trials"))}
        events = [event for event in self.c.audited(ACCOUNT) if "objectRef" in event]
        refused = [event for event in events if event["annotations"]["authorization.k8s.io/decision"] != "allow"]
        self.assertEqual(refused, [])
        used = {"default": set(), "trimtab": set()}
        for namespace, *right in map(asked, events):
            used["default" if namespace == "team-a" else namespace].add(tuple(right))
        self.assertEqual(used, granted)

    def test_then_it_is_removed(self):
        self.shell(next(b for b in blocks() if "delete -k" in b))
        self.assertFalse(self.c.exists("/api/v1/namespaces/trimtab"))

    def test_no_other_rights(self):
        for verb, resource, namespace in (("list", "secrets", "default"), ("get", "secrets", "trimtab"),
                                          ("list", "secrets", "kube-system"), ("create", "jobs", "trimtab"),
                                          ("create", "jobs", "kube-system"), ("create", "pods", "default"),
                                          ("list", "pods", "kube-system"), ("create", "rolebindings", "default")):
            with self.assertRaisesRegex(AssertionError, "^kubectl auth can-i [^\n]*: no$"):
                self.c.kubectl("auth", "can-i", verb, resource, "-n", namespace, "--as", ACCOUNT)


class Files(unittest.TestCase):
    """What can be seen without a cluster."""

    def test_the_build_gets_what_it_needs(self):
        """What the Containerfile copies is enough for make to know how the program is built."""
        with tempfile.TemporaryDirectory(prefix="trimtab-context-") as folder:
            for source, target in containerfile.copied(os.path.join(ROOT, "deploy/Containerfile")):
                place = folder + target
                os.makedirs(os.path.dirname(place), exist_ok=True)
                subprocess.run(["cp", "-r", os.path.join(ROOT, source), place], check=True)
            env = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
            done = subprocess.run(["make", "-n", "-C", folder + "/src", "all", "install"], env=env, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout[-2000:])
        self.assertIn("-o build/release/trimtab", done.stdout)

    def test_version(self):
        with open(os.path.join(ROOT, "lib/version.h"), encoding="utf-8") as file:
            version = re.search(r'TRIMTAB_VERSION "(.*)"', file.read()).group(1)
        for path, text in ((PAGE, f"/trimtab:{version} "), (DEPLOY + "/server/server.yaml", f"image: trimtab:{version}\n"),
                           (DEPLOY + "/server/kustomization.yaml", f"=trimtab:{version}\n"),
                           (os.path.join(ROOT, "deploy/Containerfile"), f"/trimtab:{version} ")):
            with open(path, encoding="utf-8") as file:
                self.assertIn(text, file.read(), path)

    def test_page_has_the_rights(self):
        lines = {}
        for path in (PAGE, DEPLOY + "/trials/rights.yaml"):
            with open(path, encoding="utf-8") as file:
                lines[path] = re.findall(r"^  - \{apiGroups.*", file.read(), re.M)
        self.assertEqual(*lines.values())


if __name__ == "__main__":
    unittest.main()
