"""Mode TOTP on a real API server: from the first login through the days."""

from datetime import UTC, datetime, timedelta, timezone

from kiteconnect import KiteConnect

from support.world import World

IST = timezone(timedelta(hours=5, minutes=30))


def official_client(world: World, name: str = "alpha-token") -> KiteConnect:
    held = world.target(name) or {}
    return KiteConnect(held["api_key"], access_token=held["access_token"], root=world.sandbox.api_url)


def move_to(world: World, hour: int, minute: int, days: int = 0) -> None:
    """Move both clocks forward to the next such time of day (IST), and whole days more."""
    now = datetime.fromtimestamp(world.clock.now(), UTC).astimezone(IST)
    at = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    while at <= now:
        at += timedelta(days=1)
    world.clock.move((at - now).total_seconds() + days * 86400)


def test_a_new_credential_gets_a_token_that_the_official_client_can_use(world: World) -> None:
    world.operator()
    app = world.alpha()
    world.wait("SessionActive")
    held = world.target()
    assert held is not None
    assert {"api_key", "access_token", "user_id", "expires_at"} == set(held)
    assert ("AB1234", app.api_key) == (held["user_id"], held["api_key"])
    assert "AB1234" == official_client(world).profile()["user_id"]
    assert ["Refreshed"] == world.events()
    assert 1 == world.sandbox.counters("AB1234").count("login")


def test_a_prefix_that_nobody_allowed_is_refused_before_a_login(world: World) -> None:
    world.operator()
    world.alpha(target={"name": "alpha-token", "annotations": {"reflector.example.org/copy-to": "everywhere"}})
    world.wait("InvalidSpec")
    assert "'reflector.example.org/copy-to'" in world.condition()[2]
    world.settle()
    assert 0 == world.sandbox.counters("AB1234").count("login")


def test_the_derived_secret_is_owned_labelled_and_dated(world: World) -> None:
    world.operator("--target-metadata-prefixes", "example.org")
    world.alpha(target={"name": "alpha-token", "labels": {"team": "a"}, "annotations": {"example.org/x": "y"}})
    world.wait("SessionActive")
    secret = world.api.get(world.path("secrets", "alpha-token"))
    uid = world.api.get(world.path("kitecredentials", "alpha"))["metadata"]["uid"]
    metadata = secret["metadata"]
    assert [uid] == [owner["uid"] for owner in metadata["ownerReferences"]]
    assert "target" == metadata["labels"]["kite-operator.dev/role"]
    assert "alpha" == metadata["labels"]["kite-operator.dev/credential"]
    assert "a" == metadata["labels"]["team"]
    assert "y" == metadata["annotations"]["example.org/x"]
    assert "Live" == metadata["annotations"]["kite-operator.dev/token-state"]
    held = world.target() or {}
    assert held["expires_at"] == metadata["annotations"]["kite-operator.dev/expires-at"]
    assert held["expires_at"].endswith("T06:00:00+05:30")


def test_the_token_is_replaced_every_day_after_the_flush(world: World) -> None:
    world.operator()
    world.alpha()
    world.wait("SessionActive")
    first = world.token()
    move_to(world, 12, 0)
    world.until(lambda: world.token() != first and world.condition()[0] == "True", "the first refresh")
    for _ in range(2):
        old = world.token()
        move_to(world, 7, 46)
        world.until(lambda old=old: world.token() != old, "a new token")  # type: ignore[misc]  # bound at definition
        world.until(lambda: world.condition()[0] == "True", "Ready")
        assert not world.sandbox.is_alive(old)
        assert "AB1234" == official_client(world).profile()["user_id"]


def test_nothing_happens_on_an_ordinary_afternoon(world: World) -> None:
    world.operator()
    world.alpha()
    world.wait("SessionActive")
    old = world.token()
    move_to(world, 13, 0, days=1)
    world.until(lambda: world.token() != old and world.condition()[1] == "SessionActive", "a new token")
    world.settle()
    token, before = world.token(), world.sandbox.counters("AB1234").count("login")
    for _ in range(4):
        world.clock.move(301)
        world.settle(0.3)
    assert (token, before) == (world.token(), world.sandbox.counters("AB1234").count("login"))
    assert world.sandbox.counters("AB1234").count("profile") >= 4


def test_an_operator_that_was_down_at_the_scheduled_minute_catches_up(world: World) -> None:
    first = world.operator()
    world.alpha()
    world.wait("SessionActive")
    old = world.token()
    assert 0 == first.stop()
    move_to(world, 9, 30)
    world.operator()
    world.until(lambda: world.token() not in ("", old), "a new token")


def test_a_restart_costs_no_login(world: World) -> None:
    first = world.operator()
    world.alpha()
    world.wait("SessionActive")
    token = world.token()
    first.kill()
    world.clock.move(40)
    world.operator()
    world.settle()
    assert 1 == world.sandbox.counters("AB1234").count("login")
    assert token == world.token()
