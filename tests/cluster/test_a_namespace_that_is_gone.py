"""One of several `--namespaces` is deleted, and its Role with it: the others are served, and it is when it is back."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import yaml

from support.controlplane import ControlPlane, Kubectl, namespace_in
from support.operators import OperatorProcess
from support.rights import DOCUMENTED
from support.world import World

USER = "operator-of-two-namespaces"
WATCHED, ACCOUNTS = DOCUMENTED["kite-operator"], DOCUMENTED["kite-operator-accounts"]
SOON = ("--resync-seconds", "10")
DELETION_SECONDS = 60.0

Admit = Callable[[str, dict[str, Any]], None]


@pytest.fixture
def admit(kubectl: Kubectl) -> Admit:
    """Give the operator a Role in a namespace."""

    def give(namespace: str, role: dict[str, Any]) -> None:
        kubectl("apply", "--namespace", namespace, "--filename", "-", input=yaml.safe_dump(role))
        name = role["metadata"]["name"]
        kubectl("create", "rolebinding", name, "--namespace", namespace, "--role", name, "--user", USER)

    return give


@pytest.fixture
def desk(control_plane: ControlPlane, world: World, admit: Admit) -> World:
    """The desk that stays, with the account Leases, seen with the operator's rights."""
    admit(world.namespace, WATCHED)
    admit(world.namespace, ACCOUNTS)
    return replace(world, kubeconfig=control_plane.kubeconfig_for(USER), operators=world.operators)


@pytest.fixture
def other(kubectl: Kubectl, desk: World, admit: Admit) -> Iterator[World]:
    """The desk that is closed."""
    with namespace_in(kubectl, f"{desk.namespace}-b") as name:
        admit(name, WATCHED)
        yield replace(desk, namespace=name, operators=desk.operators)


def both(desk: World, other: World) -> str:
    return f"{desk.namespace},{other.namespace}"


def metric(operator: OperatorProcess, name: str) -> float:
    [value] = re.findall(rf"^{name} (\S+)$", operator.get("/metrics")[1], re.MULTILINE)
    return float(value)


def refused(operator: OperatorProcess) -> float:
    return metric(operator, "kite_operator_refused_namespaces")


def delete(kubectl: Kubectl, namespace: str) -> None:
    kubectl("delete", "namespace", namespace, "--wait=true", "--timeout=60s")


def test_a_namespace_that_is_deleted_stops_no_other_and_is_served_again_when_it_is_back(
    kubectl: Kubectl, desk: World, other: World, admit: Admit
) -> None:
    operator = desk.operator("--namespaces", both(desk, other), *SOON)
    desk.alpha()
    other.alpha("beta", "CD5678")
    other.wait("SessionActive", name="beta")
    assert 0 == refused(operator)
    delete(kubectl, other.namespace)
    desk.until(lambda: refused(operator) == 1, "it is noticed", within=DELETION_SECONDS)
    desk.until(lambda: metric(operator, "kite_operator_watch_up") == 1, "the others are watched")
    desk.alpha("gamma", "EF9012")
    desk.wait("SessionActive", name="gamma")
    kubectl("create", "namespace", other.namespace)
    admit(other.namespace, WATCHED)
    other.alpha("beta", "CD5678", mode="Manual")
    other.wait("LoginRequired", name="beta", within=DELETION_SECONDS)
    desk.until(lambda: refused(operator) == 0, "it is served")


def test_a_namespace_that_was_deleted_before_a_start_stops_no_other(
    kubectl: Kubectl, desk: World, other: World
) -> None:
    delete(kubectl, other.namespace)
    operator = desk.operator("--namespaces", both(desk, other))
    assert (1, 200) == (refused(operator), operator.get("/readyz")[0])
    assert f"refuses to list it namespace={other.namespace}" in desk.logs()
    desk.alpha()
    desk.wait("SessionActive")
    assert "watches ended" not in desk.logs()


def test_where_every_namespace_is_refused_the_operator_is_not_ready(desk: World) -> None:
    operator = desk.operator("--namespaces", f"{desk.namespace}-x,{desk.namespace}-y", wait=False)
    desk.until(lambda: "first list failed" in desk.logs(), "it is told")
    assert 503 == operator.get("/readyz")[0]
