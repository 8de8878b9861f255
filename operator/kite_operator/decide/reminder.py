"""Reminders that a credential will not be ready without a user's action: one at each mark of a day's deadline.

A credential that needs a user's action reports that at once, in its conditions. A condition is easily overlooked on an
ordinary morning, so reminders follow half an hour before the deadline, and at the deadline.
"""

from datetime import datetime, timedelta

from kite_operator.decide import timing
from kite_operator.decide.observed import Observed
from kite_operator.decide.phase import OtherApp, Published, last_flush, phase_of
from kite_operator.decide.plan import Wait
from kite_operator.model.conditions import AUTHENTICATED, BLOCKED, LOGIN_REQUIRED, READY
from kite_operator.model.expiry import parse_rfc3339
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Reminder, ReminderMark, Status

EARLY = timedelta(minutes=30)
"""Time from the first mark to the deadline."""
LATEST = timedelta(hours=6)
"""Time after the deadline from which a reminder is of no use: the trading day is over then."""


def needs_action(observed: Observed, plan: Wait) -> bool:
    """Return whether a working token needs a user's action: a login, an acknowledgement or a correction."""
    if _is_served(observed) or plan.reason.set_aside:
        return False
    return plan.login_required or bool(plan.block_id) or plan.reason.action_required


def needed_action(status: Status) -> bool:
    """Return whether action was required when `status` was written, for a credential not reconciled yet."""
    if any(_holds(status, kind) for kind in (LOGIN_REQUIRED, BLOCKED)):
        return True
    ready = status.condition(READY)
    if ready is None or ready.status != "False" or _holds(status, AUTHENTICATED):
        return False
    reason = Reason.named(ready.reason)
    return reason is None or reason.action_required


def _holds(status: Status, kind: str) -> bool:
    condition = status.condition(kind)
    return condition is not None and condition.status == "True"


def _is_served(observed: Observed) -> bool:
    """Return whether pods have a living token of today: any other problem can wait until tomorrow."""
    match phase_of(observed):
        case Published(alive=True) | OtherApp(Published(alive=True)):
            return observed.target.matches
    return False


def due_reminder(observed: Observed, plan: Wait) -> Reminder | None:
    """Return the reminder that is due now and has not been sent: of two marks that have passed, the later one."""
    deadline = timing.deadline(observed.credential.timing, observed.now)
    if deadline is None or not needs_action(observed, plan):
        return None
    mark = _mark_of(observed, deadline)
    if mark is None or _is_sent(observed, deadline, mark):
        return None
    return Reminder(deadline, mark, observed.now)


def _mark_of(observed: Observed, deadline: datetime) -> ReminderMark | None:
    """Return the last mark that has passed; None when it passed too long ago, or before the credential existed."""
    if not early_mark(deadline) <= observed.now < deadline + LATEST:
        return None
    mark, at = (
        (ReminderMark.READY_BY, deadline) if observed.now >= deadline else (ReminderMark.EARLY, early_mark(deadline))
    )
    created = parse_rfc3339(observed.credential.created)
    return None if created is not None and created > at else mark


def _is_sent(observed: Observed, deadline: datetime, mark: ReminderMark) -> bool:
    """Return whether a reminder was sent at this mark, or at a later one (the clock was set back)."""
    last = observed.credential.status.last_reminder
    return last is not None and last.deadline == deadline and last.mark in (mark, ReminderMark.READY_BY)


def early_mark(deadline: datetime) -> datetime:
    """Return half an hour before the deadline, but not before the day's own 06:00 IST."""
    return max(deadline - EARLY, last_flush(deadline))


def next_reconcile(observed: Observed, plan: Wait) -> datetime | None:
    """Return when to reconcile next: at the end of a wait, or at the next mark of a reminder if that comes first.

    Only credentials that need a user's action are reconciled at a mark: thousands of credentials that are in order
    would crowd the minutes before a market opens.
    """
    if not needs_action(observed, plan):
        return plan.wake_at
    mark = next_mark(observed)
    return mark if plan.wake_at is None else min(plan.wake_at, mark)


def next_mark(observed: Observed) -> datetime:
    """Return when a reminder may be due: the next mark of today's deadline, or else the first one of tomorrow's.

    On a day that is not refreshed nothing is due then; the reconcile at the mark does nothing.
    """
    today = timing.ready_by(observed.credential.timing, observed.now)
    tomorrow = timing.ready_by(observed.credential.timing, observed.now + timedelta(days=1))
    marks = (early_mark(today), today, early_mark(tomorrow))
    return next((at for at in marks if at > observed.now), observed.now + timedelta(days=1))
