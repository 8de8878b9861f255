"""Standard Kubernetes conditions (metav1.Condition): values and the rule of their transition time."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from kite_operator.model.expiry import rfc3339
from kite_operator.model.manifest import stored_as

READY = "Ready"
AUTHENTICATED = "Authenticated"
LOGIN_REQUIRED = "LoginRequired"
BLOCKED = "Blocked"
TYPES = (READY, AUTHENTICATED, LOGIN_REQUIRED, BLOCKED)

LONGEST_MESSAGE = 1024


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition; `status` is "True", "False" or "Unknown"; `since` its last transition time as written."""

    type: str
    status: str
    reason: str
    message: str
    observed_generation: int = 0
    since: str = field(default="", metadata=stored_as("lastTransitionTime"))

    def __post_init__(self) -> None:
        """Cut the message to the API server's limit, so that a derived condition equals the stored one.

        A stored condition without a status is Unknown.
        """
        object.__setattr__(self, "status", self.status or "Unknown")
        object.__setattr__(self, "message", self.message[:LONGEST_MESSAGE])


def with_transition(new: Condition, old: Condition | None, now: datetime) -> Condition:
    """Return `new` with the transition time of `old` when the status has not changed, and of `now` when it has."""
    kept = old is not None and old.status == new.status and old.since
    return replace(new, since=old.since if kept and old is not None else rfc3339(now))
