"""A lapsed subscription (P2): told apart from an expiry, the token not given up for it, over when it is renewed."""

import pytest

from support.sandbox import SandboxApp
from support.world import World


def log_in(world: World, app: SandboxApp) -> None:
    token = world.sandbox.request_token("AB1234", app.api_key)
    world.secrets_made.append(token)
    world.grant(token)


def running(world: World, mode: str) -> SandboxApp:
    """A credential whose token works."""
    world.operator()
    app = world.alpha(mode=mode)
    world.sandbox.update_app(app.api_key, refresh_tokens=mode == "RefreshToken")
    if mode != "TOTP":
        world.wait("LoginRequired")
        log_in(world, app)
    world.wait("SessionActive")
    return app


def state(world: World) -> str:
    found = world.api.get(world.path("secrets", "alpha-token"))
    return str(found["metadata"]["annotations"]["kite-operator.dev/token-state"])


@pytest.mark.parametrize("mode", ["TOTP", "Manual", "RefreshToken"])
def test_a_lapse_in_mid_day_ends_with_the_same_token_and_without_a_login(world: World, mode: str) -> None:
    app = running(world, mode)
    token = world.token()
    world.sandbox.update_app(app.api_key, subscribed=False)
    world.clock.move(301)
    world.wait("SubscriptionInactive")
    assert (token, "Dead", "False") == (world.token(), state(world), world.condition("Blocked")[0])
    assert ("True" if mode == "Manual" else "False") == world.condition("LoginRequired")[0]
    logins = world.sandbox.counters("AB1234").count("login")
    assert logins == (2 if mode == "TOTP" else 0)
    for _ in range(3):
        world.clock.move(700)
        world.settle(0.4)
    assert 1 == world.events().count("TokenDead")
    world.sandbox.update_app(app.api_key, subscribed=True)
    world.clock.move(301)
    world.wait("SessionActive")
    assert (token, "Live") == (world.token(), state(world))
    assert world.sandbox.is_alive(token)
    assert (logins, 0) == (
        world.sandbox.counters("AB1234").count("login"),
        world.sandbox.counters("AB1234").wrong_entries,
    )
    assert "Republished" in world.events()


def test_a_lapse_in_the_morning_ends_by_itself_at_the_price_of_one_more_login(world: World) -> None:
    world.operator()
    app = world.alpha(suspend=True)
    world.wait("Suspended")
    world.sandbox.update_app(app.api_key, subscribed=False)
    world.api.patch(world.path("kitecredentials", "alpha"), {"spec": {"suspend": None}})
    world.wait("SubscriptionInactive")
    for _ in range(6):
        world.clock.move(700)
        world.settle(0.3)
    assert (1, "False") == (world.sandbox.counters("AB1234").count("login"), world.condition("Blocked")[0])
    world.sandbox.update_app(app.api_key, subscribed=True)
    world.clock.move(700)
    world.wait("SessionActive")
    assert 2 == world.sandbox.counters("AB1234").count("login")


def test_a_person_who_logs_in_all_the_same_is_told_what_is_the_matter(world: World) -> None:
    app = running(world, "Manual")
    world.sandbox.update_app(app.api_key, subscribed=False)
    world.clock.move(301)
    world.wait("SubscriptionInactive")
    token = world.sandbox.request_token("AB1234", app.api_key)
    world.secrets_made.append(token)
    world.grant(token, "login-2")
    world.until(lambda: world.api.find(world.path("secrets", "login-2")) is None, "the login was refused")
    world.wait("SubscriptionInactive", "Blocked")
    world.sandbox.update_app(app.api_key, subscribed=True)
    world.clock.move(301)
    world.wait("SessionActive")


def test_a_text_that_only_reads_like_a_lapse_costs_a_login_and_nothing_else(world: World) -> None:
    app = running(world, "Manual")
    world.sandbox.fault("profile", "subscription_lapsed")
    world.sandbox.master_logout("AB1234")
    world.clock.move(301)
    world.wait("SubscriptionInactive")
    log_in(world, app)
    world.wait("SessionActive")


def test_a_new_session_that_was_ended_at_once_and_only_looks_like_a_lapse_is_replaced_by_another_login(
    world: World,
) -> None:
    world.operator()
    app = world.alpha(mode="Manual")
    world.wait("LoginRequired")
    world.sandbox.fault("profile", "html_503", times=1)
    log_in(world, app)
    world.wait_for_failures(1)
    world.sandbox.master_logout("AB1234")
    world.clock.move(16)
    world.wait("SubscriptionInactive")
    assert "True" == world.condition("LoginRequired")[0]
    token = world.sandbox.request_token("AB1234", app.api_key)
    world.secrets_made.append(token)
    world.grant(token, "login-2")
    world.wait("SessionActive")
    assert world.sandbox.is_alive(world.token())


def test_a_refresh_that_is_asked_for_once_the_subscription_is_renewed_brings_a_token(world: World) -> None:
    world.operator()
    app = world.alpha(suspend=True)
    world.wait("Suspended")
    world.sandbox.update_app(app.api_key, subscribed=False)
    world.api.patch(world.path("kitecredentials", "alpha"), {"spec": {"suspend": None}})
    world.wait("SubscriptionInactive")
    world.sandbox.update_app(app.api_key, subscribed=True)
    world.annotate(refresh="1")
    world.clock.move(31)  # the code of the first login's window has been used
    world.wait("SessionActive")
    assert "1" == world.status()["lastHandledRefresh"]
