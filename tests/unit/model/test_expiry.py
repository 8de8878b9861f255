"""Expiry and session day are rules of Indian wall-clock time, whatever zone a moment is given in (P6)."""

from datetime import UTC, datetime, time, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kite_operator.model.expiry import (
    IST,
    at_time,
    minted_in_flush_window,
    next_flush,
    parse_rfc3339,
    rfc3339,
    session_day,
)
from support.facts import session

zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=zones)  # noqa: DTZ001 - zones are drawn
LEAP = datetime(2028, 2, 28, 23, 59, tzinfo=IST)
YEAR_END = datetime(2026, 12, 31, 18, 40, tzinfo=timezone(timedelta(hours=-7)))


@given(moments)
@example(LEAP)
@example(YEAR_END)
def test_a_session_expires_at_the_first_six_o_clock_in_india_after_its_login(login: datetime) -> None:
    flush = next_flush(login)
    assert (time(6, 0), IST) == (flush.time(), flush.tzinfo)
    assert timedelta(0) < flush - login <= timedelta(days=1)


@given(moments, zones)
def test_the_zone_in_which_a_moment_is_given_changes_nothing(moment: datetime, zone: timezone) -> None:
    elsewhere = moment.astimezone(zone)
    assert next_flush(moment) == next_flush(elsewhere)
    assert session_day(moment) == session_day(elsewhere)
    assert minted_in_flush_window(moment) == minted_in_flush_window(elsewhere)


@pytest.mark.parametrize(
    ("login", "expiry"),
    [
        ("2026-03-02T07:40:00+05:30", "2026-03-03T06:00:00+05:30"),
        ("2026-03-02T05:59:59+05:30", "2026-03-02T06:00:00+05:30"),
        ("2026-03-02T06:00:00+05:30", "2026-03-03T06:00:00+05:30"),
        ("2028-02-28T12:00:00+05:30", "2028-02-29T06:00:00+05:30"),
        ("2028-02-29T12:00:00+05:30", "2028-03-01T06:00:00+05:30"),
        ("2026-12-31T23:00:00+00:00", "2027-01-01T06:00:00+05:30"),
        ("2026-12-31T18:00:00-07:00", "2027-01-02T06:00:00+05:30"),
    ],
)
def test_expiries_of_a_calendar(login: str, expiry: str) -> None:
    assert expiry == rfc3339(session(datetime.fromisoformat(login)).expires_at)


@given(st.dates(datetime(1990, 1, 1, tzinfo=UTC).date(), datetime(2090, 1, 1, tzinfo=UTC).date()))
def test_the_session_day_begins_at_six_in_india(day: datetime) -> None:
    six = at_time(day, time(6, 0))
    assert day == session_day(six)
    assert day - timedelta(days=1) == session_day(six - timedelta(microseconds=1))


@given(moments, moments)
def test_a_session_is_of_a_day_until_its_expiry(login: datetime, moment: datetime) -> None:
    minted = session(login)
    assert minted.is_of_day(moment) == (moment < minted.expires_at)


@pytest.mark.parametrize(
    ("clock_time", "inside"), [("05:59:59", False), ("06:00:00", True), ("07:29:59", True), ("07:30:00", False)]
)
def test_the_flush_window_is_from_six_to_half_past_seven(clock_time: str, inside: bool) -> None:  # noqa: FBT001 - a table
    assert inside is minted_in_flush_window(datetime.fromisoformat(f"2026-03-02T{clock_time}+05:30"))


@given(moments)
def test_a_time_as_written_is_read_back_to_the_second(moment: datetime) -> None:
    assert parse_rfc3339(rfc3339(moment)) == moment.replace(microsecond=0)
    assert rfc3339(moment).endswith("+05:30")


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-03-02T07:40:00", "2026-03-02", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+05:30"]
)
def test_an_unusable_time_is_none(text: str) -> None:
    assert parse_rfc3339(text) is None
