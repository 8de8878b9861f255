"""When a person is reminded that a credential will not be ready without one: once at each mark of a day's deadline.

A credential that lacks a person says so at once, in its conditions. That is easily overlooked on an ordinary morning,
so that it is said again when there is half an hour left, and when the deadline has come.
"""

from datetime import datetime, timedelta

from kite_operator.decide import timing
from kite_operator.decide.liveness import Liveness, last_flush, liveness
from kite_operator.decide.observed import Observed
from kite_operator.decide.plan import Plan
from kite_operator.model.conditions import AUTHENTICATED, BLOCKED, LOGIN_REQUIRED, READY
from kite_operator.model.expiry import parse_rfc3339
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Reminder, ReminderMark, Status

EARLY = timedelta(minutes=30)
"""How long before the deadline the first mark is."""
LATEST = timedelta(hours=6)
"""How long after the deadline a reminder is still of use: the trading day is over then."""

WITHOUT_A_PERSON = (
    # All is well, or on its way.
    Reason.SESSION_ACTIVE,
    Reason.REFRESHED,
    Reason.REPUBLISHED,
    Reason.TARGET_REPLACED,
    Reason.UNBLOCKED,
    Reason.ACKNOWLEDGEMENT_IGNORED,
    Reason.NOT_YET_LOGGED_IN,
    Reason.LOGIN_IN_PROGRESS,
    Reason.WAITING_FOR_SCHEDULE,
    Reason.MARKET_CLOSED,
    Reason.CALENDAR_UNKNOWN,
    Reason.WAITING_FOR_TOTP_WINDOW,
    Reason.SESSION_UNPROVEN,
    Reason.TOKEN_EXPIRED,
    Reason.TOKEN_DEAD,
    Reason.TARGET_DRIFTED,
    # It passes by itself.
    Reason.BROKER_UNREACHABLE,
    Reason.BROKER_UNAVAILABLE,
    Reason.RATE_LIMITED,
    Reason.UNEXPECTED_ANSWER,
    Reason.INTERNAL_ERROR,
    # Somebody wants it so, or another credential does the work.
    Reason.SUSPENDED,
    Reason.CONFLICT,
)
"""Rests that end without anybody's doing, or that nobody wants ended. Whatever is not here is worth a reminder."""


def needs_person(observed: Observed, plan: Plan) -> bool:
    """Whether there will be no working token without a person: to log in, to lift a block, or to mend what is wrong."""
    if _is_served(observed) or plan.reason in (Reason.SUSPENDED, Reason.CONFLICT):
        return False
    return plan.person or bool(plan.block_id) or plan.reason not in WITHOUT_A_PERSON


def needed_person(status: Status) -> bool:
    """Whether a person was needed when `status` was written: all that is known of who has not been looked at yet."""
    if any(_holds(status, kind) for kind in (LOGIN_REQUIRED, BLOCKED)):
        return True
    ready = status.condition(READY)
    unready = ready is not None and ready.status == "False" and ready.reason not in WITHOUT_A_PERSON
    return unready and not _holds(status, AUTHENTICATED)


def _holds(status: Status, kind: str) -> bool:
    condition = status.condition(kind)
    return condition is not None and condition.status == "True"


def _is_served(observed: Observed) -> bool:
    """Return whether pods have a token of today that lives: what else may be wrong can wait until tomorrow."""
    held = observed.held
    alive = held is not None and held.session.is_of_day(observed.now) and liveness(observed) is Liveness.ALIVE
    return alive and observed.target.matches


def due_reminder(observed: Observed, plan: Plan) -> Reminder | None:
    """The reminder that is due now and has not been sent: of two marks that have passed, the later one."""
    deadline = timing.deadline(observed.credential.timing, observed.now)
    if deadline is None or not needs_person(observed, plan):
        return None
    mark = _mark_of(observed, deadline)
    if mark is None or _is_told(observed, deadline, mark):
        return None
    return Reminder(deadline, mark, observed.now)


def _mark_of(observed: Observed, deadline: datetime) -> ReminderMark | None:
    """The last mark that has passed, unless it has passed for too long, or before the credential was there."""
    if not early_mark(deadline) <= observed.now < deadline + LATEST:
        return None
    mark, at = (
        (ReminderMark.READY_BY, deadline) if observed.now >= deadline else (ReminderMark.EARLY, early_mark(deadline))
    )
    created = parse_rfc3339(observed.credential.created)
    return None if created is not None and created > at else mark


def _is_told(observed: Observed, deadline: datetime, mark: ReminderMark) -> bool:
    """Return whether a person was reminded at this mark, or at a later one (the clock was set back)."""
    last = observed.credential.status.last_reminder
    return last is not None and last.deadline == deadline and last.mark in (mark, ReminderMark.READY_BY)


def early_mark(deadline: datetime) -> datetime:
    """Half an hour before the deadline, but not before the day's own 06:00 IST."""
    return max(deadline - EARLY, last_flush(deadline))


def next_look(observed: Observed, plan: Plan) -> datetime | None:
    """The end of a rest, or the next mark at which a person is reminded if that comes first.

    Only what lacks a person is looked at then: thousands of credentials that are in order would crowd the minutes
    before a market opens.
    """
    if not needs_person(observed, plan):
        return plan.wake_at
    mark = next_mark(observed)
    return mark if plan.wake_at is None else min(plan.wake_at, mark)


def next_mark(observed: Observed) -> datetime:
    """Return when to look again for a reminder: the next mark of today's deadline, or else the first one of tomorrow's.

    On a day that is not refreshed nothing is due then, and the look costs nothing but itself.
    """
    today = timing.ready_by(observed.credential.timing, observed.now)
    tomorrow = timing.ready_by(observed.credential.timing, observed.now + timedelta(days=1))
    marks = (early_mark(today), today, early_mark(tomorrow))
    return next((at for at in marks if at > observed.now), observed.now + timedelta(days=1))
