"""The command lines: loopback only, encrypted only, nothing secret in the arguments."""

from pathlib import Path

import pytest

from devcluster.layout import (
    CONTROLLERS,
    NODE_CONTROLLERS,
    Layout,
    Ports,
    api_server_command,
    controller_manager_command,
    etcd_command,
    scheduler_command,
)

BINARY = Path("/programs/one")
LAYOUT = Layout(Path("/planes/one"), Ports(20001, 20002, 20003, 20004))


def flags(command: list[str]) -> dict[str, str]:
    return {name: value for name, _, value in (argument.partition("=") for argument in command[1:])}


def api_server(*extra: str, controllers: bool = True) -> list[str]:
    return api_server_command(BINARY, LAYOUT, extra, controllers=controllers)


def test_every_address_is_encrypted_and_on_loopback() -> None:
    commands = [etcd_command(BINARY, LAYOUT, fsync=False), api_server(), controller_manager_command(BINARY, LAYOUT)]
    everything = " ".join(argument for command in commands for argument in command)
    assert "http://" not in everything
    assert everything.count("https://") == everything.count("https://127.0.0.1:")
    assert flags(api_server())["--bind-address"] == "127.0.0.1"


def test_with_nodes_only_the_api_server_is_where_they_reach_it() -> None:
    layout = Layout(Path("/planes/one"), Ports(20001, 20002, 20003, 20004), "198.18.0.1")
    asked = flags(api_server_command(BINARY, layout, (), controllers=True, nodes=True))
    assert ("198.18.0.1", "https://198.18.0.1:20003") == (asked["--bind-address"], layout.server)
    assert "127.0.0.1" == flags(scheduler_command(BINARY, layout))["--bind-address"]
    assert layout.etcd_url.startswith("https://127.0.0.1:")


def test_with_nodes_a_node_may_do_no_more_than_a_node_may() -> None:
    asked = flags(api_server_command(BINARY, LAYOUT, (), controllers=True, nodes=True))
    assert ("Node,RBAC", "NodeRestriction") == (asked["--authorization-mode"], asked["--enable-admission-plugins"])
    assert "--kubelet-certificate-authority" in asked


def test_with_nodes_there_are_the_controllers_that_pods_need() -> None:
    manager = flags(controller_manager_command(BINARY, LAYOUT, nodes=True))
    assert {*CONTROLLERS, *NODE_CONTROLLERS} == set(manager["--controllers"].split(","))


def test_etcd_wants_a_certificate_of_its_own_authority() -> None:
    etcd = flags(etcd_command(BINARY, LAYOUT, fsync=False))
    assert {"--client-cert-auth", "--peer-client-cert-auth"} <= etcd.keys()
    assert etcd["--trusted-ca-file"] != flags(api_server())["--client-ca-file"]


@pytest.mark.parametrize("fsync", [True, False])
def test_etcd_skips_fsync_unless_asked_for_it(*, fsync: bool) -> None:
    assert fsync is not ("--unsafe-no-fsync" in etcd_command(BINARY, LAYOUT, fsync=fsync))


def test_rbac_is_on() -> None:
    assert flags(api_server())["--authorization-mode"] == "RBAC"


@pytest.mark.parametrize("controllers", [True, False])
def test_service_accounts_are_demanded_only_where_they_are_made(*, controllers: bool) -> None:
    command = api_server(controllers=controllers)
    assert controllers is not ("--disable-admission-plugins=ServiceAccount" in command)


def test_extra_arguments_come_last_and_so_win() -> None:
    assert api_server("--audit-log-path=-", "--v=2")[-2:] == ["--audit-log-path=-", "--v=2"]


def test_the_controllers_listen_nowhere_and_are_those_we_need() -> None:
    manager = flags(controller_manager_command(BINARY, LAYOUT))
    assert manager["--secure-port"] == "0"
    assert set(manager["--controllers"].split(",")) == set(CONTROLLERS)
    assert {"garbage-collector-controller", "namespace-controller", "serviceaccount-controller"} <= set(CONTROLLERS)
