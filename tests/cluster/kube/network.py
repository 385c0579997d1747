"""How a machine is reached from the one below it, and what its pods hang on.

A pair of interfaces, trimtab<N> below and eth0 within, in the network 10.213.<N>.0/24. The kernel lets a
name exist once, so that clusters that start together never take the same network. Pods sit on a bridge,
10.244.0.0/24 in every machine; what they send beyond it leaves with the machine's address.
"""
import json
import os
import subprocess

BRIDGE, POD_GATEWAY, POD_NETWORK = "cni0", "10.244.0.1", "10.244.0.0/24"
SERVICE_NETWORK, SERVICE_API = "10.96.0.0/16", "10.96.0.1"


def ip(*words):
    return subprocess.run(["ip", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)


def link(machine):
    """Connects the machine; (its own address, the address of the machine below)."""
    init = str(machine.pid("init"))
    for n in range(1, 255):
        network = f"10.213.{n}."
        taken = ip("-j", "route", "show", "root", network + "0/24").stdout
        if taken.strip() and json.loads(taken):
            continue
        name = f"trimtab{n}"
        made = ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", init)
        if made.returncode == 0:
            ip("address", "add", network + "1/24", "dev", name)
            ip("link", "set", name, "up", "alias", machine.name)
            inside(machine, network)
            return network + "2", network + "1"
        if "File exists" not in made.stderr:
            raise AssertionError("ip link add: " + made.stderr)
    raise AssertionError("254 clusters are linked to this machine")


def links_of(machine):
    links = json.loads(ip("-j", "link", "show", "type", "veth").stdout or "[]")
    return [link["ifname"] for link in links if link.get("ifalias") == machine.name]


def unlink(machine):
    """The kernel takes the pair away with the machine's network, but only when it comes to it: it may do so now."""
    for name in links_of(machine):
        gone = ip("link", "delete", name)
        if gone.returncode and links_of(machine):
            raise AssertionError("ip link delete: " + gone.stderr)


def inside(machine, network):
    machine.run("ip", "link", "set", "lo", "up")
    machine.run("ip", "address", "add", network + "2/24", "dev", "eth0")
    machine.run("ip", "link", "set", "eth0", "up")
    machine.run("ip", "route", "add", "default", "via", network + "1")
    machine.run("ip", "link", "add", BRIDGE, "type", "bridge")
    machine.run("ip", "address", "add", POD_GATEWAY + "/24", "dev", BRIDGE)
    machine.run("ip", "link", "set", BRIDGE, "up")
    machine.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")


def write_cni(folder):
    os.makedirs(folder, exist_ok=True)
    bridge = {"type": "bridge", "bridge": BRIDGE, "isGateway": True, "ipMasq": True,
              "ipam": {"type": "host-local", "ranges": [[{"subnet": POD_NETWORK}]], "routes": [{"dst": "0.0.0.0/0"}]}}
    with open(os.path.join(folder, "10-bridge.conflist"), "w", encoding="ascii") as f:
        json.dump({"cniVersion": "0.4.0", "name": "pods", "plugins": [bridge, {"type": "loopback"}]}, f)
