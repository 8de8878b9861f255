"""Expiry and session day of a Kite session: wall-clock rules in Indian Standard Time (P6).

Kite's documentation says that an access_token expires at 06:00 IST the next day; in practice the flush is observed some
time in 06:00-07:30 IST. The earlier time is published as the expiry, and a token may die in the whole window.

India has had one offset, +05:30 without daylight saving, since 1945: a fixed offset is exact and needs no zone files.
"""

from datetime import MAXYEAR, date, datetime, time, timedelta, timezone

IST = timezone(timedelta(hours=5, minutes=30), "IST")
FLUSH_START = time(6, 0)
"""Start of the documented flush: the published expiry."""
FLUSH_END = time(7, 30)
"""Time of the latest observed flush: a token minted before it is probed again after it."""
_FIRST_YEAR = 1970


def next_flush(login_time: datetime) -> datetime:
    """Return the first 06:00 IST strictly after `login_time` (aware): the conservative expiry, in IST."""
    local = login_time.astimezone(IST)
    flush = local.replace(hour=FLUSH_START.hour, minute=FLUSH_START.minute, second=0, microsecond=0)
    return flush if local < flush else flush + timedelta(days=1)


def session_day(moment: datetime) -> date:
    """Return the day to which a session minted at `moment` belongs: days change at 06:00 IST, not at midnight."""
    local = moment.astimezone(IST)
    return (local - timedelta(hours=FLUSH_START.hour, minutes=FLUSH_START.minute)).date()


def at_time(day: date, clock_time: time) -> datetime:
    """Return `clock_time` IST on `day`, aware."""
    return datetime.combine(day, clock_time, tzinfo=IST)


def minted_in_flush_window(login_time: datetime) -> bool:
    """Return whether a token of `login_time` may still die in the flush of its own day (06:00 up to 07:30 IST)."""
    local = login_time.astimezone(IST)
    return FLUSH_START <= local.time() < FLUSH_END


def rfc3339(moment: datetime) -> str:
    """Return `moment` as RFC 3339 with +05:30 and whole seconds, the form of every time in status and Secrets."""
    return moment.astimezone(IST).isoformat(timespec="seconds")


def parse_rfc3339(text: str) -> datetime | None:
    """Return an aware datetime, or None for a text that is not a zoned RFC 3339 time of the years 1970 to 9998."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    # At the ends of the calendar a change of zone or a next day would overflow.
    return moment if moment.tzinfo is not None and _FIRST_YEAR <= moment.year < MAXYEAR else None
