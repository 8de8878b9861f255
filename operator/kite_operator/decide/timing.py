"""Times at which a credential is due: wall-clock times in IST, from the clock and the spec alone (P2, P6)."""

import hashlib
from datetime import date, datetime, timedelta

from kite_operator.model.expiry import FLUSH_END, FLUSH_START, IST, at_time, minted_in_flush_window, session_day
from kite_operator.model.resource import TRADING_DAYS, Timing
from kite_operator.model.session import Session

LAST_CALL = timedelta(minutes=30)
"""Time before readyBy at which a token of the day before is replaced at the latest, though still alive."""
DUE_PROBE_INTERVAL = timedelta(minutes=5)
"""Time between probes of a token of the day before once its credential is due."""


def jitter_share(uid: str) -> float:
    """Return a credential's fixed share of every jitter, in [0, 1): the same in every process and on every day."""
    return int.from_bytes(hashlib.sha256(uid.encode()).digest()[:6]) / 2**48


def refresh_at(timing: Timing, share: float, moment: datetime) -> datetime:
    """Return the refresh time on the session day of `moment`: schedule.at plus this credential's share of the jitter.

    It is in whole seconds, as in status. Whether that day is refreshed at all is not checked.
    """
    return _refresh_on(timing, share, session_day(moment))


def _refresh_on(timing: Timing, share: float, day: date) -> datetime:
    return at_time(day, timing.at) + timedelta(seconds=int(timing.jitter.total_seconds() * share))


def ready_by(timing: Timing, moment: datetime) -> datetime:
    """Return the time of the deadline on the session day of `moment`, if it has one: see `deadline`."""
    return at_time(session_day(moment), timing.ready_by)


def is_refreshed_on(timing: Timing, day: date) -> bool:
    """Return whether a session is refreshed on that session day by schedule; a possible trading day counts as one."""
    return timing.days != TRADING_DAYS or timing.calendar.is_trading_day(day)


def deadline(timing: Timing, moment: datetime) -> datetime | None:
    """Return when the token of the session day of `moment` must be ready; None on a day that is not refreshed."""
    return ready_by(timing, moment) if is_refreshed_on(timing, session_day(moment)) else None


def next_deadline(timing: Timing, moment: datetime) -> datetime:
    """Return the first deadline after `moment`."""
    day = session_day(moment)
    while not (is_refreshed_on(timing, day) and moment < at_time(day, timing.ready_by)):
        day += timedelta(days=1)
    return at_time(day, timing.ready_by)


def next_refresh(timing: Timing, share: float, moment: datetime) -> datetime:
    """Return the first scheduled refresh after `moment`."""
    day = session_day(moment)
    while not (is_refreshed_on(timing, day) and moment < _refresh_on(timing, share, day)):
        day += timedelta(days=1)
    return _refresh_on(timing, share, day)


def day_end(moment: datetime) -> datetime:
    """Return the end of the session day of `moment`: the 06:00 IST that follows."""
    return at_time(session_day(moment) + timedelta(days=1), FLUSH_START)


def unknown_day(timing: Timing, moment: datetime) -> date | None:
    """Return the session day of `moment`, or the next one, if the calendar does not cover it; None if it covers both.

    With `days` Daily the calendar is not used.
    """
    today = session_day(moment)
    days = (today, today + timedelta(days=1)) if timing.days == TRADING_DAYS else ()
    return next((day for day in days if not timing.calendar.covers(day)), None)


def last_call(timing: Timing, share: float, moment: datetime) -> datetime:
    """Return when a still living token of the day before is replaced; never before the scheduled refresh."""
    return max(ready_by(timing, moment) - LAST_CALL, refresh_at(timing, share, moment))


def flush_check_at(session: Session, share: float) -> datetime | None:
    """Return when a token minted in the flush window is probed again (after 07:30 IST), or None for any other."""
    if not minted_in_flush_window(session.login_time):
        return None
    day = session.login_time.astimezone(IST).date()
    return at_time(day, FLUSH_END) + timedelta(minutes=1) * (1 + share)
