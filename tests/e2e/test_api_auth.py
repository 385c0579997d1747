# tier: quick
"""Who may do what: tokens of users with roles in namespaces, tokens of trials."""
import hashlib
import hmac
import unittest

from harness import API, ServerCase, document

ADMIN = "an-administrator-of-the-tests"
RED = "/api/v1/namespaces/red/experiments"
BLUE = "/api/v1/namespaces/blue/experiments"


class Tokens(ServerCase):
    flags = ("--require-tokens", "--admin-token", ADMIN)
    token = ADMIN

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.secrets = {}
        for name, namespace, role in (("viewer-red", "red", "viewer"), ("editor-red", "red", "editor"),
                                      ("admin-red", "red", "admin"), ("viewer-all", "*", "viewer"),
                                      ("editor-all", "*", "editor")):
            r = cls.server.post("/api/v1/tokens", {"name": name, "namespace": namespace, "role": role})
            assert r.status == 201, r
            cls.secrets[name] = r.json["token"]
        assert cls.server.post(RED, document("seen")).status == 201
        assert cls.server.post(BLUE, document("seen")).status == 201

    def as_(self, name):
        return self.secrets[name]

    def test_without_or_with_a_wrong_token(self):
        c = self.s.client()
        for token in ("", "ttu_wrong", "tt_1_1_00", "x" * 5000):
            r = c.get(RED, token=token)
            self.assertIn(r.status, (401, 431, 400), r)
            if r.status == 401:
                self.assertIn("Bearer", r.headers["WWW-Authenticate"])
        r = c.get(RED, headers={"Authorization": "Basic dTpw"})
        self.problem(r, 401, "unauthenticated")
        for path in ("/healthz", "/readyz", "/version", "/api/v1", "/openapi.json", "/metrics"):
            self.assertEqual(c.get(path).status, 200, path)
        c.close()

    def test_roles(self):
        rows = (  # token, method, path, body, expected
            ("viewer-red", "GET", RED, None, 200),
            ("viewer-red", "GET", RED + "/seen", None, 200),
            ("viewer-red", "POST", RED, document("v"), 403),
            ("viewer-red", "POST", RED + "/seen/pause", None, 403),
            ("viewer-red", "POST", RED + "/seen/trials:ask", {"workerId": "w"}, 403),
            ("viewer-red", "DELETE", RED + "/seen", None, 403),
            ("viewer-red", "GET", BLUE + "/seen", None, 403),
            ("viewer-red", "GET", "/api/v1/tokens", None, 403),
            ("viewer-red", "GET", "/api/v1/algorithms", None, 200),
            ("editor-red", "POST", RED, document("by-editor"), 201),
            ("editor-red", "POST", BLUE, document("by-editor"), 403),
            ("editor-red", "DELETE", RED + "/by-editor", None, 200),
            ("editor-red", "GET", "/api/v1/tokens", None, 403),
            ("admin-red", "GET", "/api/v1/tokens", None, 403),
            ("admin-red", "POST", "/api/v1/tokens", {"name": "x", "role": "viewer"}, 403),
            ("viewer-all", "GET", BLUE + "/seen", None, 200),
            ("viewer-all", "POST", BLUE, document("x"), 403),
            ("editor-all", "POST", BLUE, document("by-all"), 201),
            ("editor-all", "GET", "/api/v1/tokens", None, 403),
        )
        for name, method, path, body, status in rows:
            r = self.s.request(method, path, body, token=self.as_(name))
            self.assertEqual(r.status, status, (name, method, path, r))
            if status == 403:
                self.problem(r, 403, "forbidden")

    def test_lists_over_namespaces(self):
        def namespaces(name, query=""):
            r = self.s.get("/api/v1/experiments" + query, token=self.as_(name))
            return r.status, {x["metadata"]["namespace"] for x in r.json.get("items", [])}
        self.assertEqual(namespaces("viewer-red"), (200, {"red"}))
        self.assertEqual(namespaces("viewer-red", "?namespace=blue")[0], 403)
        self.assertEqual(namespaces("viewer-all"), (200, {"red", "blue"}))
        self.assertEqual(self.s.get("/api/v1/watch?namespace=blue", token=self.as_("viewer-red")).status, 403)

    def test_created_by(self):
        r = self.s.post(RED, document("mine"), token=self.as_("editor-red"))
        self.assertEqual(r.json["metadata"]["createdBy"], "editor-red")
        self.expect(self.s.post(RED + "/mine/pause", token=self.as_("editor-red")), 202)
        newest = self.s.get(RED + "/mine/events?limit=1").json["items"][0]
        self.assertIn("editor-red", newest["message"])

    def test_life_of_a_token(self):
        r = self.expect(self.s.post("/api/v1/tokens", {"name": "brief", "namespace": "red", "role": "viewer", "expiresIn": "1h"}), 201)
        self.assertEqual(r.headers["Location"], "/api/v1/tokens/brief")
        secret = r.json["token"]
        self.assertTrue(r.json["expiresAt"] > r.json["createdAt"])
        self.problem(self.s.post("/api/v1/tokens", {"name": "brief", "role": "viewer"}), 409, "already-exists")
        self.expect(self.s.get(RED, token=secret), 200)
        listed = self.expect(self.s.get("/api/v1/tokens"), 200)
        self.assertIn("brief", [t["name"] for t in listed.json["items"]])
        self.assertNotIn(secret, listed.text)
        self.assertNotIn("token", listed.json["items"][0])
        self.expect(self.s.delete("/api/v1/tokens/brief"), 204)
        self.problem(self.s.get(RED, token=secret), 401, "unauthenticated")
        self.problem(self.s.delete("/api/v1/tokens/brief"), 404, "not-found")
        for bad in ({"name": "A b", "role": "viewer"}, {"name": "x"}, {"name": "x", "role": "king"},
                    {"name": "x", "role": "viewer", "namespace": "No!"}, {"name": "x", "role": "viewer", "expiresIn": "soon"}):
            self.problem(self.s.post("/api/v1/tokens", bad), 422, "invalid")

    def test_secrets_are_not_logged(self):
        log = self.s.log()
        for secret in (ADMIN, *self.secrets.values()):
            self.assertNotIn(secret, log)


class TrialTokens(ServerCase):
    """What a trial's own token may do: report to and read its own trial, nothing else."""
    flags = ("--require-tokens", "--admin-token", ADMIN)
    token = ADMIN

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        s = cls.server
        spec = {"trial": {"command": ["sh", "-c", "echo token=$TRIMTAB_TOKEN; sleep 600", "${lr}"],
                          "metrics": {"collector": "push"}}}
        for name in ("one", "two"):
            doc = document(name, parameters={"lr": {"type": "double", "min": 0, "max": 1}},
                           budget={"maxTrials": 2, "parallelTrials": 2}, **spec)
            r = s.post(API, doc)
            assert r.status == 201, r

    def secret_of(self, path, number):
        from harness import wait

        def printed():
            r = self.s.get(f"{path}/trials/{number}/logs")
            lines = [x for x in r.text.splitlines() if x.startswith("token=")] if r.status == 200 else []
            return lines[0][6:] if lines else None
        return wait(printed, "the trial prints its token")

    @classmethod
    def tearDownClass(cls):
        from harness import wait
        for name in ("one", "two"):
            cls.server.post(f"{API}/{name}/cancel")
        wait(lambda: all(cls.server.get(f"{API}/{n}").json["status"]["state"] == "stopped" for n in ("one", "two")), "all is cancelled")
        super().tearDownClass()

    def test_own_trial_only(self):
        path, other = API + "/one", API + "/two"
        secret = self.secret_of(path, 1)
        for method, where, body, status in (
                ("GET", path + "/trials/1", None, 200),
                ("POST", path + "/trials/1/metrics", {"loss": 1, "step": 0}, 200),
                ("POST", path + "/trials/1/heartbeat", None, 200),
                ("GET", path + "/trials/1/metrics", None, 200),
                ("GET", path + "/trials/1/logs", None, 200),
                ("GET", path + "/trials/2", None, 403),
                ("POST", path + "/trials/2/metrics", {"loss": 1}, 403),
                ("GET", path + "/trials/2/logs", None, 403),
                ("GET", other + "/trials/1", None, 403),
                ("POST", other + "/trials/1/metrics", {"loss": 1}, 403),
                ("GET", path, None, 403),
                ("GET", path + "/trials", None, 403),
                ("GET", API, None, 403),
                ("GET", "/api/v1/experiments", None, 403),
                ("POST", path + "/trials/1:tell", {"values": {"loss": 0}}, 403),
                ("POST", path + "/trials/1:kill", None, 403),
                ("POST", path + "/stop", None, 403),
                ("DELETE", path, None, 403),
                ("GET", "/api/v1/tokens", None, 403)):
            r = self.s.request(method, where, body, token=secret)
            self.assertEqual(r.status, status, (method, where, r))

    def test_forged(self):
        path = API + "/one"
        secret = self.secret_of(path, 1)
        head, _, mac = secret.rpartition("_")
        flipped = mac[:-1] + ("0" if mac[-1] != "0" else "1")
        kind, experiment, number = head.split("_")
        guess = hmac.new(b"", head.encode(), hashlib.sha256).hexdigest()
        for forged in (f"{head}_{flipped}", f"{kind}_{experiment}_2_{mac}", f"{head}_", head, f"{head}_{mac}00", f"{head}_{guess}"):
            self.problem(self.s.get(path + "/trials/2", token=forged), 401, "unauthenticated")

    def test_of_a_deleted_experiment(self):
        """Its trial hears that it should end; once everything is purged, that it is gone."""
        from harness import wait
        for query in ("", "?purge=true"):
            doc = document("three", parameters={"lr": {"type": "double", "min": 0, "max": 1}}, budget={"maxTrials": 1, "parallelTrials": 1},
                           trial={"command": ["sh", "-c", "trap '' TERM; echo token=$TRIMTAB_TOKEN; sleep 600", "${lr}"], "terminationGracePeriodSeconds": 1})
            self.expect(self.s.post(API, doc), 201)
            secret = self.secret_of(API + "/three", 1)
            self.expect(self.s.delete(API + "/three" + query), 200)
            report = lambda: self.s.post(API + "/three/trials/1/metrics", {"loss": 1, "step": 0}, token=secret)
            if query:
                self.problem(report(), 410, "gone")
            else:
                wait(lambda: report().json.get("stop"), lambda: f"it is told to stop: {report()}")

    def test_not_logged(self):
        self.assertNotIn(self.secret_of(API + "/one", 1).rpartition("_")[2], self.s.log())


if __name__ == "__main__":
    unittest.main()
