"""Somebody else keeps changing the derived Secret, or what it says of its token: no endless fight, no extra login."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from support.world import World

STATE = "kite-operator.dev/token-state"
MARKED = 'kite_operator_refresh_attempts_total{action="mark-dead",reason="TokenDead",result="marked"}'


def logins(world: World) -> int:
    return world.sandbox.counters("AB1234").count("login")


def token_state(world: World) -> str:
    annotations: dict[str, Any] = world.api.get(world.path("secrets", "alpha-token"))["metadata"]["annotations"]
    return str(annotations.get(STATE, ""))


def call(world: World, state: str | None) -> None:
    """Somebody else writes the annotation."""
    world.api.patch(world.path("secrets", "alpha-token"), {"metadata": {"annotations": {STATE: state}}})


def test_a_mark_that_is_taken_away_again_and_again_is_put_back_three_times_an_hour(world: World) -> None:
    started = world.operator()
    app = world.alpha(mode="Manual")
    world.wait("LoginRequired")
    world.grant(world.sandbox.request_token("AB1234", app.api_key))
    world.wait("SessionActive")
    world.sandbox.master_logout("AB1234")
    world.clock.move(301)
    world.until(lambda: token_state(world) == "Dead", "marked")
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        if token_state(world) == "Dead":
            call(world, None)
    assert 4 == started.metric(MARKED)
    assert "" == token_state(world)
    # An hour later it is put right again.
    world.clock.move(3700)
    call(world, "Live")
    world.until(lambda: token_state(world) == "Dead", "marked again")
    assert world.events().count("TokenDead") <= 2


def test_a_living_token_that_somebody_calls_dead_is_called_living_again(world: World) -> None:
    world.operator()
    world.alpha()
    world.wait("SessionActive")
    token = world.token()
    call(world, "Dead")
    world.until(lambda: token_state(world) == "Live", "said to be living")
    assert (token, 1) == (world.token(), logins(world))


def test_a_living_token_that_somebody_called_dead_while_the_operator_was_down_is_not_replaced(world: World) -> None:
    world.operator()
    world.alpha()
    world.wait("SessionActive")
    token = world.token()
    world.operators[-1].stop()
    call(world, "Dead")
    world.clock.move(40)
    world.operator()
    world.until(lambda: token_state(world) == "Live", "said to be living")
    world.settle()
    assert (token, 1) == (world.token(), logins(world))
    assert "True" == world.condition()[0]


def test_a_token_that_died_before_a_restart_is_asked_about_once_and_told_once(world: World) -> None:
    world.operator()
    app = world.alpha(mode="Manual")
    world.wait("LoginRequired")
    world.grant(world.sandbox.request_token("AB1234", app.api_key))
    world.wait("SessionActive")
    world.sandbox.master_logout("AB1234")
    world.clock.move(301)
    world.wait("LoginRequired")
    told = world.events().count("TokenDead")
    world.operators[-1].stop()
    before = world.sandbox.all_counters().count("profile", "dead_token")
    world.operator()
    world.until(lambda: world.sandbox.all_counters().count("profile", "dead_token") == before + 1, "asked")
    world.clock.move(700)
    world.settle()
    assert before + 1 == world.sandbox.all_counters().count("profile", "dead_token")
    assert told == world.events().count("TokenDead")
    assert "LoginRequired" == world.condition()[1]


def test_a_token_that_dies_during_a_fight_is_replaced_all_the_same(world: World) -> None:
    world.operator()
    world.alpha()
    world.wait("SessionActive")
    for _ in range(3):
        world.api.delete(world.path("secrets", "alpha-token"))
        world.until(lambda: world.token() != "", "restored")
        world.settle(0.2)
    world.api.delete(world.path("secrets", "alpha-token"))
    world.wait("TargetContested")
    world.sandbox.master_logout("AB1234")
    world.clock.move(310)
    world.until(lambda: world.token() != "", "a new token")
    assert 2 == logins(world)


def test_an_owner_that_somebody_took_away_is_put_back_without_a_login(world: World) -> None:
    world.operator()
    world.alpha()
    world.wait("SessionActive")
    path = world.path("secrets", "alpha-token")
    world.api.patch(path, {"metadata": {"ownerReferences": []}})
    world.until(lambda: bool(world.api.get(path)["metadata"].get("ownerReferences")), "owned again")
    assert 1 == logins(world)


def test_a_target_that_the_api_server_refuses_costs_one_login_and_is_written_when_it_may(world: World) -> None:
    """An admission policy lets the operator keep a session and not publish it: the session waits, and is used."""
    world.operator()
    app, account = world.broker()
    world.sources(app, account)
    with _only_where(world, "object.metadata.name != 'alpha-token'"):
        world.credential()
        world.wait("TargetUnwritable")
        for _ in range(4):
            world.clock.move(301)
            world.settle(0.4)
        assert logins(world) <= 1
        assert "TargetUnwritable" == world.condition()[1]
        assert "the API server refused" in world.condition()[2]
        assert "Delete no Secret" in world.condition()[2]
    world.clock.move(301)
    world.wait("SessionActive")
    assert 1 == logins(world)


def test_a_rule_that_every_secret_must_have_a_label_is_told_before_a_login(world: World) -> None:
    """As platform teams have it. The derived Secret bears the label, the operator's own Secrets cannot."""
    world.operator()
    app, account = world.broker()
    world.sources(app, account)
    with _only_where(world, "has(object.metadata.labels) && 'team' in object.metadata.labels"):
        world.credential(target={"name": "alpha-token", "labels": {"team": "desk"}})
        world.wait("TargetUnwritable")
        assert "admission policies" in world.condition()[2]
        world.clock.move(301)
        world.settle()
        assert 0 == logins(world)
    world.clock.move(301)
    world.wait("SessionActive")
    assert 1 == logins(world)


@contextmanager
def _only_where(world: World, expression: str) -> Iterator[None]:
    """An admission policy in force: in this namespace no Secret is made for which the expression does not hold."""
    name, admission = world.namespace, "/apis/admissionregistration.k8s.io/v1"
    rules = [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["secrets"], "operations": ["CREATE"]}]
    refuse = [{"expression": f"object.metadata.namespace != '{name}' || ({expression})"}]
    policy = {"metadata": {"name": name}, "spec": {"matchConstraints": {"resourceRules": rules}, "validations": refuse}}
    binding = {"metadata": {"name": name}, "spec": {"policyName": name, "validationActions": ["Deny"]}}
    world.api.create(f"{admission}/validatingadmissionpolicies", policy)
    try:
        world.api.create(f"{admission}/validatingadmissionpolicybindings", binding)
        world.until(lambda: _is_refused(world), "the policy is in force")
        yield
    finally:
        world.api.delete(f"{admission}/validatingadmissionpolicybindings/{name}")
        world.api.delete(f"{admission}/validatingadmissionpolicies/{name}")
    world.until(lambda: not _is_refused(world), "the policy is gone")


def _is_refused(world: World) -> bool:
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "alpha-token"}}
    return world.api.call("POST", f"{world.path('secrets')}?dryRun=All", body)[0] == 422
