"""A login grant that somebody's finalizer keeps from going is used or refused once, and not again and again."""

from support.world import World

FINALIZERS = {"metadata": {"finalizers": ["example.org/audit"]}}


def kept_grant(world: World, request_token: str, name: str) -> None:
    """A grant that a deletion does not remove."""
    world.grant(request_token, name, credential="nobody-yet")
    labels = {"kite-operator.dev/credential": "alpha"}
    body = {"metadata": {**FINALIZERS["metadata"], "labels": labels}}
    world.api.patch(world.path("secrets", name), body)


def deleting(world: World, name: str) -> bool:
    return "deletionTimestamp" in world.api.get(world.path("secrets", name))["metadata"]


def let_go(world: World, name: str) -> None:
    world.api.patch(world.path("secrets", name), {"metadata": {"finalizers": None}})


def test_a_used_grant_that_stays_is_not_exchanged_again(world: World) -> None:
    world.operator()
    app = world.alpha(mode="Manual")
    world.wait("LoginRequired")
    kept_grant(world, world.sandbox.request_token("AB1234", app.api_key), "login-1")
    world.wait("SessionActive")
    world.until(lambda: deleting(world, "login-1"), "deleted as far as it goes")
    for _ in range(3):
        world.clock.move(20)
        world.settle(0.3)
    assert 1 == world.sandbox.counters("AB1234").count("session_token")
    assert ["LoginRequired", "Refreshed"] == [each for each in world.events() if each != "SessionActive"]
    let_go(world, "login-1")


def test_a_refused_grant_that_stays_is_told_once(world: World) -> None:
    world.operator()
    world.alpha(mode="Manual")
    world.wait("LoginRequired")
    kept_grant(world, "", "login-1")
    world.until(lambda: "GrantInvalid" in world.events(), "told")
    world.settle(2.0)
    assert 1 == world.events().count("GrantInvalid")
    let_go(world, "login-1")
