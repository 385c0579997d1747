# tier: quick
"""The API's edges: every error, the description, health, limits."""
import os
import re
import socket
import subprocess
import sys
import unittest

from harness import API, ROOT, ServerCase, document


class Errors(ServerCase):
    def test_paths_and_methods(self):
        p = self.problem(self.s.get("/nothing/here"), 404, "not-found")
        self.assertIn("/openapi.json", p["detail"])
        self.assertEqual(p["instance"], "/nothing/here")
        r = self.s.request("PUT", API)
        self.problem(r, 405, "method-not-allowed")
        self.assertEqual(set(r.headers["Allow"].split(", ")), {"GET", "HEAD", "POST", "OPTIONS"})
        self.assertEqual(self.s.request("OPTIONS", API).status, 204)
        r = self.s.request("HEAD", "/api/v1/algorithms")
        self.assertEqual((r.status, r.body), (200, b""))
        self.assertIn(self.s.get("/api/v1/namespaces/%zz/experiments").status, (400, 404))
        self.assertIn(self.s.get("/api/v1/namespaces/%00/experiments").status, (400, 404))
        self.assertIn(self.s.get("/api/v1/namespaces/%ff/experiments").status, (400, 404))

    def test_malformed_documents(self):
        for text, kind in (("{", "json"), ('{"a":1,}', "json"), ('{"a":1,"a":2}', "json"), ("[" * 1000, "json"),
                           ('{"a":"\\u0000"}', "json"), ("a: [", "yaml"), ("a: 1\na: 2", "yaml"), ("&a [*a]", "yaml"), ("", "json")):
            r = self.s.post(API, text, headers={"Content-Type": "application/" + kind})
            self.problem(r, 400, "malformed")
        p = self.problem(self.s.post(API, '{\n  "apiVersion": tru\n}', headers={"Content-Type": "application/json"}), 400, "malformed")
        self.assertRegex(p["detail"], r"line 2")
        self.problem(self.s.post(API, b'{"a":"\xff"}', headers={"Content-Type": "application/json"}), 400, "malformed")
        for text in ("null", "[]", "3", '"x"', "{}"):
            self.problem(self.s.post(API, text, headers={"Content-Type": "application/json"}), 422, "invalid-experiment")

    def test_media_types(self):
        for kind in ("image/png", "text/html", "application/x-www-form-urlencoded"):
            self.problem(self.s.post(API, "x", headers={"Content-Type": kind}), 415, "media-type")
        self.expect(self.s.post("/api/v1/validate", document("x"), headers={"Content-Type": "application/json; charset=utf-8"}), 200)

    def test_too_large(self):
        p = self.problem(self.s.post(API, b" " * ((1 << 20) + 1), headers={"Content-Type": "application/json"}), 413, "too-large")
        self.assertIn("1048576", p["detail"])
        self.expect(self.s.get("/healthz"), 200)

    def test_bodies_where_none_belongs(self):
        path = self.create("bodies")
        self.expect(self.s.post(path + "/pause", {}), 202)
        self.problem(self.s.post(path + "/pause", {"x": 1}), 400, "malformed")
        self.problem(self.s.post(path + "/restart", {"colour": 1}), 422, "invalid")

    def test_queries(self):
        path = self.create("queries")
        for query in ("colour=red", "limit=-1", "limit=1.5", "limit=1&limit=2", "limit=%zz"):
            r = self.s.get(path + "/trials?" + query)
            self.assertIn(r.status, (400, 422), (query, r))
        r = self.s.get(path + "/trials?lmit=1")
        self.assertEqual(r.json["errors"][0].get("didYouMean"), ["limit"], r)

    def test_request_ids(self):
        r = self.s.get("/nothing", headers={"X-Request-Id": "mine-1"})
        self.assertEqual(r.headers["X-Request-Id"], "mine-1")
        self.assertEqual(r.json["requestId"], "mine-1")
        self.assertTrue(self.s.get("/healthz").headers["X-Request-Id"])

    def test_raw_garbage(self):
        for text in (b"GET\r\n\r\n", b"\x00\x01\x02\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"POST " + API.encode() +
                     b" HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", self.s.port), 10) as c:
                c.sendall(text)
                c.shutdown(socket.SHUT_WR)
                answer = b""
                while part := c.recv(65536):
                    answer += part
            self.assertTrue(answer == b"" or re.match(rb"HTTP/1.1 (4\d\d|505|501)", answer), (text[:40], answer[:200]))
        self.expect(self.s.get("/healthz"), 200)

    def test_every_list_of_nothing(self):
        path = self.create("empty")
        self.assertEqual(self.s.get("/api/v1/namespaces/nowhere/experiments").json, {"items": [], "remainingItemCount": 0})
        self.assertEqual(self.s.get(path + "/trials").json["items"], [])
        self.assertEqual(self.s.get(path + "/metrics?metric=loss").json, {"metric": "loss", "items": []})
        best = self.s.get(path + "/best").json
        self.assertEqual((best["trial"], best["parameters"], best["values"]), (None, None, None))


class Description(ServerCase):
    def test_root(self):
        r = self.expect(self.s.get("/api/v1"), 200).json
        self.assertEqual(r["limits"]["metricPointsPerRequest"], 1000)
        self.assertEqual(r["limits"]["metricBytesPerRequest"], 1 << 20)
        for name, link in r["links"].items():
            if "{" not in link and name != "watch":
                self.expect(self.s.get(link), 200 if name != "validate" else 405)

    def test_health(self):
        self.assertEqual(self.expect(self.s.get("/healthz"), 200).text, "ok\n")
        r = self.expect(self.s.get("/readyz"), 200).json
        self.assertEqual(r["status"], "ready")
        self.assertTrue({"database", "migrations", "executor/local"} <= {c["name"] for c in r["checks"]}, r)
        self.assertTrue(all(c["ok"] for c in r["checks"]))
        self.assertRegex(self.s.get("/version").json["version"], r"^\d+\.\d+")

    def test_metrics(self):
        path = self.create("counted")
        (t,) = self.ask(path)
        self.expect(self.s.post(t["links"]["metrics"], {"loss": 0.4}), 200)
        text = self.expect(self.s.get("/metrics"), 200).text
        for line in ('trimtab_experiments{state="running"} 1', "trimtab_leader 1", 'trimtab_trials{state="running"} 1',
                     'trimtab_trials_finished_total{outcome="succeeded"} 0', "trimtab_metric_points_total 1",
                     'trimtab_suggestion_duration_seconds_count{algorithm="random"} 1',
                     "trimtab_trial_start_delay_seconds_count 1"):
            self.assertIn("\n" + line + "\n", text)
        self.assertRegex(text, r"\ntrimtab_db_query_duration_seconds_count [1-9]")
        self.assertRegex(text, r"\ntrimtab_loop_pass_seconds_count [1-9]")
        self.assertIn("trimtab_build_info{", text)
        self.assertRegex(text, r'trimtab_http_requests_total\{[^}]*\} \d')
        for line in text.splitlines():
            self.assertRegex(line, r'^(# (HELP|TYPE) .*|[a-z_]+(\{.*\})? [-+0-9.eInfNa]+)$')
        self.assertNotIn("counted", text, "no names of experiments as labels")

    def test_algorithms(self):
        items = self.expect(self.s.get("/api/v1/algorithms"), 200).json["items"]
        names = [a["name"] for a in items]
        self.assertTrue({"random", "grid", "sobol"} <= set(names), names)
        self.assertEqual([a["name"] for a in items if a["isDefault"]], ["auto"])
        for a in items:
            self.assertEqual(self.s.get("/api/v1/algorithms/" + a["name"]).json, a)
            for setting in a["settings"]:
                self.assertIn(setting["type"], ("bool", "int", "double", "categorical", "parameter", "string"))
                self.assertTrue(setting["description"])
        p = self.problem(self.s.get("/api/v1/algorithms/sobl"), 404, "not-found")
        self.assertIn("sobol", p["detail"])

    def test_problem_types(self):
        for type_, status in (("invalid-experiment", 422), ("wrong-state", 409), ("not-found", 404), ("slow-down", 429)):
            r = self.expect(self.s.get("/problems/" + type_), 200).json
            self.assertEqual((r["type"], r["status"]), (type_, status))
        self.problem(self.s.get("/problems/ok"), 404, "not-found")
        self.problem(self.s.get("/problems/none"), 404, "not-found")

    def test_openapi_covers_the_routes(self):
        doc = self.expect(self.s.get("/openapi.json"), 200).json
        self.assertEqual(doc["openapi"], "3.1.0")
        base = "/api/v1/namespaces/{ns}/experiments"
        for path, methods in {base: {"get", "post"}, base + "/{name}": {"get", "patch", "delete"}, base + "/{name}/best": {"get"},
                              base + "/{name}/trials:ask": {"post"}, base + "/{name}/trials/{trial}:tell": {"post"},
                              base + "/{name}/trials/{trial}/metrics": {"get", "post"}, "/api/v1/watch": {"get"}}.items():
            self.assertEqual(set(doc["paths"][path]), methods, path)
        ids = [o["operationId"] for p in doc["paths"].values() for o in p.values()]
        self.assertEqual(len(ids), len(set(ids)))

        def refs(v):
            if isinstance(v, dict):
                if "$ref" in v:
                    yield v["$ref"]
                for x in v.values():
                    yield from refs(x)
            elif isinstance(v, list):
                for x in v:
                    yield from refs(x)
        for ref in refs(doc):
            node = doc
            for key in ref.lstrip("#/").split("/"):
                self.assertIn(key, node, ref)
                node = node[key]

    def test_the_reference_page_is_this_document(self):
        page = subprocess.run([sys.executable, os.path.join(ROOT, "tools/rest-reference")], input=self.s.get("/openapi.json").body,
                              capture_output=True, check=True).stdout.decode()
        with open(os.path.join(ROOT, "docs/reference/rest.md"), encoding="utf-8") as f:
            self.assertEqual(f.read(), page, "run: curl -s localhost:8746/openapi.json | tools/rest-reference > docs/reference/rest.md")

    def test_openapi_is_valid(self):
        """By the validator of the OpenAPI tools, in a virtual environment under build/."""
        venv = os.path.join(ROOT, "build", "venv-openapi")
        python = os.path.join(venv, "bin", "python")
        try:
            if not os.path.exists(os.path.join(venv, "done")):
                subprocess.run([sys.executable, "-m", "venv", venv], check=True, capture_output=True)
                subprocess.run([python, "-m", "pip", "install", "-q", "openapi-spec-validator==0.7.1"], check=True, capture_output=True)
                open(os.path.join(venv, "done"), "w").close()
        except (subprocess.CalledProcessError, OSError) as e:
            self.skipTest(f"the validator cannot be installed: {e}")
        done = subprocess.run([python, "-m", "openapi_spec_validator", "-"], input=self.s.get("/openapi.json").body,
                              capture_output=True, timeout=120)
        self.assertEqual(done.returncode, 0, (done.stdout + done.stderr).decode())


if __name__ == "__main__":
    unittest.main()
