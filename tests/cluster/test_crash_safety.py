"""kill -9 of the operator at each named step of a refresh: P1-P3 from the sandbox's own counters."""

import json
import signal
from collections.abc import Callable, Sequence

import pytest

from support.world import World

BEFORE_STAGE = (
    "before-password-send",
    "after-password-answer",
    "before-totp-send",
    "after-totp-answer",
    "after-request-token",
    "before-exchange",
    "after-exchange",
)
AFTER_STAGE = ("after-stage", "before-profile", "after-proof", "before-publish", "after-publish", "after-clear")
RESERVATION_SECONDS = 100
"""Longer than a reservation and a login's lock live."""


def in_the_other_world_after_the_exchange(points: Sequence[str]) -> pytest.MarkDecorator:
    """At `points`; where a session was lost that lives at the broker, also where another login gives it once more."""
    rows = [*(("kills_old", point) for point in points), ("same_token", "after-exchange")]
    return pytest.mark.parametrize(("broker", "point"), rows, indirect=["broker"])


def restart(world: World) -> None:
    world.clock.move(RESERVATION_SECONDS)
    world.operator()


@in_the_other_world_after_the_exchange(BEFORE_STAGE)
def test_a_kill_before_the_session_is_staged_costs_at_most_one_login(world: World, point: str) -> None:
    dying = world.operator(DIE_AT=point)
    world.alpha()
    assert -9 == dying.wait_dead()
    assert "" == world.token()
    restart(world)
    world.wait("SessionActive")
    counters = world.sandbox.counters("AB1234")
    assert counters.count("login") <= 2
    assert 0 == counters.wrong_entries
    assert world.sandbox.is_alive(world.token())


@pytest.mark.parametrize("point", AFTER_STAGE)
def test_a_kill_after_the_session_is_staged_costs_no_login(world: World, point: str) -> None:
    dying = world.operator(DIE_AT=point)
    world.alpha()
    assert -9 == dying.wait_dead()
    restart(world)
    world.wait("SessionActive")
    assert 1 == world.sandbox.counters("AB1234").count("login")
    assert world.sandbox.is_alive(world.token())


@in_the_other_world_after_the_exchange(("before-password-send", "after-exchange", "after-stage", "before-publish"))
def test_a_kill_in_a_daily_refresh_leaves_the_old_secret_until_the_new_is_proven(world: World, point: str) -> None:
    first = world.operator()
    world.alpha()
    world.wait("SessionActive")
    old = world.token()
    first.kill()
    world.clock.move(86400 + 43200)
    dying = world.operator(wait=False, DIE_AT=point)
    assert -9 == dying.wait_dead()
    assert old == world.token()
    restart(world)
    world.until(lambda: world.token() not in ("", old), "a new token")
    world.until(lambda: world.sandbox.is_alive(world.token()), "alive")
    assert world.sandbox.counters("AB1234").count("login") <= 3


def test_killed_twice_a_day_with_an_unknown_outcome_it_asks_a_person(world: World) -> None:
    dying = world.operator(DIE_AT="before-password-send")
    world.alpha()
    assert -9 == dying.wait_dead()
    world.clock.move(RESERVATION_SECONDS)
    assert -9 == world.operator(wait=False, DIE_AT="before-password-send").wait_dead()
    restart(world)
    world.wait("AttemptOutcomeUnknown")
    assert 0 == world.sandbox.counters("AB1234").count("login")
    block = world.status()["blockID"]
    assert "True" == world.condition("Blocked")[0]
    world.annotate(acknowledge=block)
    world.wait("SessionActive")
    assert "Unblocked" in world.events()


def frozen_and_overtaken(world: World, wait: Callable[[float], None]) -> str:
    """An operator freezes before the send of a code, another one logs in; then the first thaws. Gives the token."""
    frozen = world.operator(STOP_AT="before-totp-send")
    world.alpha()
    world.until(frozen.is_frozen, "frozen")
    wait(RESERVATION_SECONDS)
    world.operator()
    world.wait("SessionActive")
    token = world.token()
    frozen.process.send_signal(signal.SIGCONT)
    world.settle(1.5)
    return token


def test_an_operator_that_thaws_after_its_reservation_sends_nothing(world: World) -> None:
    token = frozen_and_overtaken(world, world.clock.suspend)
    assert token == world.token()
    assert (1, 0) == (world.sandbox.counters("AB1234").count("twofa"), world.sandbox.counters("AB1234").wrong_entries)


def test_an_operator_that_thaws_behind_its_last_check_is_counted_and_publishes_nothing(world: World) -> None:
    """The window that cannot be fenced: P1 holds even there, and what comes late is not published."""
    token = frozen_and_overtaken(world, world.clock.move)
    assert token == world.token()
    counters = world.sandbox.counters("AB1234")
    assert (2, 1) == (counters.count("twofa"), counters.wrong_codes)
    lease = world.api.get(world.path("leases", "kite-account-ab1234"))
    record = json.loads(lease["metadata"]["annotations"]["kite-operator.dev/account"])
    assert ["wrong"] == [attempt["outcome"] for attempt in record["attempts"]]


def test_a_grant_whose_answer_was_lost_is_told_as_such(world: World) -> None:
    world.operator()
    app = world.alpha(mode="Manual")
    world.wait("LoginRequired")
    world.operators[0].kill()
    dying = world.operator(DIE_AT="after-exchange")
    token = world.sandbox.request_token("AB1234", app.api_key)
    world.grant(token)
    assert -9 == dying.wait_dead()
    restart(world)
    world.until(lambda: "GrantLost" in world.events(), "GrantLost")
    world.until(lambda: world.api.find(world.path("secrets", "login-1")) is None, "the grant is deleted")
    world.wait("LoginRequired")
    world.assert_nothing_leaked(token)


@pytest.mark.parametrize("point", ["after-take", "after-stage", "before-publish"])
def test_a_kill_around_a_grant_loses_nothing(world: World, point: str) -> None:
    dying = world.operator(DIE_AT=point)
    app = world.alpha(mode="Manual")
    world.wait("LoginRequired")
    world.grant(world.sandbox.request_token("AB1234", app.api_key))
    assert -9 == dying.wait_dead()
    restart(world)
    world.wait("SessionActive")
    assert world.sandbox.is_alive(world.token())


def test_a_sigterm_ends_the_operator_cleanly(world: World) -> None:
    started = world.operator()
    world.alpha()
    world.wait("SessionActive")
    assert 0 == started.stop()
