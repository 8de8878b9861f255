"""What people do to a credential: its Secrets, suspend and resume, refresh, acknowledge, delete and make it again."""

import base64

import pytest

from support.sandbox import SandboxApp
from support.world import BOTH_WORLDS, REDIRECT_URL, World

INTERVAL_SECONDS = 120
SLACK_SECONDS = 20
"""Less than the wait for an interval, and more than a test takes by the machine's own clock."""
AT_ONCE_SECONDS = 8.0
"""Nothing else would look so soon: the clock is not moved."""


@pytest.fixture(autouse=True)
def noon(world: World) -> None:
    """Away from the flush, whenever the tests run."""
    world.set_clock("2026-11-24T12:00")


def logins(world: World) -> int:
    return world.sandbox.counters("AB1234").count("login")


def profiles(world: World) -> int:
    return world.sandbox.counters("AB1234").count("profile")


def working(world: World, **spec: object) -> SandboxApp:
    """A credential with a token that is checked every two minutes."""
    app = world.alpha(probe={"interval": f"{INTERVAL_SECONDS}s"}, **spec)  # type: ignore[arg-type]  # fields of the spec
    world.wait("SessionActive")
    world.rest()
    return app


def another_app(world: World) -> SandboxApp:
    app = world.sandbox.add_app(redirect_url=REDIRECT_URL)
    world.secrets_made.append(app.api_secret)
    return app


def write(world: World, name: str, **values: str) -> None:
    """Change the values of a Secret that is there, and nothing else of it."""
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    world.api.patch(world.path("secrets", name), {"data": data})


def label(world: World, name: str) -> None:
    labels = {"kite-operator.dev/role": "source"}
    world.api.patch(world.path("secrets", name), {"metadata": {"labels": labels}})


def suspend(world: World, *, wish: bool) -> None:
    world.api.patch(world.path("kitecredentials", "alpha"), {"spec": {"suspend": wish}})


# Source Secrets


def test_a_labelled_source_of_a_working_credential_is_acted_on_at_once(world: World) -> None:
    world.operator()
    working(world)
    label(world, "alpha-app")
    world.settle(0.5)
    world.clock.move(31)  # the next code
    world.settle(0.3)
    assert 1 == logins(world)
    other = another_app(world)
    write(world, "alpha-app", api_key=other.api_key, api_secret=other.api_secret)
    world.until(
        lambda: (world.target() or {}).get("api_key") == other.api_key, "the other app's", within=AT_ONCE_SECONDS
    )


def test_an_unlabelled_source_of_a_working_credential_is_seen_at_the_next_probe(world: World) -> None:
    world.operator()
    app = working(world)
    other = another_app(world)
    write(world, "alpha-app", api_key=other.api_key, api_secret=other.api_secret)
    world.clock.move(INTERVAL_SECONDS - SLACK_SECONDS)
    world.settle(0.5)
    assert (app.api_key, 1) == ((world.target() or {})["api_key"], logins(world))
    world.clock.move(SLACK_SECONDS + 1)
    world.until(lambda: (world.target() or {}).get("api_key") == other.api_key, "the other app's session")
    assert 2 == logins(world)


@pytest.mark.parametrize("labelled", [False, True])
def test_the_source_of_a_blocked_credential_is_seen_within_half_a_minute_and_a_labelled_one_at_once(
    world: World, *, labelled: bool
) -> None:
    world.operator()
    app, account = world.broker()
    world.sources(app, account, password="wrong")
    if labelled:
        label(world, "alpha-login")
    world.credential()
    world.wait("PasswordRejected")
    world.rest()
    write(world, "alpha-login", password=account.password)
    if not labelled:
        world.settle(0.5)
        assert 1 == logins(world)
        world.clock.move(31)
    world.wait("SessionActive", within=AT_ONCE_SECONDS)
    assert 2 == logins(world)


def test_the_app_secret_of_a_blocked_manual_credential_is_seen_within_half_a_minute(world: World) -> None:
    world.operator()
    app, account = world.broker()
    world.sources(app, account, api_secret="wrong")
    world.credential(mode="Manual")
    world.wait("LoginRequired")
    world.grant(world.sandbox.request_token("AB1234", app.api_key))
    world.wait("AppSecretRejected", kind="Blocked")
    write(world, "alpha-app", api_secret=app.api_secret)
    world.clock.move(31)
    world.wait("LoginRequired", within=AT_ONCE_SECONDS)
    assert ("False", "NotBlocked") == world.condition("Blocked")[:2]


def test_the_source_of_a_failing_credential_is_seen_within_half_a_minute(world: World) -> None:
    world.operator()
    app, account = world.broker()
    world.sources(app, account, totp_secret="not base32 at all 0189!")
    world.credential()
    world.wait("TOTPSecretInvalid")
    world.rest()
    write(world, "alpha-login", totp_secret=account.totp_secret)
    world.settle(0.5)
    assert 0 == logins(world)
    world.clock.move(31)
    world.wait("SessionActive", within=AT_ONCE_SECONDS)


# Suspend and resume


def test_while_it_is_suspended_nobody_asks_and_after_that_a_living_token_is_kept(world: World) -> None:
    world.operator()
    working(world)
    token = world.token()
    suspend(world, wish=True)
    world.wait("Suspended")
    assert ("True", "True") == (world.condition()[0], world.condition("Authenticated")[0])
    before = profiles(world)
    for _ in range(3):
        world.clock.move(INTERVAL_SECONDS + 1)
        world.settle(0.2)
    assert before == profiles(world)
    suspend(world, wish=False)
    world.wait("SessionActive")
    world.until(lambda: profiles(world) > before, "asked about again")
    world.settle(0.3)
    assert (token, 1) == (world.token(), logins(world))


def test_a_token_that_died_while_it_was_suspended_is_replaced_after_that(world: World) -> None:
    world.operator()
    working(world)
    token = world.token()
    suspend(world, wish=True)
    world.wait("Suspended")
    world.sandbox.master_logout("AB1234")
    world.clock.move(INTERVAL_SECONDS + 1)
    world.settle(0.5)
    assert (token, 1) == (world.token(), logins(world))
    suspend(world, wish=False)
    world.until(lambda: world.token() != token, "a new token")
    world.wait("SessionActive")
    assert 2 == logins(world)


def test_a_wish_that_comes_while_it_is_suspended_is_honoured_after_that(world: World) -> None:
    world.operator()
    working(world)
    suspend(world, wish=True)
    world.wait("Suspended")
    world.annotate(refresh="1")
    world.settle(0.5)
    assert "lastHandledRefresh" not in world.status()
    suspend(world, wish=False)
    world.until(lambda: world.status().get("lastHandledRefresh") == "1", "honoured")
    assert 1 == logins(world)


# Refresh


def test_a_refresh_is_honoured_once_for_each_new_value_and_not_again_after_a_restart(world: World) -> None:
    world.operator()
    working(world)
    for value in ("1", "2"):
        before = profiles(world)
        world.annotate(refresh=value)
        world.until(lambda value=value: world.status().get("lastHandledRefresh") == value, "honoured")  # type: ignore[misc]  # bound at definition
        world.until(lambda before=before: profiles(world) == before + 1, "asked once")  # type: ignore[misc]  # bound at definition
    before = profiles(world)
    world.annotate(refresh="2")
    world.annotate(unrelated="3")
    world.settle(0.5)
    world.operators[-1].kill()
    world.operator()
    world.settle(1)
    assert before == profiles(world)
    assert 2 == world.events().count("Republished")
    assert 1 == logins(world)


def test_a_refresh_is_never_made_past_a_block(world: World) -> None:
    world.operator()
    app, account = world.broker()
    world.sources(app, account, password="wrong")
    world.credential()
    world.wait("PasswordRejected")
    for value in ("1", "2", "3"):
        world.annotate(refresh=value)
        world.until(lambda value=value: world.status().get("lastHandledRefresh") == value, "answered")  # type: ignore[misc]  # bound at definition
        world.clock.move(31)
        world.settle(0.2)
    assert (1, 1) == (logins(world), world.sandbox.counters("AB1234").wrong_passwords)


# Acknowledge


def test_the_acknowledgement_of_another_block_opens_nothing(world: World) -> None:
    world.operator()
    app, account = world.broker()
    world.sources(app, account, password="wrong")
    world.credential()
    world.wait("PasswordRejected")
    block = world.status()["blockID"]
    world.annotate(acknowledge=f"{block}-of-yesterday")
    world.until(lambda: "AcknowledgementIgnored" in world.events(), "told")
    world.clock.move(31)
    world.settle(0.5)
    assert (1, block) == (logins(world), world.status()["blockID"])


# Delete and re-create


@BOTH_WORLDS
def test_a_credential_that_is_deleted_and_made_again_logs_in_once_more(world: World) -> None:
    """Its Secrets went with it: there is nothing left of the token that still lives at the broker."""
    world.operator()
    working(world)
    path = world.path("kitecredentials", "alpha")
    world.api.delete(path)
    world.until(lambda: world.api.find(path) is None, "deleted")
    world.settle()  # a look that was under way has ended
    for name in ("alpha-token", "alpha-kite-state"):
        world.api.delete(world.path("secrets", name))
    world.clock.move(61)
    world.credential()
    world.wait("SessionActive")
    assert 2 == logins(world)
    assert world.sandbox.is_alive(world.token())
