"""What the programs of a node are told."""

import json
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from node import configuration
from node.configuration import Place

PLACE = Place(
    "node-1",
    IPv4Address("198.18.0.2"),
    IPv4Network("198.18.1.0/24"),
    IPv4Network("198.18.0.0/22"),
    Path("/nodes/one"),
    "kite-node-0-1",
)


def kubelet() -> dict[str, object]:
    return dict(json.loads(configuration.kubelet(PLACE, Path("/nodes/one/authority.crt"))))


@pytest.mark.parametrize(
    "setting", ["syncFrequency", "configMapAndSecretChangeDetectionStrategy", "nodeStatusUpdateFrequency"]
)
def test_what_decides_how_soon_a_pod_sees_its_secret_is_as_kubernetes_has_it(setting: str) -> None:
    assert setting not in kubelet()


def test_kubelet_lets_nobody_in_who_may_not() -> None:
    asked = kubelet()
    assert {"enabled": False} == dict(asked["authentication"])["anonymous"]  # type: ignore[call-overload]  # JSON
    assert {"mode": "Webhook"} == asked["authorization"]


def test_everything_listens_on_the_nodes_own_address() -> None:
    proxy = json.loads(configuration.kube_proxy(PLACE, Path("/nodes/one/kube-proxy.kubeconfig")))
    assert ("198.18.0.2", "198.18.0.2") == (kubelet()["address"], proxy["bindAddress"])
    assert "bind 198.18.0.2" in configuration.coredns(PLACE, Path("/nodes/one/coredns.kubeconfig"))


def test_kube_proxy_leaves_the_machine_s_connection_tracking_alone() -> None:
    proxy = json.loads(configuration.kube_proxy(PLACE, Path("/nodes/one/kube-proxy.kubeconfig")))
    assert {0, "0s"} == set(proxy["conntrack"].values())


def test_a_pod_gets_an_address_of_its_node() -> None:
    (plugin,) = json.loads(configuration.pod_network(PLACE))["plugins"]
    assert ("ptp", [[{"subnet": "198.18.1.0/24"}]]) == (plugin["type"], plugin["ipam"]["ranges"])


def test_containerd_starts_what_it_was_told_to_start() -> None:
    told = configuration.containerd(PLACE, Path("/plugins"), "/programs/runc")
    assert 'BinaryName = "/programs/runc"' in told
    assert 'bin_dir = "/plugins"' in told
    assert 'conf_dir = "/nodes/one/cni"' in told
