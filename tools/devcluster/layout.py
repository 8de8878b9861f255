"""The folder of one control plane, and the command line of each component in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from devcluster.kubeconfig import kubeconfig
from devcluster.pki import SERVER_NAMES, Authority, write_private, write_signing_key
from devcluster.ports import LOOPBACK

ETCD: Final = "etcd"
API_SERVER: Final = "kube-apiserver"
CONTROLLER_MANAGER: Final = "kube-controller-manager"
SCHEDULER: Final = "kube-scheduler"

# What the product's behaviour depends on: garbage collection, ServiceAccounts, namespaces, aggregated ClusterRoles,
# and the workloads that a rollout restarts (whose pods stay Pending where there is no node).
CONTROLLERS: Final = (
    "clusterrole-aggregation-controller",
    "daemonset-controller",
    "deployment-controller",
    "garbage-collector-controller",
    "namespace-controller",
    "replicaset-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
    "statefulset-controller",
    "validatingadmissionpolicy-status-controller",
)
# What pods on nodes need: addresses behind Services, budgets of evictions, and an end for what was on a lost node.
NODE_CONTROLLERS: Final = (
    "disruption-controller",
    "endpointslice-controller",
    "node-lifecycle-controller",
    "pod-garbage-collector-controller",
    "taint-eviction-controller",
)


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports that are free."""

    etcd: int
    etcd_peer: int
    api_server: int
    scheduler: int

    def __iter__(self) -> Iterator[int]:
        yield from (self.etcd, self.etcd_peer, self.api_server, self.scheduler)


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths and ports of one control plane. `address` is the API server's alone: all else is on loopback."""

    folder: Path
    ports: Ports
    address: str = LOOPBACK

    @property
    def server(self) -> str:
        """The API server's URL."""
        return f"https://{self.address}:{self.ports.api_server}"

    @property
    def scheduler_url(self) -> str:
        """The URL at which kube-scheduler tells that it is well."""
        return f"https://{LOOPBACK}:{self.ports.scheduler}"

    @property
    def etcd_url(self) -> str:
        """The URL of etcd for its clients."""
        return f"https://{LOOPBACK}:{self.ports.etcd}"

    @property
    def keys(self) -> Path:
        """The folder of keys and certificates."""
        return self.folder / "keys"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.folder / "admin.kubeconfig"

    @property
    def controller_kubeconfig(self) -> Path:
        """The kubeconfig of kube-controller-manager."""
        return self.folder / "controller-manager.kubeconfig"

    @property
    def scheduler_kubeconfig(self) -> Path:
        """The kubeconfig of kube-scheduler."""
        return self.folder / "scheduler.kubeconfig"

    def log(self, component: str) -> Path:
        """Return where a component's output goes."""
        return self.folder / f"{component}.log"

    def write_keys(self) -> Authority:
        """Make and write every key, certificate and kubeconfig; returns the authority that signs users."""
        self.keys.mkdir(mode=0o700)
        api, store = Authority.create("devcluster API"), Authority.create("devcluster etcd")
        write_private(self.keys / "api-ca.crt", api.pem)
        write_private(self.keys / "etcd-ca.crt", store.pem)
        write_signing_key(self.keys, "service-account")
        names = dict.fromkeys((*SERVER_NAMES, self.address))
        api.issue("kube-apiserver", server_names=tuple(names)).write(self.keys, "api-server")
        api.issue("kube-apiserver-kubelet-client", ["system:masters"]).write(self.keys, "kubelet-client")
        store.issue("etcd", server_names=(LOOPBACK, "localhost")).write(self.keys, "etcd")
        store.issue("kube-apiserver").write(self.keys, "etcd-client")
        admin = api.issue("devcluster-admin", ["system:masters"])
        admin.write(self.keys, "admin")
        scheduler = api.issue("system:kube-scheduler", server_names=(LOOPBACK,))
        scheduler.write(self.keys, "scheduler")
        controllers = api.issue("system:kube-controller-manager")
        write_private(self.kubeconfig, kubeconfig(self.server, api.pem, admin))
        write_private(self.controller_kubeconfig, kubeconfig(self.server, api.pem, controllers))
        write_private(self.scheduler_kubeconfig, kubeconfig(self.server, api.pem, scheduler))
        return api


_PAIR: Final = (("certificate", "crt"), ("key", "key"))


def etcd_command(binary: Path, layout: Layout, *, fsync: bool) -> list[str]:
    """A single member that only holders of its own authority's certificates can reach."""
    peer, keys = f"https://{LOOPBACK}:{layout.ports.etcd_peer}", layout.keys
    command = [
        str(binary),
        "--name=devcluster",
        f"--data-dir={layout.folder / 'etcd'}",
        f"--listen-client-urls={layout.etcd_url}",
        f"--advertise-client-urls={layout.etcd_url}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=devcluster={peer}",
        "--client-cert-auth",
        "--peer-client-cert-auth",
        "--log-level=warn",
    ]
    for prefix in ("", "peer-"):
        command += [f"--{prefix}cert-file={keys / 'etcd.crt'}", f"--{prefix}key-file={keys / 'etcd.key'}"]
        command += [f"--{prefix}trusted-ca-file={keys / 'etcd-ca.crt'}"]
    return command if fsync else [*command, "--unsafe-no-fsync"]


def api_server_command(
    binary: Path, layout: Layout, extra: Sequence[str], *, controllers: bool, nodes: bool = False
) -> list[str]:
    """RBAC on, client certificates of our authority, ServiceAccount tokens signed by our key."""
    keys = layout.keys
    command = [
        str(binary),
        f"--etcd-servers={layout.etcd_url}",
        f"--etcd-cafile={keys / 'etcd-ca.crt'}",
        f"--etcd-certfile={keys / 'etcd-client.crt'}",
        f"--etcd-keyfile={keys / 'etcd-client.key'}",
        f"--bind-address={layout.address}",
        f"--advertise-address={layout.address}",  # or it looks for an interface, and fails on a machine without one
        f"--external-hostname={layout.address}",
        f"--secure-port={layout.ports.api_server}",
        f"--tls-cert-file={keys / 'api-server.crt'}",
        f"--tls-private-key-file={keys / 'api-server.key'}",
        f"--client-ca-file={keys / 'api-ca.crt'}",
        f"--service-account-issuer={layout.server}",
        f"--service-account-key-file={keys / 'service-account.pub'}",
        f"--service-account-signing-key-file={keys / 'service-account.key'}",
        "--service-cluster-ip-range=10.0.0.0/24",
        f"--authorization-mode={'Node,RBAC' if nodes else 'RBAC'}",
        "--profiling=false",
    ]
    if nodes:
        command += ["--enable-admission-plugins=NodeRestriction", "--kubelet-preferred-address-types=InternalIP"]
        command += [f"--kubelet-certificate-authority={keys / 'api-ca.crt'}"]
        command += [f"--kubelet-client-{kind}={keys / f'kubelet-client.{end}'}" for kind, end in _PAIR]
    if layout.address == LOOPBACK:  # it is not allowed in the endpoints that would be written
        command.append("--endpoint-reconciler-type=none")
    if not controllers:  # no default ServiceAccount would ever appear, and no pod could be created without one
        command.append("--disable-admission-plugins=ServiceAccount")
    return [*command, *extra]


def controller_manager_command(binary: Path, layout: Layout, *, nodes: bool = False) -> list[str]:
    """As kubeadm runs it: each controller with its own ServiceAccount and so with its own RBAC. It listens nowhere."""
    return [
        str(binary),
        f"--kubeconfig={layout.controller_kubeconfig}",
        f"--controllers={','.join((*CONTROLLERS, *(NODE_CONTROLLERS if nodes else ())))}",
        "--use-service-account-credentials=true",
        f"--service-account-private-key-file={layout.keys / 'service-account.key'}",
        f"--root-ca-file={layout.keys / 'api-ca.crt'}",
        "--leader-elect=false",
        "--secure-port=0",
        "--profiling=false",
    ]


def scheduler_command(binary: Path, layout: Layout) -> list[str]:
    """It listens on loopback, for its readiness alone."""
    return [
        str(binary),
        f"--kubeconfig={layout.scheduler_kubeconfig}",
        f"--bind-address={LOOPBACK}",
        f"--secure-port={layout.ports.scheduler}",
        f"--tls-cert-file={layout.keys / 'scheduler.crt'}",
        f"--tls-private-key-file={layout.keys / 'scheduler.key'}",
        "--leader-elect=false",
        "--profiling=false",
    ]
