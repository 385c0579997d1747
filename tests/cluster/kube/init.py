"""The first process of a machine (machine.py): lays out its mounts and reaps. When it ends, the kernel ends
every process of the machine, and mounts and network go with them.

    init.py FOLDER stay|follow      follow: it ends when its standard input does
"""
import contextlib
import os
import signal
import socket
import subprocess
import sys

# What kubelet and kube-proxy would set for the whole machine, below us, for good.
TUNED = {"vm/overcommit_memory": 1, "vm/panic_on_oom": 0, "kernel/panic": 10, "kernel/panic_on_oops": 1,
         "kernel/keys/root_maxkeys": 1000000, "kernel/keys/root_maxbytes": 25000000}


def mount(*words):
    subprocess.run(["mount", *words], check=True)


def lay_out(folder):
    """Programs write where they write on any machine. Their data are in memory: they keep no disk busy that
    something else is waiting for, and vanish with the machine. Their logs are in the folder."""
    mount("--make-rprivate", "/")
    mount("-t", "proc", "proc", "/proc")
    for place in ("/run", "/var/lib"):
        mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", place)
    os.makedirs(os.path.join(folder, "log"), exist_ok=True)
    mount("--bind", os.path.join(folder, "log"), "/var/log")
    for name, value in TUNED.items():
        stand_in = os.path.join("/run/sysctl", name)
        os.makedirs(os.path.dirname(stand_in), exist_ok=True)
        with open(stand_in, "w", encoding="ascii") as f:
            f.write(f"{value}\n")
        if os.path.exists("/proc/sys/" + name):
            mount("--bind", stand_in, "/proc/sys/" + name)


def reap(*_):
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def main():
    folder, how = sys.argv[1:]
    socket.sethostname("node1")
    lay_out(folder)
    signal.signal(signal.SIGCHLD, reap)
    print("ready", flush=True)
    if how == "follow":
        sys.stdin.read()
    while how == "stay":
        signal.pause()


if __name__ == "__main__":
    main()
