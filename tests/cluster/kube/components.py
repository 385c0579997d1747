"""The programs of a cluster: what each is told, and each as something that can be started, hurt and ended."""
import json
import os
import signal
import sys

from . import network
from .process import stat, tail, wait

ETCD = "http://127.0.0.1:2379"
PORT = 6443
RUNTIME = "/run/containerd/containerd.sock"
NAMES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "names.py")
# What service accounts ask for: those of the cluster itself aside.
AUDITED = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived", "ResponseStarted"],
           "rules": [{"level": "None", "userGroups": ["system:serviceaccounts:kube-system"]},
                     {"level": "Metadata", "userGroups": ["system:serviceaccounts"]}, {"level": "None"}]}


class Component:
    """One program in the machine. Its log is kept over restarts."""

    def __init__(self, machine, name, words, environment):
        self.machine, self.name, self.words, self.environment = machine, name, words, environment
        self.log = machine.path("logs", name + ".log")

    @property
    def pid(self):
        return self.machine.pid(self.name)

    def start(self):
        self.machine.spawn(self.name, self.words, self.log, self.environment)
        return self

    @property
    def expected(self):
        """It was started, and not ended by us."""
        return self.machine.knows(self.name)

    def check(self):
        if self.expected and not self.pid:
            raise AssertionError(f"{self.name} has ended; the end of its log, {self.log}:\n{tail(self.log)}")

    def kill(self):
        """What a crash looks like."""
        self.end(signal.SIGKILL, 30)

    def stop(self):
        self.end(signal.SIGTERM, 120)

    def end(self, how, deadline):
        """Until the last of its threads is gone, which may hold its port longer than it is said to live."""
        pid = self.pid
        if pid:
            self.machine.signal(self.name, how)
            wait(lambda: not stat(pid), f"{self.name} ends", deadline)
        self.machine.forget(self.name)

    def pause(self):
        self.machine.signal(self.name, signal.SIGSTOP)

    def resume(self):
        self.machine.signal(self.name, signal.SIGCONT)

    def restart(self):
        self.kill()
        self.start()


def flags(**values):
    """--some-flag=value; what is True is a flag alone."""
    for name, value in values.items():
        name = "--" + name.replace("_", "-")
        yield name if value is True else f"{name}={value}"


def command_lines(cluster):
    """The words of each program, by its name, in the order in which they start."""
    made = {
        "etcd": etcd(cluster), "kube-apiserver": api_server(cluster), "containerd": containerd(cluster),
        "kube-controller-manager": controller_manager(cluster), "kube-scheduler": scheduler(cluster),
        "kubelet": kubelet(cluster), "kube-proxy": proxy(cluster)}
    lines = {name: [cluster.program(name), *words] for name, words in made.items()}
    return lines | {"names": [sys.executable, "-B", NAMES, network.POD_GATEWAY, cluster.address, cluster.authority.folder]}


def etcd(c):
    peer = "http://127.0.0.1:2380"
    return flags(data_dir="/var/lib/etcd", unsafe_no_fsync=True, listen_client_urls=ETCD, advertise_client_urls=ETCD,
                 listen_peer_urls=peer, initial_advertise_peer_urls=peer, initial_cluster="default=" + peer)


def api_server(c):
    pki = c.authority.path
    with open(c.path("audit.json"), "w", encoding="ascii") as f:
        json.dump(AUDITED, f)
    return flags(
        audit_policy_file=c.path("audit.json"), audit_log_path=c.audit_log, audit_log_mode="blocking",
        etcd_servers=ETCD, secure_port=PORT, bind_address="0.0.0.0", advertise_address=c.address,
        service_cluster_ip_range=network.SERVICE_NETWORK, authorization_mode="Node,RBAC", allow_privileged=True,
        service_account_issuer="https://kubernetes.default.svc", service_account_key_file=pki("accounts.pub"),
        service_account_signing_key_file=pki("accounts.key"), client_ca_file=pki("ca.crt"),
        tls_cert_file=pki("kube-apiserver.crt"), tls_private_key_file=pki("kube-apiserver.key"),
        kubelet_client_certificate=pki("admin.crt"), kubelet_client_key=pki("admin.key"),
        kubelet_certificate_authority=pki("ca.crt"), kubelet_preferred_address_types="InternalIP")


def controller_manager(c):
    """A node that says nothing is noticed after 20 s in place of 50."""
    return flags(kubeconfig=c.kubeconfig_of("kube-controller-manager"), leader_elect="false",
                 service_account_private_key_file=c.authority.path("accounts.key"),
                 root_ca_file=c.authority.path("ca.crt"), use_service_account_credentials=True,
                 cluster_signing_cert_file=c.authority.path("ca.crt"),
                 cluster_signing_key_file=c.authority.path("ca.key"),
                 bind_address="127.0.0.1", node_monitor_grace_period="20s", node_monitor_period="2s")


def scheduler(c):
    return flags(kubeconfig=c.kubeconfig_of("kube-scheduler"), leader_elect="false", bind_address="127.0.0.1")


def proxy(c):
    """Pods share one bridge: what answers them must pass through here, hence the masquerade."""
    return flags(kubeconfig=c.kubeconfig_of("kube-proxy"), proxy_mode="iptables", masquerade_all=True,
                 cluster_cidr=network.POD_NETWORK, conntrack_max_per_core=0, conntrack_tcp_timeout_established=0,
                 conntrack_tcp_timeout_close_wait=0, metrics_bind_address="127.0.0.1:10249")


# By the version of the configuration: its names changed with containerd 2.
CONTAINERD = {3: """version = 3
[plugins."io.containerd.cri.v1.images"]
  snapshotter = "overlayfs"
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = "{pause}"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["/usr/lib/cni"]
    conf_dir = "{cni}"
""", 2: """version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{cni}"
"""}


def containerd(c):
    network.write_cni(c.path("cni"))
    with open(c.path("containerd.toml"), "w", encoding="ascii") as f:
        f.write(CONTAINERD[c.release.config].format(pause=c.images.PAUSE, cni=c.path("cni")))
    return ["-c", c.path("containerd.toml")]


def kubelet(c):
    """Disks and memory of the machine below are not the cluster's to judge: nothing is evicted for them."""
    pki = c.authority.path
    document = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
        "authentication": {"anonymous": {"enabled": False}, "x509": {"clientCAFile": pki("ca.crt")}},
        "authorization": {"mode": "AlwaysAllow"},
        "tlsCertFile": pki("kubelet.crt"), "tlsPrivateKeyFile": pki("kubelet.key"),
        "address": "0.0.0.0", "healthzPort": 0, "maxPods": 110, "volumePluginDir": "/var/lib/kubelet/plugins",
        "clusterDNS": [network.POD_GATEWAY], "clusterDomain": "cluster.local", "resolvConf": c.path("resolv.conf"),
        "cgroupDriver": "cgroupfs", "cgroupRoot": "/" + c.machine.cgroup,
        "enforceNodeAllocatable": [], "failSwapOn": False, "serializeImagePulls": False,
        "nodeLeaseDurationSeconds": 20, "nodeStatusUpdateFrequency": "5s",
        "evictionHard": {"nodefs.available": "0%", "imagefs.available": "0%", "memory.available": "50Mi"},
        "imageGCHighThresholdPercent": 100}
    told = {"kubeconfig": c.kubeconfig_of("kubelet"), "config": c.path("kubelet.json"), "node_ip": c.address}
    if c.release.config < 3:
        told |= {"container_runtime": "remote", "container_runtime_endpoint": "unix://" + RUNTIME}
    else:
        document |= {"containerRuntimeEndpoint": "unix://" + RUNTIME, "failCgroupV1": False}
    with open(c.path("kubelet.json"), "w", encoding="ascii") as f:
        json.dump(document, f, indent=1)
    with open(c.path("resolv.conf"), "w", encoding="ascii") as f:
        f.write(f"nameserver {network.POD_GATEWAY}\n")
    return flags(**told)
