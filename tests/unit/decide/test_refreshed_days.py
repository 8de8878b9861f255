"""Refreshed days: every day, or with TradingDays each trading day and each unknown day, once.

The calendar knows 2026: it is closed on Holi, Tuesday 3 March, and there is a session on Sunday 8 November.
"""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kite_operator.decide import timing
from kite_operator.model.expiry import IST, at_time, session_day
from kite_operator.model.resource import TRADING_DAYS, Timing
from kite_operator.model.trading_days import TradingCalendar
from support.facts import ist

CALENDAR = TradingCalendar((2026,), frozenset({date(2026, 3, 3)}), frozenset({date(2026, 11, 8)}))
SPEC = Timing(days=TRADING_DAYS, calendar=CALENDAR)
YEAR = [date(2026, 1, 1) + timedelta(days=number) for number in range(365)]
MINUTE = timedelta(minutes=1)
dates = st.dates(date(2020, 1, 1), date(2035, 12, 31))
shares = st.floats(0, 1, exclude_max=True)


@st.composite
def calendars(draw: st.DrawFn) -> TradingCalendar:
    """Draw any calendar that may be recorded and set, of the years around the drawn moments."""
    some = st.frozensets(dates, max_size=40)
    years = draw(st.frozensets(st.integers(2019, 2036), max_size=6))
    extra = draw(some)
    return TradingCalendar(years, draw(some), draw(some), extra, draw(some) - extra)


def refreshes(spec: Timing, share: float, first: datetime, last: datetime) -> list[datetime]:
    """Return the scheduled refreshes from `first` up to `last`, each computed at the one before."""
    found = [timing.next_refresh(spec, share, first)]
    while found[-1] < last:
        found.append(timing.next_refresh(spec, share, found[-1]))
    return found[:-1]


def test_over_a_whole_year_each_trading_day_has_one_refresh_and_one_deadline_and_no_other_day_has_any() -> None:
    trading = [day for day in YEAR if (day.weekday() < 5 and day != date(2026, 3, 3)) or day == date(2026, 11, 8)]
    assert 261 == len(trading)
    found = refreshes(SPEC, 0.5, at_time(YEAR[0], time(6)), at_time(YEAR[-1] + timedelta(days=1), time(6)))
    assert [at_time(day, time(7, 40)) for day in trading] == found
    deadlines = [timing.deadline(SPEC, at_time(day, time(12))) for day in YEAR]
    assert [at_time(day, time(8, 45)) if day in trading else None for day in YEAR] == deadlines


@pytest.mark.parametrize("day", YEAR[::7] + YEAR[3::7], ids=str)
def test_a_session_day_lasts_from_six_to_six(day: date) -> None:
    refreshed = timing.is_refreshed_on(SPEC, day)
    before = timing.is_refreshed_on(SPEC, day - timedelta(days=1))
    start = at_time(day, time(6))
    assert before is (timing.deadline(SPEC, start - MINUTE) is not None)
    for moment in (start, at_time(day, time(23, 59)), start + timedelta(days=1) - MINUTE):
        assert refreshed is (timing.deadline(SPEC, moment) is not None)
        assert start + timedelta(days=1) == timing.day_end(moment)


def test_from_friday_the_next_refresh_is_on_monday_and_before_a_holiday_on_the_day_after_it() -> None:
    friday, monday, wednesday = (ist("07:40", day=27 - 21), ist("07:40", day=9), ist("07:40", day=4))
    assert friday == timing.next_refresh(SPEC, 0.5, friday - MINUTE)
    assert [monday] * 3 == [timing.next_refresh(SPEC, 0.5, friday + days * timedelta(days=1)) for days in (0, 1, 2)]
    assert wednesday == timing.next_refresh(SPEC, 0.5, ist("07:40", day=2))


def test_an_unknown_day_is_refreshed() -> None:
    unknown, daily = replace(SPEC, calendar=TradingCalendar()), Timing()
    new_year = datetime(2027, 1, 1, 6, tzinfo=IST)
    for spec, start in ((unknown, ist("06:00")), (SPEC, new_year)):
        end = start + timedelta(days=14)
        assert refreshes(daily, 0.5, start, end) == refreshes(spec, 0.5, start, end)
        assert 14 == len(refreshes(spec, 0.5, start, end))


def test_an_unknown_day_is_named_from_the_day_before_on() -> None:
    for moment, day in (
        (datetime(2026, 12, 31, 5, 59, tzinfo=IST), None),
        (datetime(2026, 12, 31, 6, tzinfo=IST), date(2027, 1, 1)),
        (datetime(2027, 1, 1, 6, tzinfo=IST), date(2027, 1, 1)),
        (datetime(2025, 12, 31, 12, tzinfo=IST), date(2025, 12, 31)),
        (datetime(2026, 1, 1, 6, tzinfo=IST), None),
    ):
        assert day == timing.unknown_day(SPEC, moment)
        assert None is timing.unknown_day(Timing(calendar=CALENDAR), moment)


@given(calendars(), dates, shares)
def test_every_trading_day_has_exactly_one_refresh_and_one_deadline_after_it(
    calendar: TradingCalendar, start: date, share: float
) -> None:
    spec = replace(SPEC, calendar=calendar)
    days = [start + timedelta(days=number) for number in range(30)]
    found = refreshes(spec, share, at_time(start, time(6)), at_time(start + timedelta(days=30), time(6)))
    assert [day for day in days if calendar.is_trading_day(day)] == [session_day(moment) for moment in found]
    assert all(earlier < later for earlier, later in pairwise(found))
    for moment in found:
        deadline = timing.deadline(spec, moment)
        assert deadline is not None
        assert timing.refresh_at(spec, share, moment) == moment <= timing.last_call(spec, share, moment) <= deadline


@given(calendars(), dates, shares)
def test_with_daily_the_calendar_is_not_used(calendar: TradingCalendar, day: date, share: float) -> None:
    noon = at_time(day, time(12))
    known, plain = Timing(calendar=calendar), Timing()
    assert timing.next_refresh(plain, share, noon) == timing.next_refresh(known, share, noon)
    assert timing.ready_by(plain, noon) == timing.deadline(known, noon)
