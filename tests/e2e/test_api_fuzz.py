"""Every operation of the OpenAPI document with odd paths, queries and bodies: an answer, never a defect.

The document says what is there; what is sent is made from a fixed seed (FUZZ_SEED), FUZZ_REQUESTS (1000)
of it. Answers of 500 and above, answers that are no JSON where JSON is promised, and anything that a
sanitizer says fail the test.
"""
import json
import os
import random
import unittest
import urllib.parse

from harness import API, ServerCase, document

NAMES = ["default", "fuzzed", "nobody", "x" * 300, "..", "%2e%2e", "a b", "ü", "1", "0", "-1", "2147483648", "' OR 1=1 --", "trials:ask", "*"]
SCALARS = [None, True, False, 0, 1, -1, 2**31, 2**53, 2**63, 1e308, 5e-324, 0.1, "", "x", "NaN", "é\u2028", "a" * 5000, "30m", "-5s", "../..",
           "${lr}", "succeeded", "pending", "minimize", "min", "'", "\\", "%s%n"]
TEXTS = ["", "{", "[]", "null", "\ufeff{}", '{"a":1,"a":1}', "[" * 100, '"\\ud800"', "loss=1", "loss=", "=1", "loss=1e999", "a: [b", "- " * 50, "\x00", "loss=1\n" * 200]
MEDIA = ["application/json", "application/yaml", "text/plain", "application/x-ndjson", "application/merge-patch+json", "image/png", "", "application/json; charset=latin1"]
STREAMS = {"watch"}


class Fuzz(ServerCase):
    def setUp(self):
        self.random = random.Random(int(os.environ.get("FUZZ_SEED", "1")))
        self.doc = self.s.get("/openapi.json").json

    def value(self, schema, depth=0):
        """Something of the schema's shape, or not."""
        r = self.random
        if r.random() < 0.15 or depth > 6:
            return r.choice(SCALARS)
        if "$ref" in schema:
            return self.value(self.doc["components"]["schemas"][schema["$ref"].rpartition("/")[2]], depth)
        for key in ("oneOf", "anyOf"):
            if key in schema:
                return self.value(r.choice(schema[key]), depth)
        if "enum" in schema:
            return r.choice(schema["enum"])
        kind = schema.get("type")
        kind = r.choice(kind) if isinstance(kind, list) else kind
        if kind == "object" or "properties" in schema:
            out = {k: self.value(v, depth + 1) for k, v in schema.get("properties", {}).items()
                   if k in schema.get("required", []) or r.random() < 0.5}
            more = schema.get("additionalProperties")
            for _ in range(r.randrange(3) if more is not False else r.random() < 0.05):
                out[r.choice(["lr", "loss", "layers", "optimizer", "x y", "", "~/", "a" * 300])] = \
                    self.value(more if isinstance(more, dict) else {}, depth + 1)
            return out
        if kind == "array":
            return [self.value(schema.get("items", {}), depth + 1) for _ in range(r.randrange(4))]
        if kind == "integer":
            return r.choice([schema.get("minimum", 1), schema.get("maximum", 5), r.randrange(-3, 100)])
        if kind == "number":
            return r.choice([0.5, schema.get("minimum", 0), schema.get("maximum", 1), r.gauss(0, 10)])
        if kind == "boolean":
            return r.random() < 0.5
        return r.choice(SCALARS)

    def path(self, template):
        known = {"ns": ["default"], "name": ["fuzzed", "fuzzed2"], "trial": ["1", "2", "3"], "algorithm": ["random"], "token": ["t"]}
        for name, good in known.items():
            value = self.random.choice(good if self.random.random() < 0.8 else NAMES)
            template = template.replace("{%s}" % name, urllib.parse.quote(value, safe="" if self.random.random() < 0.9 else "%/:"))
        return template

    def query(self, operation):
        pairs = []
        for p in operation.get("parameters", []):
            if p["in"] == "query" and self.random.random() < 0.4:
                pairs.append((p["name"], self.value(p["schema"])))
        if self.random.random() < 0.05:
            pairs.append(("odd", "1"))
        text = urllib.parse.urlencode([(k, v if isinstance(v, str) else json.dumps(v)) for k, v in pairs])
        return "?" + text if text else ""

    def body(self, operation):
        if "requestBody" not in operation:
            return (None, {}) if self.random.random() < 0.9 else (self.random.choice(TEXTS).encode(), {})
        if self.random.random() < 0.2:
            return self.random.choice(TEXTS).encode("utf-8", "surrogatepass"), {"Content-Type": self.random.choice(MEDIA)}
        media, content = self.random.choice(list(operation["requestBody"]["content"].items()))
        if content["schema"].get("$ref", "").endswith("ExperimentDocument") and self.random.random() < 0.3:
            value = document(self.random.choice(["fuzzed", "fuzzed2"]))
        else:
            value = self.value(content["schema"])
        text = value if isinstance(value, str) else json.dumps(value)
        return text.encode("utf-8", "surrogatepass"), {"Content-Type": media}

    def test_every_operation(self):
        operations = [(path, method, op) for path, methods in self.doc["paths"].items() for method, op in methods.items()
                      if op["operationId"] not in STREAMS]
        self.create("fuzzed")
        self.ask(API + "/fuzzed", count=3)
        seen = set()
        for i in range(int(os.environ.get("FUZZ_REQUESTS", "1000"))):
            template, method, operation = operations[i] if i < len(operations) else self.random.choice(operations)
            body, headers = self.body(operation)
            path = self.path(template) + self.query(operation)
            if method == "delete" and self.random.random() < 0.8:
                continue
            if "follow=" in path:
                path = path.replace("follow=", "fellow=")
            answer = self.s.request(method.upper(), path, body, headers)
            seen.add((operation["operationId"], answer.status))
            what = (i, method, path, headers, body, answer)
            self.assertLess(answer.status, 500, what)
            if answer.status >= 400:
                self.assertEqual(answer.headers["Content-Type"], "application/problem+json", what)
                self.assertEqual(answer.json["status"], answer.status, what)
            elif answer.headers["Content-Type"] == "application/json":
                json.loads(answer.body)
        good = {name for name, status in seen if status < 300}
        self.assertGreater(len(good), len(operations) * 0.6, "most operations worked at least once: " + str(sorted(seen)))


if __name__ == "__main__":
    unittest.main()
