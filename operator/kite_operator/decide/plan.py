"""What a decision can be."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from kite_operator.decide.observed import Grant
from kite_operator.model.reasons import Reason


class Action(StrEnum):
    """The next thing to do; everything but REST is followed by a new look at the world."""

    REST = "rest"
    """Nothing until `wake_at`, or until something changes."""
    PROBE = "probe"
    """Ask the broker whether the held session is alive, and remember the answer."""
    PROVE = "prove"
    """Ask the same; if it is alive, publish it."""
    LOGIN = "login"
    """Log in with the login Secret's factors."""
    RENEW = "renew"
    """Turn the held refresh_token into a session."""
    EXCHANGE = "exchange"
    """Turn a person's login (a grant) into a session."""
    REFUSE_GRANT = "refuse-grant"
    """Delete a grant that must not be used, and say why."""
    DROP_GRANT = "drop-grant"
    """Delete a grant that was used, and say nothing: its session says it."""
    DISCARD = "discard"
    """Forget a staged session that can no longer become good."""
    MARK_DEAD = "mark-dead"
    """Say on the derived Secret that its token is known to be dead."""
    RETIRE = "retire"
    """Remove, keep or mark Secrets that were the target before."""
    RESTART = "restart"
    """Look at the workloads of `spec.rollout`, and restart those that run with a former token."""
    ACKNOWLEDGE = "acknowledge"
    """Reopen the block that a person acknowledged."""
    REVOKE = "revoke"
    """Log the session out at the broker, and block."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One decision.

    `reason` and `message` are what conditions show while it lasts; `healthy` whether all is in order while resting;
    `person` whether a login by a person is what is missing; `block_id` names the block that rests upon the credential.
    """

    action: Action
    reason: Reason
    message: str
    wake_at: datetime | None = None
    healthy: bool = False
    person: bool = False
    block_id: str = ""
    grant: Grant | None = None
