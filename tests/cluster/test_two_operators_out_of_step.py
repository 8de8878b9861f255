"""Two operators (a rollout, a second replica) that look at the same moment and log in one after the other (P2, P3)."""

from support.world import World


def test_a_slow_one_does_not_replace_the_session_of_the_fast_one(world: World) -> None:
    world.operator()
    world.operator()
    held = world.sandbox.hold("connect_login", when="before", times=1)
    world.alpha()
    world.sandbox.wait_held(held)
    world.wait("SessionActive")
    token = world.token()
    world.sandbox.release(held)
    world.settle(2.0)
    assert 1 == world.sandbox.counters("AB1234").count("login")
    assert token == world.token()
    assert world.sandbox.is_alive(token)
