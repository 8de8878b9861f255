"""Workloads that read the token once are restarted after it has changed: a real operator, real workloads."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from kite_operator.model.expiry import IST
from support.controlplane import ControlPlane, Kubectl, eventually
from support.documents import ROOT, blocks, page
from support.operators import OperatorProcess
from support.workloads import CONSENT, PLURALS, VERSION, path, pods, workload
from support.world import Api, World

MERGE = "application/merge-patch+json"
ALLOWED = ("--allow-rollout-restarts", "true")
TRADER = {"kind": "Deployment", "name": "trader"}
ALL = [{"kind": kind, "name": "trader"} for kind in PLURALS]


def move_to(world: World, hour: int, minute: int) -> None:
    """Move both clocks forward to the next such time of day (IST)."""
    now = datetime.fromtimestamp(world.clock.now(), UTC).astimezone(IST)
    at = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    world.clock.move(((at if at > now else at + timedelta(days=1)) - now).total_seconds())


def make(world: World, kind: str = "Deployment", **changes: Any) -> None:
    world.api.create(path(world.namespace, kind), workload(kind, **changes))


def seen(world: World, kind: str = "Deployment") -> dict[str, Any]:
    return world.api.get(path(world.namespace, kind, "trader"))


def restarts(world: World, kind: str = "Deployment") -> int:
    """How often its pod template was changed: its generation began with 1."""
    return int(seen(world, kind)["metadata"]["generation"]) - 1


def rollout(world: World) -> dict[str, Any]:
    return dict(world.status().get("rollout") or {})


def results(world: World) -> list[str]:
    return [each.get("result", "") for each in rollout(world).get("workloads", ())]


def running(world: World, at: tuple[int, int] = (17, 0), *arguments: str, **spec: Any) -> OperatorProcess:
    """An operator that has published a first token at this time of day, and knows the workloads."""
    move_to(world, *at)
    operator = world.operator(*(arguments or ALLOWED))
    world.alpha(rollout={"restart": [TRADER], **spec})
    world.wait("SessionActive")
    world.until(lambda: bool(rollout(world).get("tokenVersion")), "the workloads were looked at")
    return operator


def another_token(world: World) -> str:
    """The present token dies, and the operator finds it out at the next probe."""
    old = world.token()
    world.sandbox.master_logout("AB1234")
    world.clock.move(301)
    world.until(lambda: world.token() not in ("", old), "a new token")
    world.secrets_made.append(world.token())
    return world.token()


def look_again(world: World, seconds: float = 301) -> None:
    """Two more looks at the credential: whatever would be done wrongly is done then."""
    before = world.sandbox.counters("AB1234").count("profile")
    world.clock.move(seconds)
    world.until(lambda: world.sandbox.counters("AB1234").count("profile") > before, "a probe")
    world.settle(0.3)


def test_every_kind_is_restarted_once_for_a_new_token_and_not_for_the_first(world: World) -> None:
    for kind in PLURALS:
        make(world, kind)
    operator = running(world, restart=ALL)
    assert [0, 0, 0] == [restarts(world, kind) for kind in PLURALS]
    assert ["Current"] * 3 == results(world)
    token = another_token(world)
    world.until(lambda: ["Restarted"] * 3 == results(world), "all are restarted")
    look_again(world)
    assert [1, 1, 1] == [restarts(world, kind) for kind in PLURALS]
    version = rollout(world)["tokenVersion"]
    assert [version] * 3 == [pods(seen(world, kind))[VERSION] for kind in PLURALS]
    assert ["RolloutRestarted"] * 3 == [reason for reason in world.events() if reason.startswith("Rollout")]
    for kind in PLURALS:
        labels = f'{{kind="{kind}",result="Restarted"}}'
        assert 1 == operator.metric(f"kite_operator_rollout_restarts_total{labels}")
        assert token not in str(seen(world, kind))


def test_kubernetes_replaces_the_pods_after_the_stamp(world: World) -> None:
    make(world)
    running(world)
    sets = f"/apis/apps/v1/namespaces/{world.namespace}/replicasets"
    world.until(lambda: 1 == len(world.api.get(sets)["items"]), "the first ReplicaSet")
    another_token(world)
    world.until(lambda: 2 == len(world.api.get(sets)["items"]), "another ReplicaSet")


def test_in_market_hours_two_new_tokens_wait_for_one_restart_at_the_end(world: World) -> None:
    make(world)
    running(world, (10, 0))
    another_token(world)
    world.until(lambda: ["Waiting"] == results(world), "it waits")
    assert rollout(world)["nextTime"].endswith("T15:30:00+05:30")
    another_token(world)
    move_to(world, 15, 29)
    world.settle()
    assert 0 == restarts(world)
    move_to(world, 15, 30)
    world.until(lambda: ["Restarted"] == results(world), "restarted")
    look_again(world)
    assert 1 == restarts(world)
    assert rollout(world)["tokenVersion"] == pods(seen(world))[VERSION]
    assert ["RolloutWaiting", "RolloutRestarted"] == [each for each in world.events() if each.startswith("Rollout")]


def test_when_always_does_not_wait(world: World) -> None:
    make(world)
    running(world, (10, 0), when="Always")
    another_token(world)
    world.until(lambda: 1 == restarts(world), "restarted in market hours")


def test_a_wait_ends_when_the_spec_says_so(world: World) -> None:
    make(world)
    running(world, (10, 0))
    another_token(world)
    world.until(lambda: ["Waiting"] == results(world), "it waits")
    world.api.patch(world.path("kitecredentials", "alpha"), {"spec": {"rollout": {"marketHours": "14:00-15:30"}}})
    world.until(lambda: 1 == restarts(world), "restarted")


def test_a_restart_by_hand_is_not_repeated(world: World, kubectl: Kubectl) -> None:
    make(world)
    running(world, (10, 0))
    another_token(world)
    world.until(lambda: ["Waiting"] == results(world), "it waits")
    # kubectl stamps the real time, and the clock of this test is ahead of it.
    at = datetime.fromtimestamp(world.clock.now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    by_hand = {"kubectl.kubernetes.io/restartedAt": at}
    kubectl("rollout", "restart", "deployment/trader", "--namespace", world.namespace)
    assert set(by_hand) == set(pods(seen(world)))
    template = {"spec": {"template": {"metadata": {"annotations": by_hand}}}}
    world.api.patch(path(world.namespace, "Deployment", "trader"), template)
    before = restarts(world)
    move_to(world, 15, 31)
    world.until(lambda: ["Current"] == results(world), "looked at")
    assert before == restarts(world)


@pytest.mark.parametrize(("relogin", "expected"), [("same_token", 0), ("kills_old", 1)])
def test_a_login_that_brings_the_same_token_restarts_nothing(world: World, relogin: str, expected: int) -> None:
    make(world)
    operator = running(world)
    token = world.token()
    world.sandbox.switch(relogin=relogin)
    operator.kill()
    for name in ("alpha-token", "alpha-kite-state"):
        world.api.delete(world.path("secrets", name))
    world.clock.move(100)
    world.operator(*ALLOWED)
    world.until(lambda: world.token() != "", "a token")
    assert 2 == world.sandbox.counters("AB1234").count("login")
    assert (relogin == "same_token") == (world.token() == token)
    world.until(lambda: expected == restarts(world), "restarted, or not")
    look_again(world)
    assert expected == restarts(world)


def test_what_changes_the_secret_and_not_the_token_restarts_nothing(world: World) -> None:
    make(world)
    running(world)
    token = world.token()
    world.api.delete(world.path("secrets", "alpha-token"))
    world.until(lambda: world.token() == token, "healed")
    world.annotate(refresh="1")
    world.until(lambda: world.status().get("lastHandledRefresh") == "1", "published anew")
    changes = {"spec": {"target": {"format": ["keys", "env"], "labels": {"desk": "one"}}}}
    world.api.patch(world.path("kitecredentials", "alpha"), changes)
    world.until(lambda: "KITE_ACCESS_TOKEN" in (world.target() or {}), "another format")
    look_again(world)
    assert 0 == restarts(world)
    assert [] == [reason for reason in world.events() if reason.startswith("Rollout")]


def test_other_keys_of_the_operator_are_no_other_token(world: World) -> None:
    make(world)
    running(world).kill()
    before = rollout(world)["tokenVersion"]
    world.api.delete(world.path("secrets", "kite-operator-keys"))
    world.operator(*ALLOWED)
    world.until(lambda: rollout(world)["tokenVersion"] != before, "another version of the same token")
    look_again(world)
    assert 0 == restarts(world)
    another_token(world)
    world.until(lambda: 1 == restarts(world), "restarted")


@pytest.mark.parametrize("point", ["before-publish", "after-publish", "after-clear", "before-restart", "after-restart"])
def test_a_kill_between_the_token_and_the_restart_loses_and_repeats_none(world: World, point: str) -> None:
    make(world)
    running(world).kill()
    old = world.token()
    world.sandbox.master_logout("AB1234")
    world.clock.move(301)
    world.annotate(refresh="1")
    assert -9 == world.operator(*ALLOWED, wait=False, DIE_AT=point).wait_dead()
    world.clock.move(100)
    world.operator(*ALLOWED)
    world.until(lambda: world.token() not in ("", old), "a new token")
    world.until(lambda: 1 == restarts(world), "restarted")
    world.until(lambda: "RolloutRestarted" in world.events(), "told")
    look_again(world)
    assert 1 == restarts(world)
    assert 1 == world.events().count("RolloutRestarted")
    assert rollout(world)["tokenVersion"] == pods(seen(world))[VERSION]


def test_a_restart_that_waits_survives_the_operator(world: World) -> None:
    make(world)
    operator = running(world, (10, 0))
    another_token(world)
    world.until(lambda: ["Waiting"] == results(world), "it waits")
    operator.kill()
    move_to(world, 15, 35)
    world.operator(*ALLOWED)
    world.until(lambda: 1 == restarts(world), "restarted")


def test_two_operators_make_one_restart(world: World) -> None:
    make(world)
    running(world)
    world.operator(*ALLOWED)
    another_token(world)
    world.until(lambda: ["Restarted"] == results(world) or ["Current"] == results(world), "restarted")
    look_again(world)
    assert 1 == restarts(world)


def test_an_operator_that_does_not_allow_it_says_so_and_asks_nothing_about_workloads(world: World) -> None:
    make(world)
    move_to(world, 17, 0)
    operator = world.operator()
    world.alpha(rollout={"restart": [TRADER]})
    world.wait("SessionActive")
    world.until(lambda: "RolloutNotAllowed" in world.events(), "told")
    another_token(world)
    world.wait("SessionActive")
    look_again(world)
    assert 1 == world.events().count("RolloutNotAllowed")
    assert "--allow-rollout-restarts" in rollout(world)["message"]
    assert 0 == restarts(world)
    assert "deployments" not in operator.get("/metrics")[1]
    operator.stop()
    world.operator(*ALLOWED)
    world.until(lambda: ["Current"] == results(world), "allowed from now on")
    another_token(world)
    world.until(lambda: 1 == restarts(world), "restarted")


def test_a_workload_that_does_not_consent_is_left_alone_and_one_that_comes_later_is_not_restarted_for_it(
    world: World,
) -> None:
    make(world, consents_to="")
    running(world)
    world.until(lambda: "RolloutNotAllowed" in world.events(), "told")
    assert f"{CONSENT}=alpha" in rollout(world)["message"]
    another_token(world)
    look_again(world)
    assert ["NotAllowed"] == results(world)
    consent = {"metadata": {"annotations": {CONSENT: "alpha"}}}
    world.api.patch(path(world.namespace, "Deployment", "trader"), consent)
    world.clock.move(901)
    world.until(lambda: ["Current"] == results(world), "it consents now")
    assert {} == pods(seen(world))
    another_token(world)
    world.until(lambda: VERSION in pods(seen(world)), "restarted")


def test_a_workload_that_is_made_after_the_token_is_not_restarted_for_it(world: World) -> None:
    running(world)
    world.until(lambda: ["NotFound"] == results(world), "told")
    assert "RolloutFailed" in world.events()
    assert "True" == world.condition()[0]
    make(world)
    world.clock.move(901)
    world.until(lambda: ["Current"] == results(world), "there by now")
    assert (0, 1) == (restarts(world), world.events().count("RolloutFailed"))
    another_token(world)
    world.until(lambda: 1 == restarts(world), "restarted")


def test_a_paused_deployment_is_restarted_when_it_goes_on(world: World) -> None:
    make(world, paused=True)
    running(world)
    another_token(world)
    world.until(lambda: ["Paused"] == results(world), "told")
    assert 0 == restarts(world)
    world.api.patch(path(world.namespace, "Deployment", "trader"), {"spec": {"paused": False}})
    world.clock.move(901)
    world.until(lambda: ["Restarted"] == results(world), "restarted")


@pytest.fixture
def limited(control_plane: ControlPlane, kubectl: Kubectl, world: World) -> Callable[..., World]:
    """The world, whose operators have these of the documented Roles and no other right."""
    roles = {role["metadata"]["name"]: role for role in map(yaml.safe_load, blocks(page("docs/security.md"), "yaml"))}

    def make_limited(*names: str) -> World:
        user = f"operator-of-{world.namespace}"
        for name in names:
            kubectl("apply", "--namespace", world.namespace, "--filename", "-", input=yaml.safe_dump(roles[name]))
            kubectl("create", "rolebinding", name, "--namespace", world.namespace, "--role", name, "--user", user)
        return replace(world, kubeconfig=control_plane.kubeconfig_for(user))

    return make_limited


def apps_requests(operator: OperatorProcess) -> set[tuple[str, str, str]]:
    """Verb, resource and code of what was asked about workloads."""
    lines = operator.get("/metrics")[1].splitlines()
    found = [line for line in lines if line.startswith("kite_operator_kubernetes_requests_total")]
    labels = [
        dict(each.split("=") for each in line[line.index("{") + 1 : line.index("}")].split(",")) for line in found
    ]
    plain = [{name: value.strip('"') for name, value in each.items()} for each in labels]
    return {(each["verb"], each["resource"], each["code"]) for each in plain if each["resource"] in PLURALS.values()}


def test_without_the_rights_the_token_comes_all_the_same(limited: Callable[..., World]) -> None:
    world = limited("kite-operator", "kite-operator-accounts")
    make(world)
    operator = running(world)
    world.until(lambda: ["Refused"] == results(world), "told")
    assert "docs" not in rollout(world)["message"]
    assert "GET" in rollout(world)["message"]
    another_token(world)
    world.wait("SessionActive")
    look_again(world)
    assert (0, {("GET", "deployments", "403")}) == (restarts(world), apps_requests(operator))
    assert 2 == world.events().count("RolloutFailed")  # once for each token


def test_the_documented_rights_suffice_and_each_is_used(limited: Callable[..., World]) -> None:
    world = limited("kite-operator", "kite-operator-accounts", "kite-operator-rollout")
    for kind in PLURALS:
        make(world, kind)
    operator = running(world, restart=ALL)
    another_token(world)
    world.until(lambda: ["Restarted"] * 3 == results(world), "restarted")
    used = {(verb, resource) for verb, resource, code in apps_requests(operator) if code == "200"}
    assert {(verb, resource) for verb in ("GET", "PATCH") for resource in PLURALS.values()} == used
    assert {"200", "409"} >= {code for _, _, code in apps_requests(operator)}


@pytest.fixture
def policed(control_plane: ControlPlane, kubectl: Kubectl, world: World) -> Iterator[World]:
    """The world, whose operators are the account that the shipped admission policy is about, with every right here."""
    account = "system:serviceaccount:kite-operator:kite-operator"
    binding = ("rolebinding", "everything", "--clusterrole", "cluster-admin", "--user", account)
    kubectl("create", *binding, "--namespace", world.namespace)
    made = replace(world, kubeconfig=control_plane.kubeconfig_for(account))
    thief = Api(made.kubeconfig)
    folder = str(ROOT / "deploy" / "rollout")
    kubectl("apply", "--kustomize", folder)
    try:
        make(made, name="of-the-thief")
        place = path(world.namespace, "Deployment", "of-the-thief")
        scale = {"spec": {"replicas": 1}}
        eventually(lambda: thief.call("PATCH", place, scale, MERGE)[0] == 422, "the policy is in force")
        yield made
    finally:
        thief.close()
        kubectl("delete", "--kustomize", folder, "--wait=false")


def test_under_the_shipped_policy_the_operator_restarts_what_consents(policed: World) -> None:
    for kind in PLURALS:
        make(policed, kind)
    running(policed, restart=ALL)
    another_token(policed)
    policed.until(lambda: ["Restarted"] * 3 == results(policed), "restarted")
    assert [1, 1, 1] == [restarts(policed, kind) for kind in PLURALS]


def test_a_policy_that_refuses_the_restart_is_told_and_the_token_comes_all_the_same(
    world: World, kubectl: Kubectl
) -> None:
    make(world)
    running(world)
    name = f"frozen-{world.namespace}"
    frozen = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": ["apps"],
                        "apiVersions": ["v1"],
                        "operations": ["UPDATE"],
                        "resources": ["deployments"],
                    }
                ]
            },
            "matchConditions": [{"name": "here", "expression": f"request.namespace == '{world.namespace}'"}],
            "validations": [{"expression": "false", "message": "a freeze"}],
        },
    }
    bound = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    }
    place = path(world.namespace, "Deployment", "trader")
    try:
        kubectl("apply", "--filename", "-", input=yaml.safe_dump_all([frozen, bound]))
        eventually(lambda: world.api.call("PATCH", place, {}, MERGE)[0] == 422, "the freeze is in force")
        another_token(world)
        world.until(lambda: ["Refused"] == results(world), "told")
        assert ("True", "SessionActive") == world.condition()[:2]
        assert "RolloutFailed" in world.events()
        assert "PATCH" in rollout(world)["message"]
        assert "a freeze" not in str([rollout(world), world.logs()])
        look_again(world)
        assert (0, 1) == (restarts(world), world.events().count("RolloutFailed"))
    finally:
        kubectl("delete", f"validatingadmissionpolicybinding/{name}", f"validatingadmissionpolicy/{name}")
    eventually(lambda: world.api.call("PATCH", place, {}, MERGE)[0] == 200, "the freeze is over")
    world.clock.move(901)
    world.until(lambda: ["Restarted"] == results(world), "restarted")


def test_spec_rollout_that_is_taken_away_leaves_nothing_in_status(world: World) -> None:
    make(world)
    running(world)
    world.api.patch(world.path("kitecredentials", "alpha"), {"spec": {"rollout": None}})
    world.until(lambda: "rollout" not in world.status(), "forgotten")
    another_token(world)
    look_again(world)
    assert 0 == restarts(world)
