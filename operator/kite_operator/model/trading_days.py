"""Trading days of the Indian exchanges, as far as they are known; an unknown day counts as a trading day.

An unneeded refresh costs nothing, a wrong holiday costs a day of trading. So a day is left out only when it is known
to be closed: in a year whose holidays have been recorded, or by the operator's own settings.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from kite_operator.model import recorded_days

_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class TradingCalendar:
    """Calendar of trading days; without any years recorded, every day is one.

    `years` are those whose holidays are recorded, `closed` their closed weekdays, `sessions` their trading days on a
    Saturday or Sunday. `extra_sessions` and `extra_holidays` are the settings', of any year; they come first.
    """

    years: Collection[int] = ()
    closed: frozenset[date] = frozenset()
    sessions: frozenset[date] = frozenset()
    extra_sessions: frozenset[date] = frozenset()
    extra_holidays: frozenset[date] = frozenset()

    def covers(self, day: date) -> bool:
        """Return whether the calendar has definite data about that day."""
        return day.year in self.years or day in self.extra_sessions or day in self.extra_holidays

    @property
    def last_day(self) -> date | None:
        """Return the last day of the recorded years; None when there are none."""
        return date(max(self.years), 12, 31) if self.years else None

    def is_trading_day(self, day: date) -> bool:
        """Return whether that day of the Indian calendar is a trading day, or may be one."""
        if day in self.extra_sessions:
            return True
        if day in self.extra_holidays:
            return False
        if day.year not in self.years:
            return True
        return day in self.sessions if day.weekday() >= _SATURDAY else day not in self.closed


EVERY_DAY = TradingCalendar()
"""Calendar without any holiday."""


def recorded_calendar(extra_sessions: frozenset[date], extra_holidays: frozenset[date]) -> TradingCalendar:
    """Return the calendar that this version of the operator has recorded, with the additions of its settings."""
    return TradingCalendar(
        recorded_days.YEARS, recorded_days.CLOSED, recorded_days.SESSIONS, extra_sessions, extra_holidays
    )


def why_closed(day: date) -> str:
    """Return the kind of a closed day, for messages."""
    return "a weekend" if day.weekday() >= _SATURDAY else "an exchange holiday"
