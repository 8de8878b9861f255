"""The API is down while the login pages work: logins are not spent on it, and it is retried for as long as it takes."""

from support.world import World


def test_a_morning_of_maintenance_costs_two_logins_and_no_block(world: World) -> None:
    world.operator()
    world.sandbox.fault("session_token", "html_503", times=None)
    world.alpha()
    world.wait("BrokerUnavailable")
    for number in range(2, 12):
        world.clock.move(700)
        world.until(lambda number=number: world.status()["failures"]["count"] >= number, "one more try")  # type: ignore[misc]  # bound at definition
    counters = world.sandbox.counters("AB1234")
    assert (1, 1, 0) == (counters.count("login"), counters.count("twofa"), counters.wrong_entries)
    assert counters.count("session_token") >= 11
    assert ("False", "BrokerUnavailable") == (world.condition("Blocked")[0], world.condition()[1])
    assert ["BrokerUnavailable"] == world.events()
    world.sandbox.clear_faults()
    world.clock.move(700)
    world.wait("SessionActive")
    assert 2 == world.sandbox.counters("AB1234").count("login")


def test_a_short_outage_costs_no_second_login(world: World) -> None:
    world.operator()
    world.sandbox.fault("session_token", "too_many_requests", times=2)
    world.alpha()
    world.wait("RateLimited")
    world.clock.move(40)
    world.wait_for_failures(2)
    world.clock.move(40)
    world.wait("SessionActive")
    assert 1 == world.sandbox.counters("AB1234").count("login")


def test_a_restart_in_an_outage_costs_one_login_more(world: World) -> None:
    world.operator()
    world.sandbox.fault("session_token", "html_503", times=None)
    world.alpha()
    world.wait("BrokerUnavailable")
    world.operators[-1].kill()
    world.sandbox.clear_faults()
    world.clock.move(700)
    world.operator()
    world.wait("SessionActive")
    assert 2 == world.sandbox.counters("AB1234").count("login")


def test_maintenance_of_the_login_page_is_waited_out_beyond_the_deadline_without_a_submission(world: World) -> None:
    world.operator()
    world.sandbox.fault("connect_login", "html_503", times=None)
    world.alpha()
    world.wait("BrokerUnavailable")
    for _ in range(6):
        world.clock.move(7200)
        world.settle(0.3)
    assert (0, "BrokerUnavailable") == (world.sandbox.counters("AB1234").count("login"), world.condition()[1])
    world.sandbox.clear_faults()
    world.clock.move(700)
    world.wait("SessionActive")
    assert (1, 0) == (
        world.sandbox.counters("AB1234").count("login"),
        world.sandbox.counters("AB1234").wrong_entries,
    )
