"""Trading days: only a day that is known to be closed is left out."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kite_operator.model.trading_days import EVERY_DAY, TradingCalendar, why_closed

dates = st.dates(date(1990, 1, 1), date(2090, 12, 31))
KNOWN = TradingCalendar(
    years=(2026,), closed=frozenset({date(2026, 3, 3)}), sessions=frozenset({date(2026, 2, 1), date(2026, 11, 8)})
)


def test_in_a_recorded_year_trading_days_are_the_weekdays_without_holidays_and_the_special_sessions() -> None:
    expected = {
        "2026-01-31": False,  # a Saturday
        "2026-02-01": True,  # a Sunday with a session: the budget
        "2026-02-02": True,
        "2026-02-08": False,
        "2026-03-02": True,
        "2026-03-03": False,  # Holi
        "2026-03-04": True,
        "2026-11-07": False,
        "2026-11-08": True,  # Muhurat on a Sunday
        "2026-12-31": True,
    }
    assert expected == {day: KNOWN.is_trading_day(date.fromisoformat(day)) for day in expected}


@given(dates)
def test_in_a_year_that_is_not_recorded_every_day_is_a_trading_day_weekends_too(day: date) -> None:
    assert (day.year == 2026) is KNOWN.covers(day)
    assert day.year == 2026 or KNOWN.is_trading_day(day)
    assert EVERY_DAY.is_trading_day(day)
    assert not EVERY_DAY.covers(day)


def test_the_years_end_at_new_year() -> None:
    for day, known in ((date(2025, 12, 31), False), (date(2026, 1, 1), True), (date(2027, 1, 1), False)):
        assert known is KNOWN.covers(day)


@given(dates, st.sampled_from([KNOWN, EVERY_DAY]))
def test_the_settings_come_first_in_every_year(day: date, known: TradingCalendar) -> None:
    others = (day - timedelta(days=1), day + timedelta(days=1))
    opened = TradingCalendar(known.years, known.closed, known.sessions, extra_sessions=frozenset({day}))
    shut = TradingCalendar(known.years, known.closed, known.sessions, extra_holidays=frozenset({day}))
    for calendar, trading in ((opened, True), (shut, False)):
        assert trading is calendar.is_trading_day(day)
        assert calendar.covers(day)
        assert [known.is_trading_day(each) for each in others] == [calendar.is_trading_day(each) for each in others]


def test_the_kind_of_a_closed_day_is_named() -> None:
    assert "a weekend" == why_closed(date(2026, 3, 1))
    assert "an exchange holiday" == why_closed(date(2026, 3, 3))
