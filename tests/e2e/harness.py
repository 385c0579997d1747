"""A real server for the end-to-end tests, and a client that shows what went over the wire.

    with harness.Server() as s:
        r = s.post("/api/v1/namespaces/default/experiments", {...})
        assert r.status == 201, r

Server() runs $TRIMTAB_BIN on a free port with a private database and folders of its own, waits until
/readyz says ready, and at the end checks that it stopped as it should: exit code 0, nothing from a
sanitizer, no unexpected line at level error. Nothing here sleeps for a fixed time: wait() looks again
until a condition holds or a deadline passes.
"""
import atexit
import contextlib
import fcntl
import glob
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("TRIMTAB_BIN", os.path.join(ROOT, "build/release/trimtab"))
SANITIZER = re.compile(r"(Address|Leak|Thread|Memory)Sanitizer|runtime error:|Assertion .* failed")
DEADLINE = 60 * (4 if "/san-" in BIN else 1)
API = "/api/v1/namespaces/default/experiments"


def wait(condition, what, deadline=DEADLINE, every=0.02):
    """Returns the first true value of condition(); fails with `what` when none came."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"in {deadline} s it did not happen that {what() if callable(what) else what}")
        time.sleep(every)


def free_port():
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def template():
    """A data folder with a cluster that was made and left in order, to be copied: making one takes seconds.
    Kept for the binary that made it."""
    stat = os.stat(BIN)
    base = os.path.join(tempfile.gettempdir(), f"trimtab-e2e-cluster-{os.getuid()}")
    folder = f"{base}-{stat.st_ino:x}-{stat.st_mtime_ns:x}"
    with open(base + ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(os.path.join(folder, "done")):
            for old in glob.glob(base + "-*"):
                if time.time() - os.stat(old).st_mtime > 3600:
                    shutil.rmtree(old, ignore_errors=True)
            shutil.rmtree(folder, ignore_errors=True)
            os.mkdir(folder, 0o755)
            server = Server(folder=folder, fresh=True)
            try:
                server.start()
                server.stop()
            finally:
                server.abort()
            with open(os.path.join(folder, "done"), "w", encoding="ascii"):
                pass
    return os.path.join(folder, "postgres")


class Response:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode("utf-8")

    @property
    def json(self):
        return json.loads(self.body)

    def codes(self):
        """The problems of an answer as {pointer: code}."""
        return {e["pointer"]: e["code"] for e in self.json.get("errors", [])}

    def __repr__(self):
        return f"<{self.status} {self.body[:2000]!r}>"


class Client:
    """One connection to one address. Not for several threads at once."""

    def __init__(self, port, token=None, timeout=DEADLINE):
        self.port, self.token, self.timeout, self.connection = port, token, timeout, None

    def request(self, method, path, body=None, headers=None, token=None):
        headers = dict(headers or {})
        token = token if token is not None else self.token
        if token:
            headers["Authorization"] = "Bearer " + token
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        if isinstance(body, str):
            body = body.encode()
        for attempt in (1, 2):
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
            try:
                self.connection.request(method, path, body, headers)
                answer = self.connection.getresponse()
                return Response(answer.status, answer.headers, answer.read())
            except (http.client.BadStatusLine, ConnectionError):
                self.close()
                if attempt == 2:
                    raise

    def get(self, path, **kw):
        return self.request("GET", path, **kw)

    def post(self, path, body=None, **kw):
        return self.request("POST", path, body, **kw)

    def patch(self, path, body=None, **kw):
        return self.request("PATCH", path, body, **kw)

    def delete(self, path, **kw):
        return self.request("DELETE", path, **kw)

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None


class Server(Client):
    """`errors`: patterns of lines at level error that a test provokes. `fresh`: make the cluster anew."""

    def __init__(self, *flags, folder=None, port=None, env=None, errors=(), token=None, database=None,
                 fresh=False):
        super().__init__(port or free_port(), token)
        self.own_folder = folder is None
        self.folder = folder or tempfile.mkdtemp(prefix="trimtab-e2e-", dir="/tmp")
        os.chmod(self.folder, 0o755)
        if self.own_folder:
            atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        self.flags, self.errors, self.process = flags, list(errors), None
        self.log_path = os.path.join(self.folder, f"server-{self.port}.log")
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("TRIMTAB_", "PG"))}
        self.environment.update(env or {})
        self.database = database
        self.fresh = fresh or database is not None

    def command(self):
        where = ["--database", self.database] if self.database else \
            ["--data-dir", os.path.join(self.folder, "postgres")]
        return [BIN, "serve", "--listen", f"127.0.0.1:{self.port}", *where,
                "--state-dir", os.path.join(self.folder, "trials"), "--log-format", "json", *self.flags]

    def start(self):
        data = os.path.join(self.folder, "postgres")
        if not self.fresh and not os.path.exists(data):
            subprocess.run(["cp", "-a", template(), data], check=True)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=self.environment, cwd=self.folder)
        wait(self.is_ready, lambda: "the server is ready; its log:\n" + self.log())
        return self

    def is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.log()}")
        try:
            return self.get("/readyz").status == 200
        except OSError:
            self.close()
            return False

    def log(self):
        with contextlib.suppress(FileNotFoundError), open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()
        return ""

    def log_lines(self):
        for line in self.log().splitlines():
            with contextlib.suppress(ValueError):
                yield json.loads(line)

    def kill(self):
        """SIGKILL: what a crash looks like. start() again afterwards."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process = None
        self.close()

    def stop(self):
        """SIGTERM, and the checks of a good end."""
        self.close()
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("the server did not stop after SIGTERM:\n" + self.log()[-4000:]) from None
        finally:
            self.process = None
        log = self.log()
        found = SANITIZER.search(log)
        if code != 0 or found:
            raise AssertionError(f"the server ended with {code}:\n{log[found.start() if found else -4000:]}")
        self.check_errors()

    def check_errors(self):
        for line in self.log_lines():
            text = json.dumps(line)
            if line.get("level") == "error" and not any(re.search(p, text) for p in self.errors):
                raise AssertionError("unexpected in the log: " + text)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.abort()
            raise

    def __exit__(self, kind, *_):
        try:
            self.stop() if kind is None else self.abort()
        finally:
            if self.own_folder:
                shutil.rmtree(self.folder, ignore_errors=True)

    def abort(self):
        self.close()
        if self.process and self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
        self.process = None

    def client(self, token=None):
        return Client(self.port, token)


class ServerCase(unittest.TestCase):
    """Test cases that share one server; `flags` and `errors` are the class's."""

    flags, errors, token, server = (), (), None, None
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.server = Server(*cls.flags, errors=cls.errors, token=cls.token)
        cls.server.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None)

    @property
    def s(self):
        return self.server

    def expect(self, response, status):
        self.assertEqual(response.status, status, response)
        return response

    def problem(self, response, status, kind):
        """An RFC 9457 answer of this status and type; its JSON."""
        self.assertEqual(response.status, status, response)
        self.assertEqual(response.headers["Content-Type"], "application/problem+json")
        body = response.json
        self.assertEqual(body["type"], "/problems/" + kind, body)
        self.assertEqual(body["status"], status)
        self.assertTrue(body["title"] and body["requestId"], body)
        return body

    def create(self, name, namespace="default", **changes):
        """An experiment whose trials are asked for by workers; returns its path."""
        path = f"/api/v1/namespaces/{namespace}/experiments"
        self.expect(self.s.post(path, document(name, **changes)), 201)
        return f"{path}/{name}"

    def ask(self, path, worker="w", count=1, **more):
        r = self.expect(self.s.post(path + "/trials:ask", {"workerId": worker, "count": count, **more}), 200)
        return r.json["trials"]


def document(name, labels=None, objectives=None, parameters=None, algorithm=None, budget=None, **spec):
    """A small native document. Without a trial block its trials are asked for by workers."""
    metadata = {"name": name}
    if labels:
        metadata["labels"] = labels
    return {
        "apiVersion": "trimtab/v1", "kind": "Experiment", "metadata": metadata,
        "spec": {
            "objectives": objectives or [{"metric": "loss", "direction": "minimize"}],
            "parameters": parameters or {
                "lr": {"type": "double", "min": 1e-5, "max": 0.1, "scale": "log"},
                "layers": {"type": "int", "min": 1, "max": 6},
                "optimizer": {"type": "categorical", "values": ["sgd", "adam"]}},
            "algorithm": algorithm or {"name": "random", "seed": 1},
            "budget": budget or {"maxTrials": 100, "parallelTrials": 20},
            **spec}}


def alive(pid):
    """It is there, and not only as what its parent has not looked at."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            return f.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Events:
    """Reads server-sent events on a thread; events() is what came so far."""

    def __init__(self, port, path, token=None, headers=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
        headers = {"Accept": "text/event-stream", **(headers or {})}
        if token:
            headers["Authorization"] = "Bearer " + token
        self.connection.request("GET", path, headers=headers)
        self.response = self.connection.getresponse()
        self.received, self.raw = [], []
        self.thread = threading.Thread(target=self.read, daemon=True)
        if self.response.status == 200:
            self.thread.start()

    def read(self):
        event = {}
        with contextlib.suppress(OSError, ValueError, AttributeError, http.client.HTTPException):
            for line in self.response:
                line = line.decode().rstrip("\n")
                self.raw.append(line)
                key, _, value = line.partition(": ")
                if not line and "data" in event:
                    self.received.append((event.get("event", "message"), json.loads(event["data"])))
                if not line:
                    event = {}
                elif key:
                    event[key] = value

    def wait_for(self, test, what):
        return wait(lambda: next((e for e in list(self.received) if test(*e)), None),
                    lambda: f"{what}; came: {self.received[-20:]}")

    def close(self):
        with contextlib.suppress(OSError):
            if self.connection.sock:
                self.connection.sock.shutdown(socket.SHUT_RDWR)
        self.connection.close()
