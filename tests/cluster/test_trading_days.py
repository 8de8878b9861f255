"""spec.schedule.days TradingDays in real time of the year 2026: weekends, a holiday, special sessions, the year's end.

The days are those that the operator has recorded: Tuesday 3 March is Holi, Sunday 8 November has the Muhurat session.
"""

from datetime import datetime, timedelta, timezone

from kite_operator.model import recorded_days
from support.operators import OperatorProcess
from support.world import World

IST = timezone(timedelta(hours=5, minutes=30))
TRADING_DAYS = {"days": "TradingDays"}


def logins(world: World) -> int:
    return world.sandbox.counters("AB1234").count("login")


def closed(world: World, moment: str, upcoming: str) -> None:
    """At that moment nothing is fetched and nobody is asked; the next refresh is on the day that is given."""
    token, before = world.token(), logins(world)
    world.set_clock(moment)
    world.until(lambda: world.condition()[:2] == ("False", "MarketClosed"), f"MarketClosed on {moment}")
    day = moment[:10]
    world.until(lambda: f" {day} " in world.condition()[2], f"{day} is named")
    world.until(lambda: world.status().get("nextRefreshTime", "").startswith(upcoming), f"next on {upcoming}")
    world.settle(0.4)
    assert ("False", "NotRequired") == world.condition("LoginRequired")[:2]
    assert "expiresTime" not in world.status()
    assert (token, before) == (world.token(), logins(world))


def refreshed(world: World, moment: str) -> None:
    """At that moment there is a new token, by one login."""
    token, before = world.token(), logins(world)
    world.set_clock(moment)
    world.until(lambda: world.token() != token, f"a new token on {moment}")
    world.until(lambda: world.status().get("lastRefreshTime", "").startswith(moment[:10]), f"told on {moment}")
    world.wait("SessionActive")
    world.settle(0.4)
    assert before + 1 == logins(world)
    assert world.sandbox.is_alive(world.token())


def deadline(world: World, operator: OperatorProcess) -> float | None:
    return operator.metric(f'kite_credential_deadline_timestamp_seconds{{name="alpha",namespace="{world.namespace}"}}')


def test_over_a_weekend_and_a_holiday_there_is_no_login_and_after_them_there_is(world: World) -> None:
    world.set_clock("2026-02-27T12:00")
    operator = world.operator()
    world.alpha(schedule=TRADING_DAYS)
    world.wait("SessionActive")
    assert world.status()["nextRefreshTime"].startswith("2026-03-02T07:")
    assert datetime(2026, 2, 27, 8, 45, tzinfo=IST).timestamp() == deadline(world, operator)
    closed(world, "2026-02-28T09:00", "2026-03-02")
    assert 0 == deadline(world, operator)
    closed(world, "2026-03-01T09:00", "2026-03-02")
    refreshed(world, "2026-03-02T07:46")
    assert datetime(2026, 3, 2, 8, 45, tzinfo=IST).timestamp() == deadline(world, operator)
    closed(world, "2026-03-03T09:00", "2026-03-04")
    refreshed(world, "2026-03-04T07:46")
    assert ["Refreshed"] * 3 == world.events()


def test_by_hand_nobody_is_asked_on_a_weekend_and_a_login_is_taken_all_the_same(world: World) -> None:
    world.set_clock("2026-02-27T12:00")
    world.operator()
    app = world.alpha(mode="Manual", schedule=TRADING_DAYS)
    world.wait("LoginRequired")
    world.grant(world.sandbox.request_token("AB1234", app.api_key))
    world.wait("SessionActive")
    asked = world.events().count("LoginRequired")
    closed(world, "2026-02-28T09:00", "2026-03-02")
    token = world.token()
    world.grant(world.sandbox.request_token("AB1234", app.api_key), "login-2")
    world.until(lambda: world.token() != token, "a person's login on a Saturday")
    world.wait("SessionActive")
    closed(world, "2026-03-01T09:00", "2026-03-02")
    assert asked == world.events().count("LoginRequired")
    world.set_clock("2026-03-02T06:05")
    world.wait("LoginRequired")
    world.until(lambda: world.events().count("LoginRequired") == asked + 1, "asked once more")


def test_sessions_and_holidays_of_the_settings_come_before_the_recorded_days(world: World) -> None:
    world.set_clock("2026-11-06T12:00")
    world.operator("--extra-sessions", "2026-11-14", "--extra-holidays", "2026-11-09,2026-11-13")
    world.alpha(schedule=TRADING_DAYS)
    world.wait("SessionActive")
    closed(world, "2026-11-07T09:00", "2026-11-08")
    refreshed(world, "2026-11-08T07:46")  # Muhurat, as recorded
    closed(world, "2026-11-09T09:00", "2026-11-11")  # a Monday of the settings, and the Tuesday after Diwali
    refreshed(world, "2026-11-12T07:46")
    closed(world, "2026-11-13T09:00", "2026-11-14")
    refreshed(world, "2026-11-14T07:46")  # a Saturday of the settings
    closed(world, "2026-11-15T09:00", "2026-11-16")


def test_a_year_that_is_not_recorded_is_refreshed_every_day_and_says_so_once(world: World) -> None:
    world.set_clock("2088-12-31T12:00")
    first = world.operator()
    world.alpha(schedule=TRADING_DAYS)
    world.wait("SessionActive")
    world.until(lambda: "CalendarUnknown" in world.events(), "told")
    assert "holidays of 2088" in world.condition()[2]
    refreshed(world, "2089-01-01T07:46")  # a Saturday
    refreshed(world, "2089-01-02T07:46")
    assert 0 == first.stop()
    second = world.operator()
    refreshed(world, "2089-01-03T07:46")
    assert 2 == world.events().count("CalendarUnknown")  # for 2088, and for 2089
    end = second.metric("kite_operator_trading_calendar_end_timestamp_seconds")
    assert end == datetime(max(recorded_days.YEARS) + 1, 1, 1, 6, tzinfo=IST).timestamp()


def test_a_new_credential_gets_its_token_on_a_sunday_and_a_wish_is_honoured_there(world: World) -> None:
    world.set_clock("2026-03-01T12:00")
    world.operator()
    world.alpha(schedule=TRADING_DAYS)
    world.wait("SessionActive")
    assert 1 == logins(world)
    world.sandbox.master_logout("AB1234")
    world.clock.move(301)
    world.wait("MarketClosed")
    world.settle(0.4)
    assert 1 == logins(world)
    token = world.token()
    world.annotate(refresh="1")
    world.until(lambda: world.token() != token, "what a person asked for")
    world.wait("SessionActive")
    world.until(lambda: world.status().get("lastHandledRefresh") == "1", "handled")
    assert 2 == logins(world)
