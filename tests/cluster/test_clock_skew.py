"""A node whose clock is not the broker's: told apart from a wrong TOTP secret, at no cost to the account (P1)."""

import pytest

from support.operators import OperatorProcess
from support.sandbox import SandboxApp
from support.world import World

OFFSET = "kite_operator_broker_clock_offset_seconds"


def skewed(world: World, broker_ahead: float, totp_tolerance: int = 0) -> SandboxApp:
    """A credential whose broker's clock is so many seconds ahead of the operator's."""
    app, account = world.broker()
    world.sandbox.switch(api_key=app.api_key, totp_clock_offset_s=broker_ahead, totp_tolerance=totp_tolerance)
    world.sandbox.switch(client_id="AB1234", totp_clock_offset_s=broker_ahead, totp_tolerance=totp_tolerance)
    world.sources(app, account)
    world.credential()
    return app


def mend(world: World, app: SandboxApp) -> None:
    """The clock is set right, and the next measurement comes."""
    world.sandbox.switch(api_key=app.api_key, totp_clock_offset_s=0)
    world.sandbox.switch(client_id="AB1234", totp_clock_offset_s=0)
    world.clock.move(700)


def measured(operator: OperatorProcess) -> float:
    value = operator.metric(OFFSET)
    assert value is not None
    return value


@pytest.mark.parametrize("broker_ahead", [90, -90])
def test_a_clock_that_no_code_can_bear_costs_no_submission_and_passes_when_it_is_mended(
    world: World, broker_ahead: float
) -> None:
    operator = world.operator()
    app = skewed(world, broker_ahead)
    world.wait("ClockSkew")
    way = "behind" if broker_ahead > 0 else "ahead of"
    assert any(f"{near} s {way} the broker's" in world.condition()[2] for near in range(88, 93))
    assert "NTP" in world.condition()[2]
    assert ("False", "False") == (world.condition("Blocked")[0], world.condition("LoginRequired")[0])
    assert "nextRetryTime" in world.status()["failures"]
    assert abs(measured(operator) + broker_ahead) <= 3
    for tries in (2, 3, 4):
        world.clock.move(700)
        world.wait_for_failures(tries)
    assert "ClockSkew" == world.condition()[1]
    assert 0 == world.sandbox.counters("AB1234").count("login")
    assert ["ClockSkew"] == world.events()
    mend(world, app)
    world.wait("SessionActive")
    assert abs(measured(operator)) <= 3
    assert 0 == world.sandbox.counters("AB1234").wrong_entries


def test_a_code_that_may_be_right_is_tried_once_and_then_the_clock_is_named(world: World) -> None:
    world.operator()
    app = skewed(world, 40)
    world.until(lambda: world.sandbox.counters("AB1234").count("twofa", "wrong_code") == 1, "a refused code")
    world.wait_for_failures(1)
    world.clock.move(31)
    world.wait("ClockSkew")
    assert "a code was refused" in world.condition()[2]
    world.clock.move(3600)
    world.settle()
    assert 1 == world.sandbox.counters("AB1234").wrong_entries
    mend(world, app)
    world.wait("SessionActive")
    assert 1 == world.sandbox.counters("AB1234").wrong_entries


def test_a_broker_that_accepts_neighbouring_windows_is_logged_in_to(world: World) -> None:
    world.operator()
    skewed(world, 31, totp_tolerance=1)
    world.wait("SessionActive")
    assert 0 == world.sandbox.counters("AB1234").wrong_entries


@pytest.mark.parametrize("broker_ahead", [12, -12])
def test_a_clock_that_is_off_by_seconds_logs_in_while_both_are_in_the_same_window(
    world: World, broker_ahead: float
) -> None:
    world.operator()
    skewed(world, broker_ahead)
    world.wait("SessionActive", within=40)
    assert 0 == world.sandbox.counters("AB1234").wrong_entries


def test_a_wrong_secret_is_told_from_a_wrong_clock(world: World) -> None:
    world.operator()
    app, account = world.broker()
    world.sources(app, account, totp_secret="JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    world.credential()
    world.until(lambda: world.sandbox.counters("AB1234").count("twofa", "wrong_code") == 1, "a refused code")
    world.wait_for_failures(1)
    world.clock.move(31)
    world.wait("TOTPRejected")
    assert "True" == world.condition("Blocked")[0]
    assert "The secret is what is wrong, not the clock" in world.condition()[2]
    assert 2 == world.sandbox.counters("AB1234").wrong_entries
