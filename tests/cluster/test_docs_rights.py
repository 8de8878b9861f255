"""The Roles of docs/security.md are enough for the operator, and all that it uses (P8)."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import yaml

from kite_operator.model.account import AccountRecord, dump
from support.controlplane import ControlPlane, Kubectl, namespace_in
from support.documents import blocks, page
from support.world import World

USER = "limited-operator"
VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
LISTING = {"list", "watch"}
"""A list is a GET too, and watches are Kopf's own: they are not told apart in the metric."""
FORGOTTEN: dict[str, Any] = {
    "apiVersion": "coordination.k8s.io/v1",
    "kind": "Lease",
    "metadata": {
        "name": "kite-account-zz0000",
        "labels": {"kite-operator.dev/account": "ZZ0000"},
        "annotations": {"kite-operator.dev/account": dump(AccountRecord("ZZ0000"))},
    },
    "spec": {"renewTime": "2020-01-01T00:00:00.000000Z"},
}
ROLES: list[dict[str, Any]] = [yaml.safe_load(text) for text in blocks(page("docs/security.md"), "yaml")]


def _grants(role: dict[str, Any]) -> set[tuple[str, str]]:
    """Resource and verb of every rule; a subresource counts as its resource, as in the metric."""
    return {
        (resource.partition("/")[0], verb)
        for rule in role["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


@pytest.fixture
def accounts(kubectl: Kubectl, namespace: str) -> Iterator[str]:
    """A namespace for the account Leases alone."""
    with namespace_in(kubectl, f"{namespace}-accounts") as name:
        yield name


@pytest.fixture
def limited(control_plane: ControlPlane, kubectl: Kubectl, world: World, accounts: str) -> World:
    """The world, whose operators have the documented rights and no other."""
    watched, account = ROLES
    for role, where in ((watched, world.namespace), (account, accounts)):
        kubectl("apply", "--namespace", where, "--filename", "-", input=yaml.safe_dump(role))
        name = role["metadata"]["name"]
        kubectl("create", "rolebinding", name, "--namespace", where, "--role", name, "--user", USER)
    return replace(world, kubeconfig=control_plane.kubeconfig_for(USER), operators=world.operators)


def test_the_documented_rights_suffice_and_each_is_used(limited: World, accounts: str) -> None:
    lease = f"/apis/coordination.k8s.io/v1/namespaces/{accounts}/leases"
    limited.api.create(lease, FORGOTTEN)
    operator = limited.operator("--account-namespace", accounts)
    limited.until(lambda: limited.api.find(f"{lease}/kite-account-zz0000") is None, "an old Lease is collected")
    limited.alpha()
    limited.wait("SessionActive")
    bravo = limited.alpha("bravo", "CD5678", "Manual")
    limited.wait("LoginRequired", name="bravo")
    limited.grant(limited.sandbox.request_token("CD5678", bravo.api_key), credential="bravo")
    limited.wait("SessionActive", name="bravo")
    limited.api.delete(limited.path("secrets", "alpha-token"))
    limited.until(lambda: limited.token() != "", "the derived Secret is restored")

    requests = re.findall(
        r'^kite_operator_kubernetes_requests_total\{code="(\d+)",resource="(\w+)",verb="(\w+)"\}',
        operator.get("/metrics")[1],
        re.MULTILINE,
    )
    assert requests
    assert [] == [request for request in requests if request[0] in ("401", "403")]
    used = {(resource, VERBS[verb]) for _, resource, verb in requests}
    documented = {(resource, verb) for role in ROLES for resource, verb in _grants(role) if verb not in LISTING}
    assert documented == used


def test_a_right_that_is_missing_is_told_before_a_login_is_spent(
    control_plane: ControlPlane, kubectl: Kubectl, world: World
) -> None:
    watched, account = (yaml.safe_load(yaml.safe_dump(role)) for role in ROLES)
    for rule in watched["rules"]:
        if "secrets" in rule["resources"]:
            rule["verbs"].remove("create")
    # The keys exist already: only the state and the derived Secret cannot be made.
    world.operator().stop()
    user = "operator-without-create"
    account["rules"] = [rule for rule in account["rules"] if "leases" in rule["resources"]]
    for role in (watched, account):
        kubectl("apply", "--namespace", world.namespace, "--filename", "-", input=yaml.safe_dump(role))
        name = role["metadata"]["name"]
        kubectl("create", "rolebinding", name, "--namespace", world.namespace, "--role", name, "--user", user)
    limited = replace(world, kubeconfig=control_plane.kubeconfig_for(user), operators=world.operators)
    limited.operator()
    limited.alpha()
    limited.wait("TargetUnwritable")
    assert "POST" in limited.condition()[2]
    limited.clock.move(3600)
    limited.settle()
    assert 0 == limited.sandbox.counters("AB1234").count("login")
