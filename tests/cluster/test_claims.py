"""Whose account it is: squatting and claims as attacks over namespaces, and the wrong entries that reach the broker."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest

from support.controlplane import Kubectl, namespace_in
from support.world import World


@pytest.fixture
def stranger(kubectl: Kubectl, world: World) -> Iterator[World]:
    """The same broker and API server, seen from another namespace: whoever is there may create KiteCredentials."""
    with namespace_in(kubectl, f"test-{uuid.uuid4().hex[:12]}") as name:
        yield replace(world, namespace=name, operators=world.operators)


def both(world: World, stranger: World, *arguments: str) -> None:
    """One operator for both namespaces."""
    namespaces = f"{world.namespace},{stranger.namespace}"
    world.operator("--namespaces", namespaces, "--account-namespace", world.namespace, *arguments)


def allow(world: World, client_ids: str | None) -> None:
    annotations = {"kite-operator.dev/client-ids": client_ids}
    world.api.patch(f"/api/v1/namespaces/{world.namespace}", {"metadata": {"annotations": annotations}})


def squat(world: World, stranger: World) -> None:
    """The stranger names the account and its app, and guesses: one wrong entry."""
    app, account = world.broker()
    stranger.sources(app, account, "squatter", password="a-guess", api_secret="guessedsecret0000000000000000000")
    stranger.credential("squatter")
    stranger.wait("PasswordRejected", name="squatter")
    world.sources(app, account)


def record(world: World) -> str:
    lease = world.api.get(world.path("leases", "kite-account-ab1234"))
    return str(lease["metadata"]["annotations"]["kite-operator.dev/account"])


def wrong_entries(world: World) -> int:
    return int(world.sandbox.counters("AB1234").wrong_entries)


def test_who_holds_the_account_keeps_it_whatever_a_stranger_does(world: World, stranger: World) -> None:
    both(world, stranger)
    app = world.alpha()
    world.wait("SessionActive")
    account = world.sandbox.add_account("AB1234", password="another")
    stranger.sources(app, account, "squatter", password="a-guess")
    stranger.credential("squatter")
    stranger.wait("Conflict", name="squatter")
    for guess in ("guess-2", "guess-3"):
        stranger.sources(app, account, "squatter", password=guess)
        world.clock.move(31)
        world.settle()
    assert 0 == wrong_entries(world)
    assert ("True", "SessionActive") == world.condition()[:2]


def test_a_stranger_with_an_app_of_its_own_leaves_the_holder_its_entries(world: World, stranger: World) -> None:
    both(world, stranger)
    world.alpha()
    world.wait("SessionActive")
    account = world.sandbox.add_account("AB1234")
    other = world.sandbox.add_app()
    for guess in range(4):
        stranger.sources(other, account, "squatter", password=f"guess-{guess}")
        if not guess:
            stranger.credential("squatter")
        world.clock.move(31)
        world.settle()
    stranger.wait("AttemptBudgetExhausted", name="squatter")
    assert 2 == wrong_entries(world)
    world.sandbox.master_logout("AB1234")
    world.clock.move(301)
    world.until(lambda: world.sandbox.is_alive(world.token()), "the holder logs in all the same")


def test_a_strangers_exchanges_do_not_stand_in_the_way_of_the_holders_morning(world: World, stranger: World) -> None:
    """Each holds a lock for as long as the broker takes: not the one that the holder's login needs."""
    both(world, stranger)
    world.alpha(schedule={"at": "07:35", "readyBy": "08:45", "jitter": "0m"})
    world.wait("SessionActive")
    yesterdays = world.token()
    app = world.sandbox.add_app()
    stranger.secret("squatter-app", api_key=app.api_key, api_secret=app.api_secret)
    stranger.credential("squatter", mode="Manual")
    stranger.wait("LoginRequired", name="squatter")
    world.set_clock("2030-01-09T07:34")
    held = world.sandbox.hold("session_token", api_key=app.api_key, times=9)
    for number in range(9):
        stranger.grant(f"strayrequesttoken{number:015}", f"stray-{number}", "squatter")
    world.sandbox.wait_held(held)
    assert [f"{stranger.namespace}/squatter"] == [each["credential"] for each in json.loads(record(world))["app_locks"]]
    world.clock.move(70)
    world.until(lambda: world.token() != yesterdays, "the holder logs in while the stranger exchanges")
    world.wait("SessionActive")
    assert world.sandbox.is_alive(world.token())
    assert 2 == world.sandbox.counters("AB1234").count("login")


def test_a_squatter_that_came_first_is_shut_out_by_the_list_on_its_namespace(world: World, stranger: World) -> None:
    both(world, stranger)
    squat(world, stranger)
    world.settle(1.1)  # creation times are in whole seconds
    world.credential()
    world.wait("Conflict")
    assert stranger.namespace in world.condition()[2]
    allow(stranger, "ZZ9999")
    world.clock.suspend(61)
    world.clock.move(31)
    stranger.wait("ClientNotAllowed", name="squatter")
    world.clock.move(31)
    world.wait("SessionActive")
    assert 1 == wrong_entries(world)


def test_an_older_credential_comes_before_a_squatter_that_has_proven_nothing(world: World, stranger: World) -> None:
    both(world, stranger)
    world.credential(suspend=True)
    world.wait("Suspended")
    world.settle(1.1)  # creation times are in whole seconds
    squat(world, stranger)
    world.api.patch(world.path("kitecredentials", "alpha"), {"spec": {"suspend": None}})
    world.clock.move(31)
    world.wait("SessionActive")
    stranger.until(lambda: stranger.condition(name="squatter")[1] in ("Conflict", "PasswordRejected"), "kept out")


def test_a_running_holder_whose_lease_was_lost_beats_a_squatter(world: World, stranger: World) -> None:
    both(world, stranger)
    app = world.alpha()
    world.wait("SessionActive")
    world.api.delete(world.path("leases", "kite-account-ab1234"))
    account = world.sandbox.add_account("AB1234")
    stranger.sources(app, account, "squatter", password="a-guess")
    stranger.credential("squatter")
    stranger.wait("PasswordRejected", name="squatter")
    world.clock.move(301)
    world.until(lambda: '"proven":true' in record(world), "the claim is made anew")
    world.clock.move(31)
    stranger.wait("Conflict", name="squatter")
    assert ("True", "SessionActive") == world.condition()[:2]


def test_a_namespace_with_a_list_lets_nobody_else_call_the_broker(world: World) -> None:
    allow(world, "CD5678 EF9012")
    world.operator()
    world.alpha()
    world.wait("ClientNotAllowed")
    world.settle()
    assert 0 == sum(world.sandbox.counters("AB1234").calls.values())
    assert "ClientNotAllowed" in world.events()
    allow(world, "CD5678 AB1234")
    world.clock.suspend(61)
    world.clock.move(61)
    world.wait("SessionActive")


def test_where_a_list_is_required_a_namespace_without_one_allows_nobody(world: World) -> None:
    world.operator("--namespace-client-ids", "required")
    world.alpha()
    world.wait("ClientNotAllowed")
    assert 0 == sum(world.sandbox.counters("AB1234").calls.values())


def test_a_credential_that_is_taken_off_the_list_keeps_its_secret_and_is_not_probed(world: World) -> None:
    world.operator()
    world.alpha()
    world.wait("SessionActive")
    token, profiles = world.token(), world.sandbox.counters("AB1234").count("profile")
    allow(world, "")
    world.clock.suspend(301)
    world.clock.move(301)
    world.wait("ClientNotAllowed")
    world.clock.move(3600)
    world.settle()
    counters = world.sandbox.counters("AB1234")
    assert (token, profiles, 1) == (world.token(), counters.count("profile"), counters.count("login"))
