"""The commands of a page of documentation, run as printed: one shell a block, one home and one port for all, so
what a block starts, the next finds."""
import os
import re
import socket
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("TRIMTAB_BIN") or os.path.join(ROOT, "build/release/trimtab")
ADDRESS = "127.0.0.1:8746"

# Run elsewhere: these are what runs this test, or what its phases are.
ONLY_TARGETS = re.compile(r"^make (check|test)\b")


def blocks(path, language="sh"):
    with open(path, encoding="utf-8") as file:
        return re.findall(rf"^```{language}\n(.*?)^```", file.read(), re.M | re.S)


def free_address():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


class Page(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="trimtab-readme-", dir="/tmp")
        os.chmod(cls.folder.name, 0o755)
        cls.address = free_address()
        home = cls.folder.name
        cls.env = {
            "PATH": os.path.dirname(BINARY) + os.pathsep + os.environ["PATH"], "HOME": home, "LANG": "C.UTF-8",
            "XDG_DATA_HOME": home + "/data", "XDG_STATE_HOME": home + "/state", "XDG_CONFIG_HOME": home + "/config",
            "TRIMTAB_LISTEN": cls.address, "PYTHONDONTWRITEBYTECODE": "1",
        }
        cls.env.update({key: os.environ[key] for key in os.environ if key.endswith("SAN_OPTIONS") or key == "CC"})

    @classmethod
    def tearDownClass(cls):
        path = cls.folder.name + "/server.pid"
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                pid = int(file.read())
            subprocess.run(f"kill {pid}; for i in $(seq 300); do kill -0 {pid} 2>/dev/null || exit 0; sleep 0.1; done", shell=True,
                           stderr=subprocess.DEVNULL, check=False)
        cls.folder.cleanup()

    def shell(self, script):
        script = script.replace(ADDRESS, self.address)
        script = re.sub(r"^(trimtab serve) &$", rf"\1 >{self.folder.name}/serve.log 2>&1 & echo $! >{self.folder.name}/server.pid",
                        script, flags=re.M)
        script = re.sub(r"--out-dir out|-O first.csv", lambda m: m.group().replace(" ", f" {self.folder.name}/"), script)
        script = "\n".join("make -n " + line.split()[1] + " >/dev/null" if ONLY_TARGETS.match(line) else line
                           for line in script.splitlines())
        script = re.sub(r"^make( demo| help)?(?= |$)(?! -n)", r"make -s\1", script, flags=re.M)
        done = subprocess.run(["bash", "-eu", "-c", script], cwd=ROOT, env=self.env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600, check=False)
        self.assertEqual(done.returncode, 0, script + "\n" + done.stdout)
        return done.stdout
