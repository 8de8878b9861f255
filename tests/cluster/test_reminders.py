"""A person is reminded at both marks of the deadline, once, whoever runs and whatever is restarted."""

from datetime import datetime, timedelta

from kite_operator.model.expiry import IST
from support.reminding import move_to
from support.world import World

READY_BY = "08:45"


def reminders(world: World) -> int:
    return world.events().count("PersonNeeded")


def last_mark(world: World) -> str:
    return str((world.status().get("lastReminder") or {}).get("mark", ""))


def test_a_person_is_told_once_at_each_mark_and_again_the_next_day(world: World) -> None:
    world.alpha(mode="Manual")
    operator = world.operator()
    world.wait("LoginRequired")
    move_to(world, "08:14:57")
    world.settle()
    assert (0, "") == (reminders(world), last_mark(world))
    assert 1 == operator.metric(f'kite_credential_person_needed{{name="alpha",namespace="{world.namespace}"}}')
    # Nobody moves the clock any more: it wakes by itself.
    for number, (before, mark) in enumerate((("", "Early"), ("08:44:57", "ReadyBy"), ("08:14:57", "Early")), 1):
        if before:
            move_to(world, before)
        world.until(lambda number=number: reminders(world) == number, f"reminder {number}")  # type: ignore[misc]  # bound
        world.settle()
        assert (number, mark) == (reminders(world), last_mark(world))
        clock_time = datetime.fromisoformat(world.status()["lastReminder"]["time"]).strftime("%H:%M:%S")
        assert clock_time < ("08:45:05" if mark == "ReadyBy" else "08:15:05")
    status = world.status()["lastReminder"]
    assert datetime.fromisoformat(status["deadline"]).strftime("%H:%M %z") == f"{READY_BY} +0530"


def test_a_restart_and_a_second_operator_repeat_nothing(world: World) -> None:
    world.alpha(mode="Manual")
    first, _ = world.operator(), world.operator()
    world.wait("LoginRequired")
    move_to(world, "08:15:00")
    world.until(lambda: reminders(world) == 1, "one of them reminds")
    first.kill()
    world.operator()
    world.clock.move(60)
    world.settle(2)
    assert 1 == reminders(world)


def test_an_operator_that_was_down_at_both_marks_tells_the_later_one(world: World) -> None:
    world.alpha(mode="Manual")
    move_to(world, "10:00:00")
    world.operator()
    world.until(lambda: last_mark(world) == "ReadyBy", "told")
    world.settle()
    assert 1 == reminders(world)


def test_nobody_is_told_of_what_is_ready_or_suspended(world: World) -> None:
    world.alpha()
    world.alpha("bravo", "CD5678", "Manual", suspend=True)
    world.operator()
    world.wait("SessionActive")
    world.wait("Suspended", name="bravo")
    for clock_time in ("08:15:00", "08:45:00"):
        move_to(world, clock_time)
        world.until(lambda: world.condition()[0] == "True", "ready")
        world.settle()
    assert 0 == reminders(world) + world.events("bravo").count("PersonNeeded")


def test_a_blocked_robot_is_told_of_too(world: World) -> None:
    app, account = world.broker()
    world.sources(app, account, password="wrong")
    world.credential()
    world.operator()
    world.wait("PasswordRejected")
    move_to(world, "08:15:00")
    world.until(lambda: reminders(world) == 1, "told")


def test_on_a_holiday_nobody_is_told_and_on_an_extra_session_everybody_is(world: World) -> None:
    world.alpha(mode="Manual", schedule={"days": "TradingDays"})
    move_to(world, "07:00:00")
    today = datetime.fromtimestamp(world.clock.now(), IST).date()
    closed = world.operator("--extra-holidays", today.isoformat())
    world.wait("LoginRequired", "LoginRequired")
    for clock_time in ("08:15:00", "08:45:00"):
        move_to(world, clock_time)
        world.settle()
    assert 0 == reminders(world)
    closed.stop()
    tomorrow = today + timedelta(days=1)
    # The holiday is given to it too: it looks once before the clock moves on.
    world.operator("--extra-holidays", today.isoformat(), "--extra-sessions", tomorrow.isoformat())
    move_to(world, "08:15:00")
    world.until(lambda: reminders(world) == 1, "told")
