"""Configuration of a node's programs: the node shares its machine, and gets as little of it as it needs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any, Final

PAUSE_IMAGE: Final = "kite-operator.dev/pause:1"
CONTAINERD_SOCKET: Final = "/run/containerd/containerd.sock"
DNS_READY_PORT: Final = 8181


@dataclass(frozen=True, slots=True)
class Place:
    """The place of one node. `folder` is the node's, on the machine."""

    name: str
    address: IPv4Address
    pods: IPv4Network
    cluster: IPv4Network
    folder: Path
    cgroup: str


def containerd(place: Place, cni_plugins: Path, runc: str) -> str:
    """Return what containerd is told, in TOML.

    `restrict_oom_score_adj`: a machine in a machine may lack the right to lower it, and no container would start.
    """
    cri = 'plugins."io.containerd.grpc.v1.cri"'
    return f"""version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
  address = "{CONTAINERD_SOCKET}"
[{cri}]
  sandbox_image = "{PAUSE_IMAGE}"
  restrict_oom_score_adj = true
[{cri}.cni]
  bin_dir = "{cni_plugins}"
  conf_dir = "{place.folder / "cni"}"
[{cri}.containerd]
  snapshotter = "overlayfs"
[{cri}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[{cri}.containerd.runtimes.runc.options]
  BinaryName = "{runc}"
"""


def pod_network(place: Place) -> str:
    """Each pod has a cable of its own to the node, and all else is routed: so a Service finds pods of its own node."""
    ipam = {"type": "host-local", "ranges": [[{"subnet": str(place.pods)}]], "routes": [{"dst": "0.0.0.0/0"}]}
    plugins = [{"type": "ptp", "ipam": ipam}]
    return _json({"cniVersion": "1.0.0", "name": "pods", "plugins": plugins})


def kubelet(place: Place, authority: Path) -> str:
    """Return what kubelet is told: Kubernetes' defaults hold but for what is said here.

    Nothing is taken from the machine (no limits on its cgroups, images stay: nobody can pull them again), and what a
    shared machine is like is put up with (swap, little room, cgroups v1).
    """
    return _json(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": str(place.address),
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(authority)},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": str(place.folder / "kubelet.crt"),
            "tlsPrivateKeyFile": str(place.folder / "kubelet.key"),
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{place.cgroup}",
            "enforceNodeAllocatable": [],
            "clusterDNS": [str(place.address)],
            "clusterDomain": "cluster.local",
            "resolvConf": str(place.folder / "resolv.conf"),
            "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
            "failCgroupV1": False,
            "failSwapOn": False,
            "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
            "imageGCHighThresholdPercent": 100,
        }
    )


def kube_proxy(place: Place, kubeconfig: Path) -> str:
    """Return what kube-proxy is told: it leaves the machine's connection tracking as it is."""
    untouched = {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"}
    return _json(
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "bindAddress": str(place.address),
            "clientConnection": {"kubeconfig": str(kubeconfig)},
            "clusterCIDR": str(place.cluster),
            "conntrack": untouched,
            "hostnameOverride": place.name,
            "mode": "nftables",
        }
    )


def coredns(place: Place, kubeconfig: Path) -> str:
    """The names of Services, and no others: a pod here can reach nothing beyond the cluster."""
    return f""".:53 {{
    bind {place.address}
    errors
    ready {place.address}:{DNS_READY_PORT}
    cache 5
    kubernetes cluster.local in-addr.arpa {{
        kubeconfig {kubeconfig}
    }}
}}
"""


DNS_RIGHTS: Final[tuple[Mapping[str, Any], ...]] = (
    {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "coredns"},
        "rules": [
            {"apiGroups": [""], "resources": ["namespaces", "services"], "verbs": ["list", "watch"]},
            {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
        ],
    },
    {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "coredns"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "coredns"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "coredns"}],
    },
)
"""What CoreDNS, as the user coredns, may read."""


def _json(content: Mapping[str, Any]) -> str:
    """JSON is YAML."""
    return json.dumps(content, indent=2) + "\n"
