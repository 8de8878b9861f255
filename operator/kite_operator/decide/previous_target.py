"""What becomes of a Secret that was the target before `spec.target.name` was changed.

The new Secret comes first: a former one is removed only when the new one holds the published session. What is kept
stays in the hands of the operator for one thing only: to be marked once its token is known to be dead.
"""

from datetime import timedelta
from enum import StrEnum

from kite_operator.decide.liveness import Liveness, liveness
from kite_operator.decide.observed import Observed, PreviousTarget
from kite_operator.model.resource import DELETE
from kite_operator.model.session import Session

LONGEST_FLUSH = timedelta(minutes=90)
"""From 06:00 IST, the documented end of every token, to 07:30, the latest that has been observed."""


class PreviousTargetAction(StrEnum):
    """What is to be done next with a former target."""

    REMOVE = "remove"
    KEEP = "keep"
    MARK_DEAD = "mark-dead"


def action_on_previous(observed: Observed, former: PreviousTarget) -> PreviousTargetAction | None:
    """Return what is to be done with `former` now; None when it may stay as it is."""
    status, target = observed.credential.status, observed.credential.target
    replaced = observed.held is not None and observed.held.published and observed.target.matches
    if target.deletion_policy == DELETE:
        if replaced and (former.owned or former.name == status.secret_name):
            return PreviousTargetAction.REMOVE
    elif former.owned or (replaced and former.replaced_by != target.name):
        return PreviousTargetAction.KEEP
    dead = former.session is not None and not former.marked_dead and _is_dead(observed, former.session)
    return PreviousTargetAction.MARK_DEAD if dead else None


def _is_dead(observed: Observed, session: Session) -> bool:
    """By the broker's word about this very token, or because a daily flush is over in which every token dies."""
    held = observed.held
    if held is not None and held.session.access_token == session.access_token:
        return liveness(observed) is Liveness.DEAD
    return observed.now >= session.expires_at + LONGEST_FLUSH
