"""Plan: the possible decisions."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from kite_operator.decide.observed import Grant
from kite_operator.model.reasons import Reason


class Action(StrEnum):
    """The next action; after every action but REST the state is gathered again."""

    REST = "rest"
    """Wait until `wake_at`, or until something changes."""
    PROBE = "probe"
    """Probe: ask the broker whether the held session is alive, and keep the answer."""
    PROVE = "prove"
    """Probe the held session, and publish it if it is alive."""
    LOGIN = "login"
    """Log in with the login Secret's factors."""
    RENEW = "renew"
    """Renew: exchange the held refresh_token for a session."""
    EXCHANGE = "exchange"
    """Exchange the grant of a manual login for a session."""
    REFUSE_GRANT = "refuse-grant"
    """Delete a grant that must not be used, and report the reason."""
    DROP_GRANT = "drop-grant"
    """Delete a grant that was used, without an Event: its session was reported."""
    DISCARD = "discard"
    """Discard a staged session that can no longer be published."""
    MARK_DEAD = "mark-dead"
    """Mark the derived Secret: its token is known to be dead."""
    RETIRE = "retire"
    """Remove, keep or mark previous targets."""
    RESTART = "restart"
    """Examine the workloads of `spec.rollout`, and restart those that run with a previous token."""
    ACKNOWLEDGE = "acknowledge"
    """Reopen the block that a user acknowledged."""
    REVOKE = "revoke"
    """Log the session out at the broker, and block."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One decision.

    `reason` and `message` are set in the conditions while it lasts; `healthy` is whether all is in order during a wait;
    `login_required` whether a manual login is missing; `block_id` names the block of the credential.
    """

    action: Action
    reason: Reason
    message: str
    wake_at: datetime | None = None
    healthy: bool = False
    login_required: bool = False
    block_id: str = ""
    grant: Grant | None = None
