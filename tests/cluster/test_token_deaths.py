"""However a token dies, that is noticed within the effective probe interval and healed by the mode.

TOTP logs in, RefreshToken renews while its refresh_token lives and otherwise asks a person, as Manual always does.
"""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from support.sandbox import SandboxApp
from support.world import BOTH_WORLDS, World

INTERVAL_SECONDS = 120
NEXT_PASSWORD = "Another-Horse-78"
MODES = ("TOTP", "Manual", "RefreshToken")


@pytest.fixture(autouse=True)
def noon(world: World) -> None:
    """Away from the flush, whenever the tests run."""
    world.set_clock("2026-11-24T12:00")


def logins(world: World) -> int:
    return world.sandbox.counters("AB1234").count("login")


def renewals(world: World) -> int:
    return world.sandbox.counters("AB1234").count("refresh_token")


def profiles(world: World) -> int:
    return world.sandbox.counters("AB1234").count("profile")


def logged_out_by_api(world: World, app: SandboxApp) -> None:
    world.sandbox.logout(app.api_key, world.token())


def master_logout(world: World, app: SandboxApp) -> None:
    assert app.api_key
    world.sandbox.master_logout("AB1234")


def password_reset(world: World, app: SandboxApp) -> None:
    """The login Secret gets the new one at once, where there is one."""
    world.sandbox.change_password("AB1234", NEXT_PASSWORD)
    world.secrets_made.append(NEXT_PASSWORD)
    data = {"password": base64.b64encode(NEXT_PASSWORD.encode()).decode()}
    world.api.patch(world.path("secrets", "alpha-login"), {"data": data})
    assert app.api_key


def regenerated_secret(world: World, app: SandboxApp) -> None:
    """The app Secret gets the new one at once."""
    fresh = world.sandbox.regenerate_secret(app.api_key)
    world.secrets_made.append(fresh)
    world.secret("alpha-app", api_key=app.api_key, api_secret=fresh)


DEATHS: dict[str, Callable[[World, SandboxApp], None]] = {
    "logout by API": logged_out_by_api,
    "master logout": master_logout,
    "password reset": password_reset,
    "regenerated secret": regenerated_secret,
}


def first_token(world: World, mode: str, **spec: Any) -> SandboxApp:
    """A credential of that mode with a token, on a platform that gets refresh_tokens where the mode is about them."""
    app = world.alpha(mode=mode, **spec)
    world.sandbox.update_app(app.api_key, refresh_tokens=mode == "RefreshToken")
    if mode != "TOTP":
        world.wait("LoginRequired")
        world.grant(world.sandbox.request_token("AB1234", app.api_key))
    world.wait("SessionActive")
    return app


def healed(world: World, mode: str, app: SandboxApp, *, renewable: bool) -> None:
    """There is a working token again, by what the mode does."""
    dead = world.token()
    if mode == "Manual" or (mode == "RefreshToken" and not renewable):
        world.wait("LoginRequired")
        assert ("True", "False") == (world.condition("LoginRequired")[0], world.condition()[0])
        assert dead == world.token()
        world.clock.move(6)
        world.grant(world.sandbox.request_token("AB1234", app.api_key), "login-2")
    world.until(lambda: world.token() != dead, "another token")
    world.wait("SessionActive")
    assert world.sandbox.is_alive(world.token())
    expected = {"TOTP": (2, 0), "Manual": (0, 0), "RefreshToken": (0, 1)}[mode]
    assert expected == (logins(world), renewals(world))
    assert 0 == world.sandbox.counters("AB1234").wrong_entries


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("death", DEATHS)
def test_a_token_that_dies_is_missed_within_the_probe_interval_and_replaced_by_the_mode(
    world: World, mode: str, death: str
) -> None:
    world.operator()
    app = first_token(world, mode, probe={"interval": f"{INTERVAL_SECONDS}s"})
    token, before = world.token(), profiles(world)
    DEATHS[death](world, app)
    world.clock.move(INTERVAL_SECONDS - 20)
    world.settle(0.3)
    assert (token, before) == (world.token(), profiles(world))
    world.clock.move(21)
    world.until(lambda: "TokenDead" in world.events(), "missed")
    healed(world, mode, app, renewable=death == "logout by API")


@pytest.mark.parametrize("mode", MODES)
def test_a_regenerated_secret_that_ends_no_session_costs_no_login(world: World, mode: str) -> None:
    world.sandbox.switch(regenerate_kills_sessions=False)
    world.operator()
    app = first_token(world, mode, probe={"interval": f"{INTERVAL_SECONDS}s"})
    token, before = world.token(), (logins(world), renewals(world))
    regenerated_secret(world, app)
    for _ in range(3):
        seen = profiles(world)
        world.clock.move(INTERVAL_SECONDS + 1)
        world.until(lambda seen=seen: profiles(world) > seen, "probed")  # type: ignore[misc]  # bound at definition
        world.settle(0.2)
    assert ("True", "SessionActive") == world.condition()[:2]
    assert (token, before) == (world.token(), (logins(world), renewals(world)))


@pytest.mark.parametrize("mode", MODES)
def test_a_token_of_six_that_dies_in_the_flush_of_half_past_seven_is_missed_right_after_it(
    world: World, mode: str
) -> None:
    """A probe each hour alone would notice at ten past eight."""
    world.sandbox.switch(flush_at="07:30")
    world.set_clock("2026-11-25T06:10:00")
    world.operator()
    app = first_token(world, mode, probe={"interval": "1h"})
    world.set_clock("2026-11-25T07:29:30")
    world.until(lambda: profiles(world) >= 2, "probed at the interval")
    world.settle(0.3)
    assert ("True", "SessionActive") == world.condition()[:2]
    world.set_clock("2026-11-25T07:32:05")
    world.until(lambda: "TokenDead" in world.events(), "missed")
    healed(world, mode, app, renewable=True)


@BOTH_WORLDS
@pytest.mark.parametrize("mode", MODES)
def test_a_login_before_the_late_flush_may_bring_yesterdays_token_and_is_made_once_more_after_it(
    world: World, mode: str
) -> None:
    """Where Kite gives the living token once more it dies at 07:30 all the same: no second login before that helps."""
    world.sandbox.switch(flush_at="07:30")
    world.set_clock("2026-11-24T12:00:00")
    world.operator()
    schedule = {"at": "06:05", "readyBy": "06:30", "jitter": "0s"}
    app = first_token(world, mode, schedule=schedule)
    yesterdays = world.token()
    world.set_clock("2026-11-25T06:10:00")
    if mode == "Manual":
        world.until(lambda: world.condition()[1] != "SessionActive", "due")
        world.grant(world.sandbox.request_token("AB1234", app.api_key), "login-2")
    world.until(lambda: world.status().get("expiresTime", "").startswith("2026-11-26"), "a session of today")
    world.wait("SessionActive")
    world.clock.move(600)
    world.settle(0.5)
    assert world.gives_the_same_token() is (world.token() == yesterdays)
    assert ("True", "SessionActive") == world.condition()[:2]
    before = (logins(world), renewals(world))
    assert {"TOTP": (2, 0), "Manual": (0, 0), "RefreshToken": (0, 1)}[mode] == before
    assert world.sandbox.is_alive(world.token())
    dying = world.token()
    world.set_clock("2026-11-25T07:32:05")
    world.until(lambda: "TokenDead" in world.events(), "missed")
    if mode == "Manual":
        world.wait("LoginRequired")
        world.grant(world.sandbox.request_token("AB1234", app.api_key), "login-3")
    world.until(lambda: world.token() != dying, "another token")
    world.wait("SessionActive")
    assert world.sandbox.is_alive(world.token())
