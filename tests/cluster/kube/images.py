"""Images made on the spot, without a registry: files of this machine, packed as `docker save` would and imported.

PAUSE     what holds a pod's network; static
BUSYBOX   a shell and its friends; static
PYTHON    the same, and Debian's Python with its standard library
POSTGRES  Debian's PostgreSQL under the name of the official one
"""
import functools
import hashlib
import io
import json
import os
import re
import subprocess
import tarfile
import tempfile

PAUSE, BUSYBOX, PYTHON = "trimtab-test/pause:1", "trimtab-test/busybox:1", "trimtab-test/python:1"
POSTGRES = "docker.io/library/postgres:17"
PATH = "PATH=/usr/local/bin:/usr/bin:/bin"
PAUSE_C = "#include <unistd.h>\nint main(void)\n{\n\tfor (;;)\n\t\tpause();\n}\n"


class Layer:
    """A tar file in the making. Owners and times are left out: the same files make the same layer."""

    def __init__(self):
        self.bytes = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.bytes, mode="w")
        self.seen = set()

    def folder(self, path, mode=0o755):
        path = path.strip("/")
        if path and path not in self.seen:
            self.folder(os.path.dirname(path))
            self.put(path, tarfile.DIRTYPE, mode)

    def put(self, path, kind, mode, target="", data=b""):
        info = tarfile.TarInfo(path.lstrip("/"))
        info.type, info.mode, info.linkname, info.size = kind, mode, target, len(data)
        self.tar.addfile(info, io.BytesIO(data))
        self.seen.add(info.name)

    def file(self, path, data, mode=0o644):
        self.folder(os.path.dirname(path))
        self.put(path, tarfile.REGTYPE, mode, data=data)

    def link(self, path, target):
        self.folder(os.path.dirname(path))
        self.put(path, tarfile.SYMTYPE, 0o777, target)

    def copy(self, source, path=None):
        """A file of this machine, at the same path if no other is told; what is a link is followed."""
        path = path or source
        if path.lstrip("/") in self.seen:
            return
        with open(source, "rb") as f:
            self.file(path, f.read(), 0o755 if os.access(source, os.X_OK) else 0o644)

    def finish(self):
        self.tar.close()
        return self.bytes.getvalue()


def libraries(programs):
    """The shared libraries that dynamic programs and modules load, and their loader."""
    said = subprocess.run(["ldd", *programs], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          check=False).stdout
    return sorted(set(re.findall(r"(/\S+) \(0x", said)))


def package_files(*patterns):
    listed = subprocess.run(["dpkg-query", "-L", *patterns], stdout=subprocess.PIPE, text=True, check=True).stdout
    return [line for line in listed.splitlines() if os.path.isfile(line)]


def archive(name, layers, entrypoint=None, environment=(PATH,), **config):
    """The bytes of a docker-archive. `config`: User=, Cmd=, Entrypoint= and so on."""
    config = {"architecture": "amd64", "os": "linux", "config": {"Env": list(environment), **config},
              "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(d).hexdigest() for d in layers]},
              "history": [{"created_by": "trimtab's tests"} for _ in layers]}
    if entrypoint:
        config["config"]["Entrypoint"] = entrypoint
    names = [f"layer{n}.tar" for n in range(len(layers))]
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": names}]
    whole = Layer()
    for path, data in (("manifest.json", json.dumps(manifest).encode()), ("config.json", json.dumps(config).encode()),
                       *zip(names, layers)):
        whole.file(path, data)
    return whole.finish()


@functools.lru_cache(None)
def busybox():
    layer = Layer()
    layer.copy("/bin/busybox")
    listed = subprocess.run(["/bin/busybox", "--list"], stdout=subprocess.PIPE, text=True, check=True).stdout
    for applet in listed.split():
        if applet != "busybox":
            layer.link("/bin/" + applet, "busybox")
    layer.file("/etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n")
    layer.file("/etc/group", b"root:x:0:\nnogroup:x:65534:\n")
    layer.folder("/tmp", 0o1777)
    layer.folder("/root", 0o700)
    return layer.finish()


@functools.lru_cache(None)
def python():
    version = os.path.basename(os.path.realpath("/usr/bin/python3"))
    files = package_files(version + "-minimal", f"lib{version}-minimal", f"lib{version}-stdlib")
    files = [f for f in files if not re.search(r"/(doc|man|lintian|__pycache__|pydoc_data|lib2to3|ensurepip)/", f)]
    layer = Layer()
    for path in files:
        layer.copy(path)
    for path in libraries(["/usr/bin/" + version, *(f for f in files if f.endswith(".so"))]):
        layer.copy(path)
    layer.link("/usr/bin/python3", version)
    return layer.finish()


POSTGRES_ENTRY = """#!/bin/sh
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    initdb --pgdata="$PGDATA" --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" --locale=C \\
        --encoding=UTF8 --auth-host=scram-sha-256 --auth-local=trust
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
    pg_ctl --pgdata="$PGDATA" --wait --options="-c listen_addresses=" start
    createdb --username="$POSTGRES_USER" --maintenance-db=postgres "$POSTGRES_DB"
    pg_ctl --pgdata="$PGDATA" --wait --mode=fast stop
fi
exec postgres -D "$PGDATA" -c listen_addresses='*'
"""


@functools.lru_cache(None)
def postgres():
    """Debian's PostgreSQL, started as the official image's is: the same variables, the same user."""
    version = sorted(os.listdir("/usr/lib/postgresql"), key=int)[-1]
    files = package_files("postgresql-" + version, "postgresql-client-" + version)
    files = [f for f in files if f.startswith(("/usr/lib/postgresql", "/usr/share/postgresql"))
             and not re.search(r"/(bitcode|man|locale)/|llvmjit", f)]
    layer = Layer()
    for path in files + libraries([f for f in files if "/bin/" in f or f.endswith(".so")]):
        layer.copy(path)
    for name in ("UTC", "GMT"):
        layer.copy("/usr/share/zoneinfo/" + name)
    for program in (f for f in files if "/bin/" in f):
        layer.link("/usr/local/bin/" + os.path.basename(program), program)
    layer.file("/usr/local/bin/docker-entrypoint.sh", POSTGRES_ENTRY.encode(), 0o755)
    layer.file("/etc/passwd", b"root:x:0:0:root:/root:/bin/sh\npostgres:x:999:999::/var/lib/postgresql:/bin/sh\n")
    layer.file("/etc/group", b"root:x:0:\npostgres:x:999:\n")
    return layer.finish()


@functools.lru_cache(None)
def pause():
    layer = Layer()
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "pause")
        subprocess.run(["gcc", "-static", "-Os", "-s", "-x", "c", "-", "-o", program], input=PAUSE_C, text=True,
                       check=True)
        layer.copy(program, "/pause")
    return layer.finish()


MADE = {
    PAUSE: lambda: archive(PAUSE, [pause()], ["/pause"]),
    BUSYBOX: lambda: archive(BUSYBOX, [busybox()]),
    PYTHON: lambda: archive(PYTHON, [busybox(), python()]),
    POSTGRES: lambda: archive(POSTGRES, [busybox(), postgres()], ["docker-entrypoint.sh"],
                              StopSignal="SIGINT"),
}
