"""When a credential is due: wall-clock times in IST, from the clock and the spec alone (P2, P6)."""

import hashlib
from datetime import datetime, timedelta

from kite_operator.model.expiry import FLUSH_END, IST, at_time, minted_in_flush_window, session_day
from kite_operator.model.resource import Timing
from kite_operator.model.session import Session

LAST_CALL = timedelta(minutes=30)
"""A token of the day before that is still alive is replaced at the latest this long before readyBy."""
DUE_PROBE_INTERVAL = timedelta(minutes=5)
"""How often a token of the day before is probed once its credential is due."""


def jitter_share(uid: str) -> float:
    """A credential's fixed share of every jitter, in [0, 1): the same in every process and on every day."""
    return int.from_bytes(hashlib.sha256(uid.encode()).digest()[:6]) / 2**48


def refresh_at(timing: Timing, share: float, moment: datetime) -> datetime:
    """The scheduled refresh of the session day of `moment`: schedule.at plus this credential's share of the jitter.

    In whole seconds, as status shows it.
    """
    jitter = timedelta(seconds=int(timing.jitter.total_seconds() * share))
    return at_time(session_day(moment), timing.at) + jitter


def ready_by(timing: Timing, moment: datetime) -> datetime:
    """The deadline of the session day of `moment`."""
    return at_time(session_day(moment), timing.ready_by)


def next_refresh(timing: Timing, share: float, moment: datetime) -> datetime:
    """The first scheduled refresh after `moment`."""
    today = refresh_at(timing, share, moment)
    return today if moment < today else refresh_at(timing, share, moment + timedelta(days=1))


def last_call(timing: Timing, share: float, moment: datetime) -> datetime:
    """When a still living token of the day before is replaced all the same; never before the scheduled refresh."""
    return max(ready_by(timing, moment) - LAST_CALL, refresh_at(timing, share, moment))


def flush_check_at(session: Session, share: float) -> datetime | None:
    """When a token minted inside the flush window is probed again (after 07:30 IST), or None for any other."""
    if not minted_in_flush_window(session.login_time):
        return None
    day = session.login_time.astimezone(IST).date()
    return at_time(day, FLUSH_END) + timedelta(minutes=1) * (1 + share)
