"""A clock that is set back (P6): what was said before is not newer than what is said now, and no wait is silent."""

from support.world import World


def test_a_token_that_dies_after_the_clock_was_set_back_is_replaced(world: World) -> None:
    world.operator()
    world.alpha()
    world.wait("SessionActive")
    world.clock.move(3600)
    world.settle(0.5)
    old = world.token()
    probes = world.sandbox.counters("AB1234").count("profile")
    world.until(lambda: world.sandbox.counters("AB1234").count("profile") >= probes, "probed in the future")
    world.clock.move(-1800)
    world.settle(0.5)
    world.sandbox.master_logout("AB1234")
    world.clock.move(301)
    world.until(lambda: world.status().get("failures") is None and world.token() != old, "a new token", within=15)


def test_a_crash_in_a_login_before_the_clock_is_set_back_does_not_stop_logins_for_the_length_of_the_jump(
    world: World,
) -> None:
    dying = world.operator(DIE_AT="after-password-answer")
    world.alpha()
    assert -9 == dying.wait_dead()
    world.clock.move(-7200)
    world.operator()
    world.wait("SessionActive")
    assert 0 == world.sandbox.counters("AB1234").wrong_entries


def test_codes_that_were_used_in_the_future_are_awaited_and_that_is_told(world: World) -> None:
    dying = world.operator(DIE_AT="after-totp-answer")
    world.alpha()
    assert -9 == dying.wait_dead()
    world.clock.move(-7200)
    world.operator()
    world.wait("WaitingForTOTPWindow")
    status, _, message = world.condition()
    assert "False" == status
    assert "the clock was set back" in message
