"""A refresh that a person asks for: honoured once, never lost in an outage, never beyond what is allowed."""

from support.world import World


def logins(world: World) -> int:
    return world.sandbox.counters("AB1234").count("login")


def handled(world: World) -> str:
    return str(world.status().get("lastHandledRefresh", ""))


def test_a_refresh_that_meets_an_outage_is_made_good_after_it(world: World) -> None:
    world.operator()
    world.alpha()
    world.wait("SessionActive")
    token = world.token()
    world.sandbox.fault("profile", "html_503")
    world.annotate(refresh="1")
    world.wait("BrokerUnavailable")
    world.settle(0.5)
    assert "" == handled(world)
    world.sandbox.clear_faults()
    world.clock.move(120)
    world.until(lambda: handled(world) == "1", "handled")
    world.until(lambda: "Republished" in world.events(), "told")
    assert (token, 1) == (world.token(), logins(world))


def test_a_refresh_in_an_outage_is_not_asked_without_a_pause(world: World) -> None:
    world.operator()
    world.alpha()
    world.wait("SessionActive")
    world.sandbox.fault("profile", "html_503")
    before = world.sandbox.all_counters().count("profile")
    world.annotate(refresh="1")
    world.wait("BrokerUnavailable")
    world.settle(2)
    assert world.sandbox.all_counters().count("profile") - before <= 2


def test_a_dead_token_whose_login_meets_an_outage_is_not_tried_without_a_pause(world: World) -> None:
    world.operator()
    world.alpha()
    world.wait("SessionActive")
    world.clock.move(61)
    world.sandbox.master_logout("AB1234")
    world.sandbox.fault("login", "html_503")
    world.annotate(refresh="1")
    world.until(lambda: handled(world) == "1", "handled: it was tried")
    world.settle(2)
    assert world.sandbox.all_counters().count("preflight") <= 4
    assert world.sandbox.counters("AB1234").wrong_entries == 0


def test_refreshes_never_log_in_more_often_than_a_day_allows(world: World) -> None:
    world.operator()
    world.alpha()
    world.wait("SessionActive")
    for number in range(5):
        world.sandbox.master_logout("AB1234")
        world.clock.move(70)
        world.annotate(refresh=str(number))
        world.until(lambda number=number: handled(world) == str(number), "handled", within=40)  # type: ignore[misc]  # bound at definition
    world.wait("SessionContested")
    assert 3 == logins(world)


def test_a_value_that_was_honoured_does_nothing_after_a_restart(world: World) -> None:
    world.operator()
    world.alpha()
    world.wait("SessionActive")
    world.annotate(refresh="1")
    world.until(lambda: handled(world) == "1", "handled")
    republished = world.events().count("Republished")
    world.operators[-1].stop()
    world.operator()
    world.annotate(refresh="1")
    world.settle()
    assert republished == world.events().count("Republished")
    assert 1 == logins(world)


def test_a_refresh_of_a_blocked_credential_submits_nothing(world: World) -> None:
    world.operator()
    app, account = world.broker()
    world.sources(app, account, password="wrong")
    world.credential()
    world.wait("PasswordRejected")
    submitted = world.sandbox.counters("AB1234").wrong_entries
    for number in range(3):
        world.annotate(refresh=str(number))
        world.until(lambda number=number: handled(world) == str(number), "handled")  # type: ignore[misc]  # bound at definition
    world.settle()
    assert (1, submitted) == (submitted, world.sandbox.counters("AB1234").wrong_entries)
