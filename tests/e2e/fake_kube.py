"""A Kubernetes API server that is small enough to be read, with a Job controller and a kubelet whose pods are
processes of this machine. It serves what trimtab uses, as the real one answers it, and can be told to fail.

    with fake_kube.Cluster() as k:
        server = harness.Server("--runner", "kubernetes", "--kubeconfig", k.kubeconfig)

What only a real cluster shows is tested in tests/cluster; this is for tests that must run anywhere, and for
faults at exact moments.
"""
import base64
import contextlib
import copy
import datetime
import http.server
import json
import os
import re
import shutil
import signal
import socketserver
import subprocess
import tempfile
import threading
import time
import urllib.parse

import harness

PATH = re.compile(r"^/(?:api/v1|apis/([^/]+)/([^/]+))(?:/namespaces/([^/]+))?/([^/]+)(?:/([^/]+))?(?:/([^/]+))?$")
COLLECT = os.path.join(os.path.dirname(harness.BIN), "trimtab-collect")
KINDS = {"jobs": "Job", "pods": "Pod", "secrets": "Secret", "events": "Event",
         "persistentvolumeclaims": "PersistentVolumeClaim"}


def now(fraction=False):
    t = datetime.datetime.now(datetime.timezone.utc)
    return t.strftime("%Y-%m-%dT%H:%M:%S.%f000Z" if fraction else "%Y-%m-%dT%H:%M:%SZ")


class Refusal(Exception):
    def __init__(self, code, reason, message, **details):
        super().__init__(message)
        self.code, self.reason, self.details = code, reason, details


class Pod:
    """What the kubelet knows: a process and the lines that it printed."""

    def __init__(self):
        self.process, self.lines, self.over = None, [], False
        self.arrived = threading.Condition()


class Cluster:
    def __init__(self):
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.objects = {}               # (resource, ns, name) -> object
        self.events = []                # (version, resource, ns, type, object)
        self.version, self.uids = 100, 0
        self.pods = {}                  # uid -> Pod
        self.requests = []              # "METHOD path?query", as they came
        self.made = []                  # names of all Jobs that were ever made
        self.removed = []               # (when, resource, namespace) of all objects that ever went
        self.rules = []                 # functions(method, resource, ns, name, body): may raise a Refusal
        self.schedule = True            # False: pods stay without a node
        self.silent = set()             # resources whose watches tell nothing
        self.hold = threading.Event()   # cleared: no request is answered
        self.hold.set()
        self.closing = False
        self.streams = set()            # sockets of watches and logs
        self.folder = tempfile.mkdtemp(prefix="trimtab-fake-kube-")
        self.kubeconfig = os.path.join(self.folder, "config")
        self.server, self.port = None, 0
        self.start()

    # ---- life

    def start(self):
        cluster = self

        class Handler(Requests):
            kube = cluster

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True
            allow_reuse_address = True
            request_queue_size = 128

            def handle_error(self, request, client_address):
                pass
        self.server = Server(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_port
        self.closing = False
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        with open(self.kubeconfig, "w", encoding="ascii") as f:
            f.write(f"""apiVersion: v1
kind: Config
clusters: [{{name: fake, cluster: {{server: "http://127.0.0.1:{self.port}"}}}}]
users: [{{name: me, user: {{token: kube-token-that-stays-secret}}}}]
contexts: [{{name: fake, context: {{cluster: fake, user: me, namespace: default}}}}]
current-context: fake
""")

    def stop_serving(self):
        """As if the API server was killed: its state stays, and the pods run on."""
        self.closing = True
        self.server.shutdown()
        self.server.server_close()
        for s in list(self.streams):
            with contextlib.suppress(OSError):
                s.shutdown(2)
        with self.lock:
            self.changed.notify_all()

    def close(self):
        self.hold.set()
        self.stop_serving()
        for pod in self.pods.values():
            if pod.process and pod.process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pod.process.pid, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ---- objects

    def tell(self, kind, resource, obj):
        self.version += 1
        obj["metadata"]["resourceVersion"] = str(self.version)
        self.events.append((self.version, resource, obj["metadata"]["namespace"], kind, copy.deepcopy(obj)))
        self.changed.notify_all()

    def put(self, resource, ns, obj):
        with self.lock:
            meta = obj.setdefault("metadata", {})
            if (resource, ns, meta["name"]) in self.objects:
                raise Refusal(409, "AlreadyExists", f'{resource} "{meta["name"]}" already exists', name=meta["name"])
            self.uids += 1
            meta.update(namespace=ns, uid=f"00000000-0000-4000-8000-{self.uids:012d}", creationTimestamp=now())
            self.objects[resource, ns, meta["name"]] = obj
            self.tell("ADDED", resource, obj)
            if resource == "jobs":
                self.made.append(meta["name"])
                threading.Thread(target=self.run_job, args=(obj,), daemon=True).start()
            return obj

    def change(self, resource, obj):
        with self.lock:
            key = resource, obj["metadata"]["namespace"], obj["metadata"]["name"]
            if self.objects.get(key) is obj:
                self.tell("MODIFIED", resource, obj)

    def get(self, resource, ns, name):
        with self.lock:
            if (resource, ns, name) not in self.objects:
                raise Refusal(404, "NotFound", f'{resource} "{name}" not found', name=name)
            return self.objects[resource, ns, name]

    def all(self, resource, ns="default"):
        with self.lock:
            return [copy.deepcopy(o) for (r, n, _), o in self.objects.items() if r == resource and n == ns]

    def remove(self, resource, ns, name):
        with self.lock:
            obj = self.objects.pop((resource, ns, name), None)
            if obj:
                self.removed.append((time.monotonic(), resource, ns))
                self.tell("DELETED", resource, obj)
            return obj

    def owned(self, uid):
        with self.lock:
            return [(r, o) for (r, _, _), o in self.objects.items()
                    if any(w["uid"] == uid for w in o["metadata"].get("ownerReferences", []))]

    def delete(self, resource, ns, name, foreground=False):
        """As the garbage collector does it: first or afterwards, what the object owns goes too."""
        obj = self.get(resource, ns, name)
        if resource == "pods":
            threading.Thread(target=self.end_pod, args=(obj,), daemon=True).start()
            return obj
        if foreground:
            with self.lock:
                obj["metadata"]["deletionTimestamp"] = now()
                self.change(resource, obj)
            threading.Thread(target=self.collect, args=(obj, resource, True), daemon=True).start()
        else:
            self.remove(resource, ns, name)
            threading.Thread(target=self.collect, args=(obj, resource, False), daemon=True).start()
        return obj

    def collect(self, obj, resource, foreground):
        children = self.owned(obj["metadata"]["uid"])
        pods = [threading.Thread(target=self.end_pod, args=(o,)) for r, o in children if r == "pods"]
        for t in pods:
            t.start()
        for r, o in children:
            if r != "pods":
                self.remove(r, o["metadata"]["namespace"], o["metadata"]["name"])
        for t in pods:
            t.join()
        if foreground:
            self.remove(resource, obj["metadata"]["namespace"], obj["metadata"]["name"])

    # ---- the Job controller

    def run_job(self, job):
        spec, meta = job["spec"], job["metadata"]
        limit = spec.get("backoffLimit", 6)
        for failures in range(limit + 1):
            try:
                pod = self.make_pod(job, failures)
            except Refusal as why:
                self.put("events", meta["namespace"], {
                    "metadata": {"name": f"{meta['name']}.{self.uids}"}, "involvedObject": {"uid": meta["uid"]},
                    "type": "Warning", "reason": "FailedCreate", "message": f"Error creating: {why}"})
                return
            code = self.run_pod(pod)
            if self.objects.get(("jobs", meta["namespace"], meta["name"])) is not job:
                return
            if code == 0:
                break
        time.sleep(0.5)                 # the controller takes its time
        if code == 0:
            self.finish_job(job, "Complete", "CompletionsReached", "Reached expected number of succeeded pods")
        else:
            self.finish_job(job, "Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit")

    def finish_job(self, job, condition, reason, message):
        with self.lock:
            job.setdefault("status", {})["succeeded" if condition == "Complete" else "failed"] = 1
            job["status"]["conditions"] = [{"type": condition, "status": "True", "reason": reason, "message": message,
                                            "lastTransitionTime": now()}]
            self.change("jobs", job)

    def make_pod(self, job, n):
        template = copy.deepcopy(job["spec"]["template"])
        meta = template.get("metadata", {})
        pod = {"apiVersion": "v1", "kind": "Pod", "spec": template["spec"], "status": {"phase": "Pending"},
               "metadata": {"name": f"{job['metadata']['name']}-{n}x{self.uids}", "labels": dict(meta.get("labels", {})),
                            "annotations": meta.get("annotations", {}),
                            "ownerReferences": [{"apiVersion": "batch/v1", "kind": "Job", "name": job["metadata"]["name"],
                                                 "uid": job["metadata"]["uid"], "controller": True}]}}
        pod["metadata"]["labels"]["job-name"] = job["metadata"]["name"]
        self.check("POST", "pods", job["metadata"]["namespace"], None, pod)
        return self.put("pods", job["metadata"]["namespace"], pod)

    # ---- the kubelet

    def condition(self, pod, kind, status, reason=None, message=None):
        conditions = pod["status"].setdefault("conditions", [])
        conditions[:] = [c for c in conditions if c["type"] != kind]
        conditions.append({"type": kind, "status": status, "reason": reason, "message": message,
                           "lastTransitionTime": now()})

    def run_pod(self, pod):
        """The exit code of its first container."""
        container = pod["spec"]["containers"][0]
        here = self.pods[pod["metadata"]["uid"]] = Pod()
        while not self.schedule:
            if "PodScheduled" not in json.dumps(pod["status"]):
                self.condition(pod, "PodScheduled", "False", "Unschedulable", "0/1 nodes are available: too small")
                self.change("pods", pod)
            time.sleep(0.05)
            if pod["metadata"].get("deletionTimestamp"):
                return 1
        self.condition(pod, "PodScheduled", "True")
        pod["spec"]["nodeName"] = "node-1"
        state = self.image_trouble(container)
        if state:
            self.container(pod, container, state)
            while not pod["metadata"].get("deletionTimestamp"):
                time.sleep(0.05)
            return 1
        started = now()
        env = {"PATH": os.environ["PATH"], **self.environment(pod, container)}
        command = [expanded(word, env) for word in container.get("command", []) + container.get("args", [])]
        if command[0] == "/opt/trimtab/trimtab-collect":
            assert pod["spec"]["initContainers"][-1]["command"] == ["trimtab-collect", "install", command[0]]
            command[0] = COLLECT        # as the init container put it there
        here.process = subprocess.Popen(command, env=env,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        cwd=container.get("workingDir", self.folder), start_new_session=True)
        if "activeDeadlineSeconds" in pod["spec"]:
            threading.Timer(pod["spec"]["activeDeadlineSeconds"], self.overdue, (pod, here)).start()
        pod["status"]["phase"] = "Running"
        self.container(pod, container, {"running": {"startedAt": started}})
        for line in here.process.stdout:
            with here.arrived:
                here.lines.append(f"{now(True)} ".encode() + line)
                here.arrived.notify_all()
        code = here.process.wait()
        here.over = True
        with here.arrived:
            here.arrived.notify_all()
        code = 128 - code if code < 0 else code
        pod["status"]["phase"] = "Succeeded" if code == 0 else "Failed"
        self.container(pod, container, {"terminated": {
            "exitCode": code, "reason": "Completed" if code == 0 else "Error", "startedAt": started,
            "finishedAt": now()}})
        return code

    @staticmethod
    def overdue(pod, here):
        if not here.over:
            pod["status"].update(reason="DeadlineExceeded", message="Pod was active on the node longer than the "
                                 "specified deadline")
            os.killpg(here.process.pid, signal.SIGKILL)

    def image_trouble(self, container):
        if container["image"].startswith("absent/"):
            return {"waiting": {"reason": "ImagePullBackOff",
                                "message": f'Back-off pulling image "{container["image"]}": not found'}}
        return None

    def container(self, pod, container, state):
        pod["status"]["containerStatuses"] = [{"name": container["name"], "state": state, "restartCount": 0,
                                               "ready": "running" in state, "image": container["image"]}]
        self.change("pods", pod)

    def environment(self, pod, container):
        values = {}
        for e in container.get("env", []):
            ref = e.get("valueFrom", {}).get("secretKeyRef")
            values[e["name"]] = self.secret(pod, ref) if ref else e.get("value", "")
        for source in container.get("envFrom", []):
            secret = self.wait_secret(pod, source["secretRef"]["name"])
            values.update({k: decode(secret, k) for k in {**secret.get("data", {}), **secret.get("stringData", {})}})
        return values

    def wait_secret(self, pod, name):
        while not pod["metadata"].get("deletionTimestamp"):
            with contextlib.suppress(Refusal):
                return self.get("secrets", pod["metadata"]["namespace"], name)
            time.sleep(0.05)
        return {}

    def secret(self, pod, ref):
        return decode(self.wait_secret(pod, ref["name"]), ref["key"])

    def end_pod(self, pod):
        here = self.pods.get(pod["metadata"]["uid"])
        with self.lock:
            if not pod["metadata"].get("deletionTimestamp"):
                pod["metadata"]["deletionTimestamp"] = now()
                self.change("pods", pod)
        grace = pod["spec"].get("terminationGracePeriodSeconds", 30)
        if here and here.process:
            for signo, wait in ((signal.SIGTERM, grace), (signal.SIGKILL, 10)):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(here.process.pid, signo)
                end = time.monotonic() + wait
                while not here.over and time.monotonic() < end:
                    time.sleep(0.01)
                if here.over:
                    break
            time.sleep(0.05)
        self.remove("pods", pod["metadata"]["namespace"], pod["metadata"]["name"])

    # ---- requests

    def check(self, method, resource, ns, name, body):
        for rule in list(self.rules):
            rule(method, resource, ns, name, body)

    def forbid(self, verb, resource, ns="default"):
        """A right that we do not have."""
        methods = {"create": "POST", "list": "LIST", "delete": "DELETE", "get": "GET"}

        def rule(method, r, n, _name, _body):
            if (method, r, n) == (methods[verb], resource, ns):
                raise Refusal(403, "Forbidden", f'{resource} is forbidden: User "me" cannot {verb} resource "{resource}" '
                              f'in API group "" in the namespace "{ns}"')
        self.rules.append(rule)
        return rule

    def quota(self, resource, most, ns="default"):
        """A ResourceQuota for the number of objects that are there. What is gone counts until a controller has counted
        again."""
        def rule(method, r, n, name, _body):
            recent = time.monotonic() - 0.2
            used = len(self.all(resource, ns)) + sum(gone[0] > recent and gone[1:] == (resource, ns) for gone in self.removed)
            if (method, r, n) == ("POST", resource, ns) and used >= most:
                raise Refusal(403, "Forbidden", f'{resource} "{name}" is forbidden: exceeded quota: few, requested: '
                              f"count/{resource}=1, used: count/{resource}={most}, limited: count/{resource}={most}")
        self.rules.append(rule)
        return rule


def decode(secret, key):
    if key in secret.get("stringData", {}):
        return secret["stringData"][key]
    return base64.b64decode(secret.get("data", {}).get(key, "")).decode()


def expanded(word, env):
    """$(NAME) is a variable, $$ is a $."""
    return re.sub(r"\$\$|\$\((\w+)\)", lambda m: env.get(m[1], m[0]) if m[1] else "$", word)


def selected(obj, selector):
    labels = obj["metadata"].get("labels", {})
    return all(labels.get(k) == v for k, v in (part.split("=") for part in selector.split(",") if part))


class Requests(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    kube = None

    def log_message(self, format, *args):        # pylint: disable=redefined-builtin
        pass

    def answer(self, code, body):
        data = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def handle_request(self):
        kube = self.kube
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        kube.requests.append(f"{self.command} {self.path}")
        kube.hold.wait()
        found = PATH.match(url.path)
        try:
            if not found or (found[3] is None and found[4] is None):
                raise Refusal(404, "NotFound", "the server could not find the requested resource")
            group, version, ns, resource, name, sub = found.groups()
            if resource not in KINDS:
                raise Refusal(404, "NotFound", "the server could not find the requested resource")
            method = "LIST" if self.command == "GET" and not name else self.command
            kube.check(method, resource, ns, name or (body or {}).get("metadata", {}).get("name"), body)
            if sub == "log":
                self.log(ns, name, query)
            elif method == "LIST" and query.get("watch") in ("1", "true"):
                self.watch(resource, ns, query)
            else:
                self.answer(*self.serve(method, f"{group}/{version}" if group else "v1", resource, ns, name, body, query))
        except Refusal as r:
            self.answer(r.code, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": str(r),
                                 "reason": r.reason, "details": {"kind": "", **r.details}, "code": r.code})
        except (BrokenPipeError, ConnectionError):
            self.close_connection = True

    do_GET = do_POST = do_DELETE = do_PATCH = handle_request

    def serve(self, method, api_version, resource, ns, name, body, query):
        kube = self.kube
        if method == "LIST":
            items = [o for o in kube.all(resource, ns) if selected(o, query.get("labelSelector", ""))]
            if "fieldSelector" in query and resource == "events":
                uid = query["fieldSelector"].partition("=")[2]
                items = [o for o in items if o["involvedObject"]["uid"] == uid]
            return 200, {"kind": KINDS[resource] + "List", "apiVersion": api_version,
                         "metadata": {"resourceVersion": str(kube.version)}, "items": items}
        if method == "POST":
            return 201, copy.deepcopy(kube.put(resource, ns, body))
        if method == "GET":
            return 200, copy.deepcopy(kube.get(resource, ns, name))
        if method == "PATCH":
            with kube.lock:
                obj = kube.get(resource, ns, name)
                merge(obj, body)
                kube.change(resource, obj)
                return 200, copy.deepcopy(obj)
        uid = (body or {}).get("preconditions", {}).get("uid")
        if uid and kube.get(resource, ns, name)["metadata"]["uid"] != uid:
            raise Refusal(409, "Conflict", "the UID in the precondition does not match")
        return 200, copy.deepcopy(kube.delete(resource, ns, name, (body or {}).get("propagationPolicy") == "Foreground"))

    # ---- streams

    def stream(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.kube.streams.add(self.connection)

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def watch(self, resource, ns, query):
        kube, at = self.kube, int(query.get("resourceVersion") or 0)
        end = time.monotonic() + int(query.get("timeoutSeconds") or 300)
        self.stream()
        while not kube.closing and time.monotonic() < end:
            with kube.lock:
                fresh = [e for e in kube.events if e[0] > at]
                if not fresh or resource in kube.silent:
                    kube.changed.wait(1)
                    continue
            at = fresh[-1][0]
            out = b"".join(json.dumps({"type": kind, "object": obj}).encode() + b"\n" for _, r, n, kind, obj in fresh
                           if r == resource and n == ns and selected(obj, query.get("labelSelector", "")))
            if out:
                self.chunk(out)
        self.chunk(b"")
        self.kube.streams.discard(self.connection)

    def log(self, ns, name, query):
        kube = self.kube
        pod = kube.get("pods", ns, name)
        here = kube.pods[pod["metadata"]["uid"]]
        if here.process is None:
            raise Refusal(400, "BadRequest", f'container in pod "{name}" is waiting to start: ContainerCreating')
        since, at = query.get("sinceTime", "").rstrip("Z").encode(), 0
        if "tailLines" in query:
            at = max(0, len(here.lines) - int(query["tailLines"]))
        self.stream()
        while not kube.closing:
            with here.arrived:
                over, fresh = here.over, here.lines[at:]
                if not fresh and not over and "follow" in query:
                    here.arrived.wait(0.5)
                    continue
            at += len(fresh)
            out = b"".join(line for line in fresh if line[:19] >= since)
            if out:
                self.chunk(out)
            if "follow" not in query or (over and not fresh):
                break
        if not kube.closing:
            self.chunk(b"")
        self.kube.streams.discard(self.connection)


def merge(obj, patch):
    for key, value in patch.items():
        if value is None:
            obj.pop(key, None)
        elif isinstance(value, dict) and isinstance(obj.get(key), dict):
            merge(obj[key], value)
        else:
            obj[key] = value
