"""Previous targets: rules for a Secret that was the target before `spec.target.name` was changed.

The new Secret comes first: a previous target is removed only when the new one holds the published session. The operator
writes to a kept one for one purpose only: to mark it once its token is known to be dead.
"""

from datetime import timedelta
from enum import StrEnum

from kite_operator.decide.observed import Observed, PreviousTarget
from kite_operator.decide.phase import Dead, OtherApp, phase_of
from kite_operator.model.resource import DELETE
from kite_operator.model.session import Session

LONGEST_FLUSH = timedelta(minutes=90)
"""From 06:00 IST, the documented end of every token, to 07:30, the latest that has been observed."""


class PreviousTargetAction(StrEnum):
    """The next action on a previous target."""

    REMOVE = "remove"
    KEEP = "keep"
    MARK_DEAD = "mark-dead"


def action_on_previous(observed: Observed, previous: PreviousTarget) -> PreviousTargetAction | None:
    """Return the action on `previous` now; None when it may stay as it is."""
    status, target = observed.credential.status, observed.credential.target
    replaced = observed.held is not None and observed.held.published and observed.target.matches
    if target.deletion_policy == DELETE:
        if replaced and (previous.owned or previous.name == status.secret_name):
            return PreviousTargetAction.REMOVE
    elif previous.owned or (replaced and previous.replaced_by != target.name):
        return PreviousTargetAction.KEEP
    dead = previous.session is not None and not previous.marked_dead and _is_dead(observed, previous.session)
    return PreviousTargetAction.MARK_DEAD if dead else None


def _is_dead(observed: Observed, session: Session) -> bool:
    """Return whether the broker answered that this token is dead, or a daily flush has ended it as every token."""
    held = observed.held
    if held is None or held.session.access_token != session.access_token:
        return observed.now >= session.expires_at + LONGEST_FLUSH
    match phase_of(observed):
        case Dead() | OtherApp(Dead()):
            return True
    return False
