"""The Roles of docs/security.md are enough for the operator, and all that it uses (P8)."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests
import yaml

from kite_operator.model.account import AttemptLedger, dump
from support.controlplane import ControlPlane, Kubectl, namespace_in
from support.operators import OperatorProcess
from support.ports import free_port
from support.rights import DOCUMENTED
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
        "annotations": {"kite-operator.dev/account": dump(AttemptLedger("ZZ0000"))},
    },
    "spec": {"renewTime": "2020-01-01T00:00:00.000000Z"},
}
ROLES = [DOCUMENTED["kite-operator"], DOCUMENTED["kite-operator-accounts"]]


def _grants(role: dict[str, Any]) -> set[tuple[str, str]]:
    """Resource and verb of every rule; a subresource counts as its resource, as in the metric."""
    return {
        (resource.partition("/")[0], verb)
        for rule in role["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def _requests(operator: OperatorProcess) -> list[tuple[str, str, str]]:
    """Code, resource and verb of what the operator has asked of the API server."""
    return re.findall(
        r'^kite_operator_kubernetes_requests_total\{code="(\d+)",resource="(\w+)",verb="(\w+)"\}',
        operator.get("/metrics")[1],
        re.MULTILINE,
    )


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
    for _ in range(2):  # what is told again is counted on the same Event
        limited.api.delete(limited.path("secrets", "alpha-token"))
        limited.until(lambda: limited.token() != "", "the derived Secret is restored")
        limited.settle(0.3)

    made = _requests(operator)
    assert made
    assert [] == [request for request in made if request[0] in ("401", "403")]
    used = {(resource, VERBS[verb]) for _, resource, verb in made}
    documented = {(resource, verb) for role in ROLES for resource, verb in _grants(role) if verb not in LISTING}
    assert documented == used


def test_a_credential_that_a_new_operator_cannot_look_at_is_shown_by_its_status_and_counts_as_failing(
    limited: World, accounts: str, kubectl: Kubectl
) -> None:
    operator = limited.operator("--account-namespace", accounts)
    limited.alpha()
    limited.wait("SessionActive")
    operator.stop()
    role = ROLES[1]
    blind = {**role, "rules": [rule for rule in role["rules"] if rule["resources"] != ["leases"]]}
    kubectl("apply", "--namespace", accounts, "--filename", "-", input=yaml.safe_dump(blind))
    operator = limited.operator("--account-namespace", accounts)

    def shows(*lines: str) -> bool:
        told = operator.get("/metrics")[1].splitlines()
        return set(lines) <= set(told)

    who = f'name="alpha",namespace="{limited.namespace}"'
    alpha = (
        f"kite_credential_ready{{{who}}} 1.0",
        f'kite_credential_info{{mode="TOTP",{who},reason="SessionActive"}} 1.0',
    )
    limited.until(lambda: shows("kite_operator_failing_credentials 1.0", *alpha), "it is shown, and counts as failing")
    kubectl("apply", "--namespace", accounts, "--filename", "-", input=yaml.safe_dump(role))
    limited.clock.move(130)
    limited.until(lambda: shows("kite_operator_failing_credentials 0.0", *alpha), "it is looked at again")
    assert 1 == limited.sandbox.counters("AB1234").count("login")


def test_reports_take_the_documented_rights_in_the_whole_cluster_and_use_each(
    control_plane: ControlPlane, kubectl: Kubectl, world: World, accounts: str
) -> None:
    watched, account = ROLES
    reports = DOCUMENTED["kite-operator-reports"]
    user, unique = "reported-operator", world.namespace
    kubectl("apply", "--namespace", accounts, "--filename", "-", input=yaml.safe_dump(account))
    kubectl(
        "create", "rolebinding", "accounts", "--namespace", accounts, "--role", "kite-operator-accounts", "--user", user
    )
    wide = [
        {**role, "kind": "ClusterRole", "metadata": {"name": f"{unique}-{n}"}}
        for n, role in enumerate((watched, reports))
    ]
    names = [role["metadata"]["name"] for role in wide]
    try:
        for role, name in zip(wide, names, strict=True):
            kubectl("apply", "--filename", "-", input=yaml.safe_dump(role))
            kubectl("create", "clusterrolebinding", name, "--clusterrole", name, "--user", user)
        limited = replace(world, kubeconfig=control_plane.kubeconfig_for(user), operators=world.operators)
        address = f"127.0.0.1:{free_port()}"
        operator = limited.operator("--namespaces", "", "--account-namespace", accounts, "--report-listen", address)
        limited.alpha()
        limited.wait("SessionActive")
        token = kubectl(
            "create", "token", "default", "--namespace", world.namespace, "--audience", "kite-operator"
        ).stdout
        path = f"/v1/namespaces/{world.namespace}/kitecredentials/alpha/dead-token"
        answer = requests.post(
            f"http://{address}{path}", headers={"Authorization": f"Bearer {token.strip()}"}, timeout=10
        )
        assert 403 == answer.status_code  # it was asked, and the pods' default account may not
        # Other tests' namespaces are coming to their ends meanwhile, where nobody may write: of those nothing is asked.
        made = {(code, what, VERBS[verb]) for code, what, verb in _requests(operator) if what.endswith("reviews")}
        assert {("201", *granted) for granted in _grants(reports)} == made
    finally:
        for name in names:
            kubectl("delete", f"clusterrolebinding/{name}", f"clusterrole/{name}", "--ignore-not-found")


@pytest.mark.parametrize(("verb", "request_verb"), [("create", "POST"), ("update", "PUT")])
def test_a_right_that_is_missing_is_told_before_a_login_is_spent(
    control_plane: ControlPlane, kubectl: Kubectl, world: World, verb: str, request_verb: str
) -> None:
    watched, account = (yaml.safe_load(yaml.safe_dump(role)) for role in ROLES)
    for rule in watched["rules"]:
        if "secrets" in rule["resources"]:
            rule["verbs"].remove(verb)
    # The keys exist already: only the state and the derived Secret cannot be made, or not be written again.
    world.operator().stop()
    user = f"operator-without-{verb}"
    account["rules"] = [rule for rule in account["rules"] if "leases" in rule["resources"]]
    for role in (watched, account):
        kubectl("apply", "--namespace", world.namespace, "--filename", "-", input=yaml.safe_dump(role))
        name = role["metadata"]["name"]
        kubectl("create", "rolebinding", name, "--namespace", world.namespace, "--role", name, "--user", user)
    limited = replace(world, kubeconfig=control_plane.kubeconfig_for(user), operators=world.operators)
    limited.operator()
    limited.alpha()
    limited.wait("TargetUnwritable")
    assert request_verb in limited.condition()[2]
    limited.clock.move(3600)
    limited.settle()
    assert 0 == limited.sandbox.counters("AB1234").count("login")
