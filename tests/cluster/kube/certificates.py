"""The cluster's own authority, a certificate for each who speaks to the API server, and kubeconfigs."""
import base64
import json
import os
import subprocess

EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-days", "365"]
ADMIN = "/O=system:masters/CN=admin"
SUBJECTS = {
    "kube-apiserver": "/CN=kube-apiserver",
    "admin": ADMIN,
    "kube-controller-manager": "/CN=system:kube-controller-manager",
    "kube-scheduler": "/CN=system:kube-scheduler",
    "kube-proxy": "/CN=system:kube-proxy",
    "kubelet": "/O=system:nodes/CN=system:node:",
}


class Authority:
    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def openssl(self, *words):
        done = subprocess.run(["openssl", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            raise AssertionError(f"openssl {' '.join(words)}: {done.stdout}")

    def make(self, node, names):
        """The authority, the key pair of service accounts and the certificates. `names`: those of the node."""
        self.openssl("req", "-x509", *EC, "-keyout", self.path("ca.key"), "-out", self.path("ca.crt"),
                     "-subj", "/CN=test-authority")
        self.openssl("genrsa", "-out", self.path("accounts.key"), "2048")
        self.openssl("rsa", "-in", self.path("accounts.key"), "-pubout", "-out", self.path("accounts.pub"))
        for name, subject in SUBJECTS.items():
            self.issue(name, subject + (node if name == "kubelet" else ""), names)

    def issue(self, name, subject, names=("DNS:localhost",)):
        self.openssl("req", "-x509", "-CA", self.path("ca.crt"), "-CAkey", self.path("ca.key"), *EC,
                     "-keyout", self.path(name + ".key"), "-out", self.path(name + ".crt"), "-subj", subject,
                     "-addext", "subjectAltName=" + ",".join(names), "-addext", "basicConstraints=critical,CA:FALSE",
                     "-addext", "extendedKeyUsage=serverAuth,clientAuth")

    def data(self, name):
        with open(self.path(name), "rb") as f:
            return base64.b64encode(f.read()).decode()

    def kubeconfig(self, path, server, user, namespace="default"):
        """`user`: {"token": ...}, or the name of one with a certificate. One file that needs no other."""
        if isinstance(user, str):
            user = {"client-certificate-data": self.data(user + ".crt"),
                    "client-key-data": self.data(user + ".key")}
        document = {
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": server,
                                                      "certificate-authority-data": self.data("ca.crt")}}],
            "users": [{"name": "user", "user": user}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "user", "namespace": namespace}}]}
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as f:
            json.dump(document, f, indent=1)
        return path
