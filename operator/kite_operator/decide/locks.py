"""Locks in the attempt ledger: which process makes a session now.

A login submits passwords and codes, and there is one at a time per account (P1). An exchange and a renewal submit
neither. They replace the session of one app (P2), and hold that app's lock only. A session through one app ends none
through another, so another client with an app of its own never makes the holder wait.

A lock only keeps concurrent work apart. The protection is elsewhere: each submission is reserved, and each session is
staged by compare-and-swap.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from kite_operator.decide.budget import FARTHEST
from kite_operator.model.account import AttemptLedger, Lock
from kite_operator.model.errors import ReservationLost, ReservationRefused
from kite_operator.model.reasons import Reason

RETRY_AFTER = timedelta(seconds=2)
"""Wait before the next try for a lock that another process holds."""


def start_login(ledger: AttemptLedger, lock: Lock, now: datetime) -> AttemptLedger:
    """Take the account's lock for one login; raise ReservationRefused while another holds it or its app's lock."""
    _refuse_while([each for each in _live(ledger, lock, now) if each is ledger.lock or _same_session(each, lock)], now)
    return replace(ledger, lock=lock, app_locks=_of_others(ledger, lock, now))


def start_exchange(ledger: AttemptLedger, lock: Lock, now: datetime) -> AttemptLedger:
    """Take one app's lock for an exchange or renewal; raise ReservationRefused while another makes its session."""
    _refuse_while([each for each in _live(ledger, lock, now) if _same_session(each, lock)], now)
    overtaken = ledger.lock is not None and _same_session(ledger.lock, lock)
    return replace(ledger, lock=None if overtaken else ledger.lock, app_locks=(*_of_others(ledger, lock, now), lock))


def _live(ledger: AttemptLedger, lock: Lock, now: datetime) -> list[Lock]:
    """Return the locks that other processes hold now."""
    return [each for each in ledger.locks if each.id != lock.id and now < each.until <= now + FARTHEST]


def _of_others(ledger: AttemptLedger, lock: Lock, now: datetime) -> tuple[Lock, ...]:
    """Return the app locks that stay beside `lock`: an expired one is removed only by a lock for the same session.

    Its process may be slow, and still need it. It is removed in any case after a while (FARTHEST).
    """
    others = [each for each in ledger.app_locks if each.id != lock.id and not _same_session(each, lock)]
    return tuple(each for each in others if now - FARTHEST < each.until <= now + FARTHEST)


def _same_session(lock: Lock, other: Lock) -> bool:
    """Return whether both make the same session, or stage it in the same place."""
    return lock.app == other.app or lock.credential == other.credential


def _refuse_while(others: Sequence[Lock], now: datetime) -> None:
    """Raise ReservationRefused while there are others. They are mostly done long before their locks expire."""
    if others:
        raise ReservationRefused(
            Reason.LOGIN_IN_PROGRESS,
            "another login for this client ID is in progress",
            retry_at=min(now + RETRY_AFTER, *(each.until for each in others)),
        )


def finish(ledger: AttemptLedger, lock_id: str) -> AttemptLedger:
    """Release the lock, if it is still ours."""
    app_locks = tuple(each for each in ledger.app_locks if each.id != lock_id)
    mine = ledger.lock is not None and ledger.lock.id == lock_id
    return replace(ledger, lock=None if mine else ledger.lock, app_locks=app_locks)


def require_lock(ledger: AttemptLedger, lock_id: str) -> None:
    """Raise ReservationLost unless the login `lock_id` still holds the account."""
    if not ledger.holds(lock_id):
        raise ReservationLost("another process took over this client ID's login")
