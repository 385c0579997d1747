"""The API server spoken to directly: JSON over one TLS connection at a time, as the cluster's administrator."""
import http.client
import json
import ssl


class ApiError(Exception):
    def __init__(self, status, body):
        self.status, self.body = status, body
        super().__init__(f"{status}: {body}")


class Api:
    def __init__(self, host, port, authority, user="admin", timeout=30):
        self.host, self.port, self.timeout = host, port, timeout
        self.tls = ssl.create_default_context(cafile=authority.path("ca.crt"))
        self.tls.load_cert_chain(authority.path(user + ".crt"), authority.path(user + ".key"))

    def request(self, method, path, body=None, kind="application/json"):
        """The answer's document; its text if it is none."""
        connection = http.client.HTTPSConnection(self.host, self.port, context=self.tls, timeout=self.timeout)
        try:
            text = json.dumps(body) if body is not None else None
            connection.request(method, path, text, {"Content-Type": kind} if text else {})
            answer = connection.getresponse()
            said = answer.read().decode("utf-8", "replace")
        finally:
            connection.close()
        if answer.status >= 300:
            raise ApiError(answer.status, said)
        return json.loads(said) if answer.getheader("Content-Type", "").startswith("application/json") else said

    def get(self, path):
        return self.request("GET", path)

    def post(self, path, body):
        return self.request("POST", path, body)

    def merge(self, path, body):
        return self.request("PATCH", path, body, "application/merge-patch+json")

    def delete(self, path, **options):
        return self.request("DELETE", path, options or None)

    def answers(self, path="/readyz"):
        try:
            return self.get(path) == "ok"
        except (OSError, http.client.HTTPException, ApiError):
            return False
