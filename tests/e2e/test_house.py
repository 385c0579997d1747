# tier: quick
"""The tools of the house: installation, the package installer, the test runner."""
import os
import stat
import subprocess
import tempfile
import unittest

from fake import BINARY

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Folder(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="trimtab-house-")
        self.addCleanup(holder.cleanup)
        self.folder = holder.name

    def script(self, name, text, folder=None):
        path = os.path.join(folder or self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
        return path


class Install(Folder):
    def make(self, *words):
        env = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
        kind = os.path.basename(os.path.dirname(BINARY))
        variant = [f"SAN={kind[4:].replace('-', ',')}"] if kind.startswith("san-") else \
            [f"BUILD={kind}"] if kind in ("release", "debug", "cover") else []
        done = subprocess.run(["make", "-s", *variant, f"DESTDIR={self.folder}", "PREFIX=/opt/trimtab", *words], cwd=ROOT, env=env,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)

    def files(self):
        return sorted(os.path.relpath(os.path.join(base, name), self.folder + "/opt/trimtab")
                      for base, _, names in os.walk(self.folder) for name in names)

    def test_install_and_uninstall(self):
        self.make("install")
        self.assertEqual(self.files(), [
            "bin/trimtab", "bin/trimtab-collect", "lib/systemd/system/trimtab.service",
            "share/bash-completion/completions/trimtab",
            "share/fish/vendor_completions.d/trimtab.fish", "share/man/man1/trimtab.1", "share/zsh/site-functions/_trimtab"])
        base = self.folder + "/opt/trimtab/"
        subprocess.run([base + "bin/trimtab", "version", "--client"], check=True, stdout=subprocess.DEVNULL)
        with open(base + "lib/systemd/system/trimtab.service", encoding="utf-8") as file:
            self.assertIn("ExecStart=/opt/trimtab/bin/trimtab serve\n", file.read())
        with open(base + "share/man/man1/trimtab.1", encoding="utf-8") as file:
            self.assertTrue(file.read().startswith(".Dd"))
        self.make("uninstall")
        self.assertEqual(self.files(), [])


class Setup(Folder):
    """tools/setup with a package manager that only writes down what it was asked."""

    def run_setup(self, *purposes, installed, uid=0, apt="exit 0"):
        tools = self.folder + "/bin"
        rows = "\\n".join(f"installed {name}" for name in installed)
        self.script("dpkg-query", f"#!/bin/sh\nprintf '{rows}\\n'\n", tools)
        self.script("apt-get", f"#!/bin/sh\necho \"$*\" >> {self.folder}/asked\n{apt}\n", tools)
        self.script("apt-cache", "#!/bin/sh\nexit 0\n", tools)
        self.script("id", f"#!/bin/sh\necho {uid}\n", tools)
        self.script("mkdir", "#!/bin/sh\nexit 0\n", tools)
        self.script("tee", "#!/bin/sh\ncat >/dev/null\n", tools)
        self.script("rm", "#!/bin/sh\nexit 0\n", tools)
        for name in ("awk", "cat", "env", "sh", "sed"):
            os.symlink(subprocess.run(["sh", "-c", f"command -v {name}"], stdout=subprocess.PIPE, text=True, check=True)
                       .stdout.strip(), os.path.join(tools, name))
        done = subprocess.run([os.path.join(ROOT, "tools/setup"), *purposes], env={"PATH": tools}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        asked = []
        if os.path.exists(self.folder + "/asked"):
            with open(self.folder + "/asked", encoding="utf-8") as file:
                asked = file.read().splitlines()
        return done.returncode, done.stderr, asked

    BUILD = ["gcc", "libc6-dev", "make", "pkg-config", "libevent-dev", "libpq-dev", "libcurl4-openssl-dev", "libcjson-dev",
             "libgsl-dev", "libopenblas-dev", "libfyaml-dev", "libssl-dev", "zlib1g-dev"]

    def test_nothing_is_missing(self):
        self.assertEqual(self.run_setup("build", installed=self.BUILD), (0, "", []))

    def test_what_is_missing_is_installed(self):
        code, err, asked = self.run_setup("build", installed=self.BUILD[3:])
        self.assertEqual(code, 0, err)
        self.assertEqual(asked[0], "-q -q update")
        self.assertTrue(asked[1].endswith("install gcc libc6-dev make"), asked)

    def test_neither_root_nor_sudo(self):
        code, err, asked = self.run_setup("build", installed=self.BUILD[1:], uid=1000)
        self.assertEqual((code, asked), (1, []))
        self.assertEqual(len(err.splitlines()), 1, err)
        self.assertIn("as root, run: apt-get install -y gcc", err)

    def test_no_network(self):
        code, err, _ = self.run_setup("build", installed=self.BUILD[1:], apt="exit 100")
        self.assertEqual(code, 1)
        self.assertIn("could not install gcc", err)

    def test_wrong_purpose(self):
        code, err, _ = self.run_setup("holidays", installed=[])
        self.assertEqual(code, 2)
        self.assertIn("usage", err)


class Runner(Folder):
    """tests/run: what counts as passed, failed and skipped."""

    def run_tests(self, *suites, code=1, flags=()):
        env = {key: value for key, value in os.environ.items() if key != "TALLY"}
        done = subprocess.run([os.path.join(ROOT, "tests/run"), *flags, *suites], env=env, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(done.returncode, code, done.stdout)
        return done.stdout, done.stdout.splitlines()[-1]

    def test_tap(self):
        suite = self.script("tap", "#!/bin/sh\necho 1..3\necho ok 1 - a\necho 'not ok 2 - b'\necho '# because'\n"
                                   "echo no postgres\necho 'not ok 3 # SKIP c'\nexit 1\n")
        out, last = self.run_tests(suite)
        self.assertEqual(last, "1 passed, 1 failed, 1 skipped")
        self.assertIn("not ok: b\n     because", out)
        self.assertIn("skipped: c: no postgres", out)

    def test_crash_hang_and_silence_are_failures(self):
        for text, words in (("echo 1..1; echo ok 1 - a; kill -SEGV $$", "SIGSEGV"), ("echo 1..1; sleep 60", "did not end in time"),
                            ("exit 0", "no test plan"), ("echo 1..1; echo ok 1 - a; exit 3", "status 3")):
            with self.subTest(words):
                out, last = self.run_tests(self.script("suite", f"#!/bin/sh\n{text}\n"), flags=("--timeout", "1"))
                self.assertIn(words, out)
                self.assertIn(" 1 failed, ", last)

    def test_a_python_case_that_hangs_says_where(self):
        suite = self.script("test_y.py", "import time, unittest\nclass A(unittest.TestCase):\n    def test_a(self): time.sleep(60)\n")
        out, last = self.run_tests(suite, flags=("--timeout", "1"))
        self.assertRegex(out, r"did not end in time(.*\n)+.*test_y.py\", line 3 in test_a")
        self.assertEqual(last, "0 passed, 1 failed, 0 skipped")

    def test_python_cases(self):
        suite = self.script("test_x.py", "import unittest\nclass A(unittest.TestCase):\n    def test_a(self): pass\n"
                                         "    def test_b(self): self.skipTest('not today')\n")
        out, last = self.run_tests(suite, code=0)
        self.assertEqual(last, "1 passed, 0 failed, 1 skipped")
        self.assertIn("skipped: A.test_b: not today", out)

    def test_tally(self):
        good = self.script("good", "#!/bin/sh\necho 1..1\necho ok 1 - a\n")
        tally = self.folder + "/tally"
        for _ in range(2):
            self.run_tests(good, code=0, flags=("--tally", tally))
        self.assertEqual(self.run_tests(code=0, flags=("--total", tally))[1], "2 passed, 0 failed, 0 skipped")


if __name__ == "__main__":
    unittest.main()
