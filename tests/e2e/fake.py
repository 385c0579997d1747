"""A server for testing the command line alone: answers what the test says, remembers what was asked."""
import http.server
import json
import os
import subprocess
import tempfile
import threading

BINARY = os.environ.get("TRIMTAB_BIN") or os.path.abspath("build/release/trimtab")


def problem(status, kind, title, detail="", **more):
    return status, dict(type=f"/problems/{kind}", title=title, status=status, detail=detail, **more)


def experiment(name="digits", state="running", best=True, finished=3, total=10, **status):
    doc = {
        "apiVersion": "trimtab/v1", "kind": "Experiment",
        "metadata": {"name": name, "namespace": "default", "resourceVersion": "1", "createdAt": "2026-11-22T10:00:00Z"},
        "spec": {"objectives": [{"metric": "loss", "direction": "minimize", "strategy": "min"}],
                 "parameters": {"lr": {"type": "double", "min": 0, "max": 1, "scale": "log"},
                                "opt": {"type": "categorical", "values": ["sgd", "adam"]}},
                 "algorithm": {"name": "sobol", "settings": {}}, "budget": {"maxTrials": total}},
        "status": {"state": state, "reason": "MaxTrialsReached" if state == "succeeded" else None, "message": "",
                   "startTime": "2026-11-22T10:00:00Z", "completionTime": None, "trials": finished,
                   "progress": {"finished": finished, "total": total, "etaSeconds": 5}, "trialsVersion": finished, **status},
    }
    if best:
        doc["status"]["currentOptimalTrial"] = {"bestTrialName": f"{name}-abcdefgh", "number": 2,
                                                "parameters": {"lr": 0.1 + 0.2, "opt": "adam"}, "values": {"loss": 0.25}}
    return doc


def trial(number, state="succeeded", version=None, **more):
    return {"name": f"digits-{number:08d}", "number": number, "attempt": 1, "state": state, "reason": None, "message": None,
            "parameters": {"lr": number / 10, "opt": "adam"}, "values": {"loss": 1 / number}, "version": version or number,
            "createdAt": "2026-11-22T10:00:00Z", "startedAt": "2026-11-22T10:00:00Z", "finishedAt": "2026-11-22T10:00:09Z",
            **more}


class Fake:
    """routes: "GET /path" (without the query) -> body, (status, body), or a function of the request."""

    def __init__(self, routes):
        self.routes, self.requests = routes, []
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                request = {"method": self.command, "path": self.path, "body": self.rfile.read(length).decode(),
                           "headers": dict(self.headers)}
                fake.requests.append(request)
                route = fake.routes.get(f"{self.command} {self.path.split('?')[0]}")
                if callable(route):
                    route = route(request)
                if route is None:
                    route = problem(404, "not-found", "There is no such resource", self.path)
                status, body, *headers = route if isinstance(route, tuple) else (200, route)
                data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
                self.send_response(status)
                kind = "text/plain" if isinstance(body, str) else "application/problem+json" if status >= 400 else \
                    "application/json"
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                for name, value in (headers[0] if headers else {}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PATCH = do_DELETE = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def asked(self, method, path):
        return [r for r in self.requests if r["method"] == method and r["path"].split("?")[0] == path]


def run(*words, server=None, stdin=None, env=None, cwd=None, timeout=60):
    """The program with a clean environment; (exit code, stdout, stderr)."""
    with tempfile.TemporaryDirectory() as home:
        clean = {"PATH": os.environ["PATH"], "HOME": home, "LANG": "C.UTF-8"}
        clean.update({key: value for key, value in os.environ.items() if key.endswith("SAN_OPTIONS")})
        if server:
            clean["TRIMTAB_SERVER"] = server
        clean.update(env or {})
        done = subprocess.run([BINARY, *words], input=stdin, stdin=subprocess.DEVNULL if stdin is None else None, env=clean,
                              cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout,
                              check=False)
    return done.returncode, done.stdout, done.stderr
