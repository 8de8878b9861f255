"""The days that exchange-calendars has recorded of the Bombay Stock Exchange, less those that it cannot know.

BSE and NSE have the same holidays for shares, and exchange-calendars keeps those of BSE (XBOM), year by year as the
exchanges publish them: it says itself which year is its last.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import exchange_calendars

from trading_days.festivals import days_by_the_moon, muhurat_days

FIRST_YEAR = 2026
_SATURDAY = 5
ANNOUNCED = {
    date(2026, 2, 1): "a Sunday: Union Budget, notices of BSE and NSE of 16 January 2026",
}
"""Sessions on a Saturday or Sunday that the exchanges have announced and exchange-calendars does not know."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """The years that are recorded, their closed weekdays, and their sessions on a Saturday or Sunday."""

    source: str
    years: tuple[int, ...]
    closed: tuple[date, ...]
    sessions: tuple[date, ...]


def recorded() -> Recorded:
    """Return what is known of the years from FIRST_YEAR to the last one that is recorded."""
    last, open_days = _listed()
    years = tuple(range(FIRST_YEAR, last + 1))
    doubtful = {day for year in years for day in (*days_by_the_moon(year), *muhurat_days(year))}
    held = open_days | set(ANNOUNCED) | {day for year in years for day in muhurat_days(year)}
    days = [day for year in years for day in _days_of(year)]
    return Recorded(
        source=f"exchange-calendars {exchange_calendars.__version__}",
        years=years,
        closed=tuple(day for day in days if day.weekday() < _SATURDAY and day not in open_days | doubtful),
        sessions=tuple(day for day in days if day.weekday() >= _SATURDAY and day in held),
    )


def _listed() -> tuple[int, set[date]]:
    """The last year that is recorded, and the trading days up to its end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it uses what pandas is about to change
        last = int(exchange_calendars.get_calendar("XBOM").bound_max().year)
        calendar = exchange_calendars.get_calendar("XBOM", start=f"{FIRST_YEAR}-01-01", end=f"{last}-12-31")
        return last, set(calendar.sessions.date)


def _days_of(year: int) -> Iterator[date]:
    first = date(year, 1, 1)
    return (first + timedelta(days=number) for number in range((date(year + 1, 1, 1) - first).days))
