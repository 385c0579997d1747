"""A machine inside the machine: processes, mounts, network and host name of its own, as a container has.

    m = Machine(folder).start()
    m.run("ip", "link")                    # inside
    m.spawn("etcd", ["etcd", ...], log, env)
    os.kill(m.pid("etcd"), signal.SIGSTOP)
    m.end()                                # everything in it is gone, by the kernel's hand

So several may stand beside each other with the same ports and paths, nothing that runs in one changes the
machine below it, and nothing is left when it ends, however it ends. What it leaves are its folder, its control
groups and, for a moment, its link (network.py); end() removes these too.
"""
import contextlib
import errno
import glob
import os
import shutil
import signal
import subprocess
import sys

from . import network
from .process import children_of, identity, parent_of, read, stat, wait

INIT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "init.py")
NAMESPACES = ("mount", "pid", "net", "uts", "ipc")


class Refused(Exception):
    """The kernel, or not being root, forbids a machine: the tests that need one are skipped with this reason."""


def removed(place):
    try:
        os.rmdir(place)
    except OSError as error:
        return error.errno == errno.ENOENT
    return True


def unless_gone(_function, _path, error):
    """Somebody else may be sweeping as well."""
    if not isinstance(error[1], FileNotFoundError):
        raise error[1]


class Machine:
    def __init__(self, folder):
        self.folder = folder
        self.name = os.path.basename(folder)
        self.cgroup = self.name
        self.holder = None
        self.doors = []  # what stands out here for each program inside; it ends with it

    # -- its life

    def start(self, stay=False):
        """stay: it outlives this process, until somebody calls end(). Otherwise it ends with this process."""
        if os.geteuid() != 0:
            raise Refused("a cluster needs root")
        words = ["unshare", *("--" + n for n in NAMESPACES), "--fork", "--kill-child",
                 sys.executable, "-B", INIT, self.folder, "stay" if stay else "follow"]
        with open(self.path("init.log"), "w", encoding="ascii") as log:
            self.holder = subprocess.Popen(words, stdin=subprocess.DEVNULL if stay else subprocess.PIPE,
                                           stdout=subprocess.PIPE, stderr=log, start_new_session=True)
        said = self.holder.stdout.readline()
        if said != b"ready\n":
            self.holder.wait()
            raise Refused("no machine inside this machine: " + read(self.path("init.log")).strip())
        self.remember("init", children_of(self.holder.pid)[0])
        for controller in self.controllers():
            os.makedirs(os.path.join(controller, self.cgroup), exist_ok=True)
        return self

    def end(self):
        init = self.pid("init")
        if init:
            for name in os.listdir(self.path("pids")):
                self.wake_door(name)
            os.kill(init, signal.SIGKILL)
            wait(lambda: not stat(init), "the machine's processes are gone", 60)
        for process in (self.holder, *self.doors):
            if process:
                process.communicate()   # it has ended: waits for that, and closes what was open to it
        network.unlink(self)
        self.forget_cgroups()
        self.remove_folder()

    def forget_cgroups(self):
        for controller in self.controllers():
            for place, _, _ in os.walk(os.path.join(controller, self.cgroup), topdown=False):
                wait(lambda p=place: removed(p), f"the control group {place} is empty", 30)

    def remove_folder(self):
        """Never a tree in which something is mounted: what is removed would be what is mounted there."""
        with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as f:
            below = [place for place in (line.split()[1] for line in f) if place.startswith(self.folder + "/")]
        if below:
            raise AssertionError(f"{self.folder} is left alone: these are mounted in it: {below}")
        shutil.rmtree(self.folder, onerror=unless_gone)

    # -- what runs in it

    def enter(self, words):
        return ["nsenter", "--target", str(self.pid("init")), *("--" + n for n in NAMESPACES), "--", *words]

    def run(self, *words, **options):
        done = subprocess.run(self.enter(words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False, **options)
        if done.returncode:
            raise AssertionError(f"{' '.join(words)}: {done.returncode}: {done.stdout}")
        return done.stdout

    def spawn(self, name, words, log, environment):
        """Starts a program that goes on by itself; pid(name) is its number out here from then on."""
        with open(log, "ab") as out:
            door = subprocess.Popen(self.enter(words), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                    env=environment, start_new_session=True)
        wait(lambda: children_of(door.pid) or door.poll() is not None, f"{name} starts", 30, every=0.005)
        self.doors.append(door)
        self.remember(name, next(iter(children_of(door.pid)), 0))

    def signal(self, name, number):
        os.kill(self.pid(name), number)
        if number != signal.SIGSTOP:
            self.wake_door(name)

    def wake_door(self, name):
        """It stops when what it stands for does, and would then not see its end."""
        door = parent_of(self.number(name))
        if door > 1 and name != "init":
            os.kill(door, signal.SIGCONT)

    # -- what is known about it, in its folder, so that other processes can go on

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def remember(self, name, pid):
        os.makedirs(self.path("pids"), exist_ok=True)
        with open(self.path("pids", name), "w", encoding="ascii") as f:
            f.write(identity(pid))

    def knows(self, name):
        return os.path.exists(self.path("pids", name))

    def forget(self, name):
        with contextlib.suppress(FileNotFoundError):
            os.remove(self.path("pids", name))

    def pid(self, name):
        """The number of a process that is there, or None."""
        pid = self.number(name)
        return pid if pid and identity(pid) == read(self.path("pids", name)) else None

    def number(self, name):
        return int(read(self.path("pids", name)).partition(" ")[0] or 0)

    @staticmethod
    def controllers():
        """The roots of the control groups' hierarchies: one a controller, or one for all."""
        if os.path.exists("/sys/fs/cgroup/cgroup.procs"):
            return ["/sys/fs/cgroup"]
        return sorted({os.path.realpath(p) for p in glob.glob("/sys/fs/cgroup/*")
                       if os.path.exists(p + "/cgroup.procs")})
