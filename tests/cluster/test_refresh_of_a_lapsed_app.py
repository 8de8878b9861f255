"""A refresh that a person asks for while the subscription is lapsed costs one login, not the whole day's (P2)."""

from support.world import BOTH_WORLDS, World


@BOTH_WORLDS
def test_a_refresh_that_brings_a_session_that_is_refused_is_not_repeated(world: World) -> None:
    world.operator()
    world.sandbox.fault("profile", "subscription_lapsed", times=None)
    world.alpha()
    world.wait("SubscriptionInactive")
    world.clock.move(120)
    world.annotate(refresh="is it renewed?")
    world.until(lambda: world.status().get("lastHandledRefresh") == "is it renewed?", "handled", within=40)
    for _ in range(4):
        world.clock.move(61)
        world.settle(0.5)
    assert world.sandbox.counters("AB1234").count("login") <= 2
    assert "SubscriptionInactive" == world.condition()[1]
    world.sandbox.clear_faults()
    world.clock.move(301)
    world.wait("SessionActive")
