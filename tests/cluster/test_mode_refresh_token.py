"""Mode RefreshToken: a person logs in once, and from then on the operator renews the session with what that brought."""

import base64
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from support.operators import OperatorProcess
from support.sandbox import SandboxApp
from support.world import BOTH_WORLDS, World

IST = timezone(timedelta(hours=5, minutes=30))
STATE = "alpha-kite-state"
LOCK_SECONDS = 100
"""Longer than a renewal's lock lives."""


def to_next_refresh(world: World) -> None:
    """Move both clocks to the next 07:50 IST: after the scheduled refresh and its jitter."""
    now = datetime.fromtimestamp(world.clock.now(), UTC).astimezone(IST)
    at = now.replace(hour=7, minute=50, second=0, microsecond=0)
    world.clock.move(((at if at > now else at + timedelta(days=1)) - now).total_seconds())


def platform(world: World) -> SandboxApp:
    """A credential of an approved platform."""
    app = world.alpha(mode="RefreshToken")
    world.sandbox.update_app(app.api_key, refresh_tokens=True)
    return app


def renewal(world: World) -> str:
    """The refresh_token that the state Secret holds, or an empty text; remembered as a secret of the test."""
    found = world.api.find(world.path("secrets", STATE)) or {}
    data = found.get("data") or {}
    if "renewal" not in data:
        return ""
    token = str(json.loads(base64.b64decode(data["renewal"]))["refresh_token"])
    world.secrets_made.append(token)
    return token


def log_in(world: World, app: SandboxApp, name: str = "login-1") -> str:
    """A person logs in; returns the access_token that is published then."""
    former = world.token()
    world.grant(world.sandbox.request_token("AB1234", app.api_key), name)
    world.until(lambda: world.token() != former and world.condition()[1] == "SessionActive", "a token by a login")
    return world.token()


def wait_new(world: World, former: str) -> str:
    """Until another token is published and works."""
    world.until(lambda: world.token() not in ("", former) and world.condition()[1] == "SessionActive", "a new token")
    assert world.sandbox.is_alive(world.token())
    return world.token()


def renewals(world: World) -> int:
    return world.sandbox.counters("AB1234").count("refresh_token")


def next_day(world: World, former: OperatorProcess, **environment: str) -> OperatorProcess:
    """Another operator takes over at the next refresh."""
    former.kill()
    to_next_refresh(world)
    return world.operator(wait=not environment, **environment)


def test_without_a_refresh_token_a_person_is_asked(world: World) -> None:
    world.operator()
    platform(world)
    world.wait("LoginRequired")
    assert "True" == world.condition("LoginRequired")[0]
    assert 0 == sum(world.sandbox.counters("AB1234").calls.values())


def test_one_login_lasts_for_days_by_renewals_with_the_newest_refresh_token(world: World) -> None:
    world.operator()
    app = platform(world)
    world.wait("LoginRequired")
    token = log_in(world, app)
    held = [renewal(world)]
    for day in (1, 2, 3):
        to_next_refresh(world)
        token = wait_new(world, token)
        held.append(renewal(world))
        assert day == renewals(world)
    assert 4 == len(set(held) - {""})
    assert ("False", "NotRequired") == world.condition("LoginRequired")[:2]
    assert "LoginRequired" not in world.events()[1:]
    assert {"api_key", "access_token", "user_id", "expires_at"} == set(world.target() or {})
    world.assert_nothing_leaked(*held)


def test_a_refresh_token_that_does_not_rotate_is_used_again(world: World) -> None:
    world.sandbox.switch(refresh_rotates=False)
    world.operator()
    token = log_in(world, platform(world))
    held = renewal(world)
    for _ in range(2):
        to_next_refresh(world)
        token = wait_new(world, token)
    assert held == renewal(world)


def test_a_retail_app_behaves_as_in_mode_manual(world: World) -> None:
    world.operator()
    app = world.alpha(mode="RefreshToken")
    log_in(world, app)
    assert "" == renewal(world)
    to_next_refresh(world)
    world.wait("LoginRequired")
    assert 0 == renewals(world)


def test_a_session_that_dies_in_mid_day_is_renewed(world: World) -> None:
    world.operator()
    app = platform(world)
    token = log_in(world, app)
    world.sandbox.logout(app.api_key, token)
    world.annotate(refresh="1")
    wait_new(world, token)
    assert 1 == renewals(world)


def test_a_rejected_refresh_token_is_forgotten_and_a_person_is_asked(world: World) -> None:
    world.operator()
    app = platform(world)
    token = log_in(world, app)
    former = renewal(world)
    world.sandbox.master_logout("AB1234")
    to_next_refresh(world)
    world.wait("LoginRequired")
    assert "RefreshTokenRejected" in world.condition()[2]
    assert "RefreshTokenRejected" in world.events()
    assert "False" == world.condition("Blocked")[0]
    assert ("", token) == (renewal(world), world.token())
    world.clock.move(3600)
    world.settle()
    assert 1 == renewals(world)
    log_in(world, app, "login-2")
    assert renewal(world) not in ("", former)


def test_a_wrong_api_secret_blocks_until_it_is_corrected(world: World) -> None:
    first = world.operator()
    app = platform(world)
    token = log_in(world, app)
    held = renewal(world)
    first.kill()
    world.secret("alpha-app", api_key=app.api_key, api_secret="not-the-secret")
    to_next_refresh(world)
    world.operator()
    world.wait("AppSecretRejected")
    assert "True" == world.condition("Blocked")[0]
    world.clock.move(1200)
    world.settle()
    assert (1, held) == (renewals(world), renewal(world))
    world.secret("alpha-app", api_key=app.api_key, api_secret=app.api_secret)
    world.clock.move(60)
    wait_new(world, token)


def test_an_outage_is_waited_out_with_the_same_refresh_token(world: World) -> None:
    world.operator()
    token = log_in(world, platform(world))
    held = renewal(world)
    world.sandbox.fault("refresh_token", "html_503")
    to_next_refresh(world)
    world.wait("BrokerUnavailable")
    assert (held, "False") == (renewal(world), world.condition("LoginRequired")[0])
    assert "nextRetryTime" in world.status()["failures"]
    world.sandbox.clear_faults()
    world.clock.move(700)
    wait_new(world, token)


def test_a_fourth_session_of_one_day_waits_for_a_person(world: World) -> None:
    world.operator()
    app = platform(world)
    token = log_in(world, app)
    for number in range(3):
        world.sandbox.logout(app.api_key, token)
        world.annotate(refresh=str(number))
        token = wait_new(world, token)
        world.clock.move(61)
    world.sandbox.logout(app.api_key, token)
    world.annotate(refresh="again")
    world.wait("SessionContested")
    assert 3 == renewals(world)


@pytest.mark.parametrize("point", ["before-renewal", "after-stage", "before-profile", "before-publish", "after-clear"])
def test_a_kill_around_the_answer_loses_nothing(world: World, point: str) -> None:
    first = world.operator()
    token = log_in(world, platform(world))
    dying = next_day(world, first, DIE_AT=point)
    assert -9 == dying.wait_dead()
    world.clock.move(LOCK_SECONDS)
    world.operator()
    wait_new(world, token)
    assert (1, True) == (renewals(world), renewal(world) != "")


@BOTH_WORLDS
def test_a_kill_between_the_answer_and_the_stage_costs_one_login_by_a_person(world: World) -> None:
    first = world.operator()
    app = platform(world)
    token = log_in(world, app)
    dying = next_day(world, first, DIE_AT="after-renewal")
    assert -9 == dying.wait_dead()
    world.clock.move(LOCK_SECONDS)
    world.operator()
    world.wait("LoginRequired")
    assert (2, "", token) == (renewals(world), renewal(world), world.token())
    log_in(world, app, "login-2")
    assert "" != renewal(world)


def test_a_renewal_is_proven_before_it_is_published(world: World) -> None:
    world.operator()
    token = log_in(world, platform(world))
    world.sandbox.fault("profile", "html_503", times=None)
    to_next_refresh(world)
    world.wait("WaitingForSchedule")
    world.clock.move(1800)
    world.until(lambda: "BrokerUnavailable" == world.status().get("failures", {}).get("reason"), "not proven")
    assert (1, token) == (renewals(world), world.token())
    world.sandbox.clear_faults()
    world.clock.move(700)
    wait_new(world, token)
    assert 1 == renewals(world)


@pytest.mark.parametrize("preset", ["missing_access_token", "empty_access_token", "missing_user_id"])
def test_an_answer_without_a_usable_session_keeps_the_refresh_token_that_it_brought(world: World, preset: str) -> None:
    world.operator()
    token = log_in(world, platform(world))
    former = renewal(world)
    world.sandbox.fault("refresh_token", preset)
    to_next_refresh(world)
    world.wait("UnexpectedAnswer")
    assert renewal(world) not in ("", former)
    world.clock.move(700)
    wait_new(world, token)
    assert 2 == renewals(world)
    assert "RefreshTokenRejected" not in world.events()
