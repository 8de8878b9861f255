"""A leaked token is revoked: ended at the broker, and nobody logs in before a person acknowledges."""

import pytest

from support.world import World


def revoked(world: World, value: str = "leaked-1") -> str:
    """Set the annotation, and wait until all of it is done; gives the block's name."""
    world.annotate(revoke=value)
    world.wait("Revoked")
    world.until(lambda: world.status().get("lastHandledRevoke") == value, "handled")
    return str(world.status()["blockID"])


def state_of_the_token(world: World) -> str:
    metadata = world.api.get(world.path("secrets", "alpha-token"))["metadata"]
    return str(metadata["annotations"]["kite-operator.dev/token-state"])


def test_a_revoked_token_is_ended_and_stays_down_until_it_is_acknowledged(world: World) -> None:
    world.operator()
    world.alpha()
    world.wait("SessionActive")
    token = world.token()
    block = revoked(world)
    assert not world.sandbox.is_alive(token)
    assert "Dead" == state_of_the_token(world)
    assert ("True", "Revoked") == world.condition("Blocked")[:2]
    assert "Revoked" in world.events()
    profiles = world.sandbox.counters("AB1234").count("profile")
    world.clock.move(86400)
    world.settle()
    counters = world.sandbox.counters("AB1234")
    assert (1, profiles) == (counters.count("login"), counters.count("profile"))
    world.annotate(acknowledge=block)
    world.wait("SessionActive")
    assert world.sandbox.is_alive(world.token())


def test_the_value_in_git_does_nothing_to_a_credential_that_is_made_again(world: World) -> None:
    world.operator()
    world.alpha()
    world.wait("SessionActive")
    world.annotate(acknowledge=revoked(world))
    world.clock.move(31)
    world.wait("SessionActive")
    token = world.token()
    body = world.api.get(world.path("kitecredentials", "alpha"))
    world.api.patch(world.path("kitecredentials", "alpha"), {"spec": {"target": {"deletionPolicy": "Retain"}}})
    world.until(
        lambda: not world.api.get(world.path("secrets", "alpha-token"))["metadata"].get("ownerReferences"), "kept"
    )
    world.api.delete(world.path("kitecredentials", "alpha"))
    metadata = {"name": "alpha", "annotations": {"kite-operator.dev/revoke": "leaked-1"}}
    spec = {**body["spec"], "target": {**body["spec"]["target"], "deletionPolicy": "Retain"}}
    kind = {"apiVersion": body["apiVersion"], "kind": body["kind"]}
    world.api.create(world.path("kitecredentials"), {**kind, "metadata": metadata, "spec": spec})
    world.wait("SessionActive")
    world.settle()
    assert (token, True) == (world.token(), world.sandbox.is_alive(token))


def test_a_suspended_credential_is_revoked_all_the_same(world: World) -> None:
    world.operator()
    world.alpha()
    world.wait("SessionActive")
    token = world.token()
    world.api.patch(world.path("kitecredentials", "alpha"), {"spec": {"suspend": True}})
    world.wait("Suspended")
    world.annotate(revoke="leaked-1")
    world.until(lambda: not world.sandbox.is_alive(token), "ended")
    world.api.patch(world.path("kitecredentials", "alpha"), {"spec": {"suspend": None}})
    world.wait("Revoked")


def test_an_outage_of_the_broker_delays_the_logout_and_nothing_else(world: World) -> None:
    world.operator()
    world.alpha()
    world.wait("SessionActive")
    token = world.token()
    world.sandbox.fault("logout", "html_503", times=1)
    world.annotate(revoke="leaked-1")
    world.until(lambda: "failures" in world.status(), "a failed logout")
    world.until(lambda: world.condition("Blocked")[0] == "True", "blocked all the same")
    assert "Dead" == state_of_the_token(world)
    world.clock.move(16)
    world.until(lambda: not world.sandbox.is_alive(token), "ended at last")
    world.wait("Revoked")


@pytest.mark.parametrize("point", ["after-revoke-block", "after-logout"])
def test_a_kill_in_the_middle_is_made_good(world: World, point: str) -> None:
    dying = world.operator(DIE_AT=point)
    world.alpha()
    world.wait("SessionActive")
    token = world.token()
    world.annotate(revoke="leaked-1")
    assert -9 == dying.wait_dead()
    world.operator()
    world.wait("Revoked")
    world.until(lambda: world.status().get("lastHandledRevoke") == "leaked-1", "handled")
    assert not world.sandbox.is_alive(token)
    assert 1 == world.sandbox.counters("AB1234").count("login")


def test_in_mode_manual_a_login_by_hand_is_refused_until_it_is_acknowledged(world: World) -> None:
    world.operator()
    app = world.alpha(mode="Manual")
    world.wait("LoginRequired")
    world.grant(world.sandbox.request_token("AB1234", app.api_key))
    world.wait("SessionActive")
    block = revoked(world)
    world.grant(world.sandbox.request_token("AB1234", app.api_key), "login-2")
    world.until(lambda: world.api.find(world.path("secrets", "login-2")) is None, "refused")
    assert ("False", "Revoked") == world.condition()[:2]
    # The acknowledgement counts also while somebody writes the app Secret anew.
    world.api.delete(world.path("secrets", "alpha-app"))
    world.annotate(acknowledge=block)
    world.wait("AppSecretNotFound")
    assert ("False", "NotBlocked") == world.condition("Blocked")[:2]
    world.secret("alpha-app", api_key=app.api_key, api_secret=app.api_secret)
    world.clock.move(31)
    world.wait("LoginRequired")
    world.clock.move(6)
    world.grant(world.sandbox.request_token("AB1234", app.api_key), "login-3")
    world.wait("SessionActive")
