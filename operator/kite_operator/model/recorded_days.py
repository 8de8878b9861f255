"""The trading days of the Indian exchanges, as far as they are recorded.

Written by `make calendar`: do not edit. From exchange-calendars 4.13.2 (XBOM), as `tools/trading_days/` reads it. The
holidays that follow the moon and the days of Diwali are left out of CLOSED: they are moved at a day's notice, or have
a session all the same.
"""

from datetime import date

SOURCE = "exchange-calendars 4.13.2"
YEARS = (2026,)
CLOSED = frozenset(
    {
        date(2026, 1, 15),  # Thursday
        date(2026, 1, 26),  # Monday
        date(2026, 3, 3),  # Tuesday
        date(2026, 3, 26),  # Thursday
        date(2026, 3, 31),  # Tuesday
        date(2026, 4, 3),  # Friday
        date(2026, 4, 14),  # Tuesday
        date(2026, 5, 1),  # Friday
        date(2026, 9, 14),  # Monday
        date(2026, 10, 2),  # Friday
        date(2026, 10, 20),  # Tuesday
        date(2026, 11, 10),  # Tuesday
        date(2026, 11, 24),  # Tuesday
        date(2026, 12, 25),  # Friday
    }
)
"""Weekdays without trading."""
SESSIONS = frozenset(
    {
        date(2026, 2, 1),  # Sunday
        date(2026, 11, 8),  # Sunday
    }
)
"""Saturdays and Sundays with trading."""
