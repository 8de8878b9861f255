"""Standard Kubernetes conditions (metav1.Condition): values and the rule of their transition time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from kite_operator.model.expiry import rfc3339

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
    since: str = ""

    def __post_init__(self) -> None:
        """Cut the message to the API server's limit, so that a derived condition equals the stored one."""
        object.__setattr__(self, "message", self.message[:LONGEST_MESSAGE])

    def as_manifest(self) -> dict[str, Any]:
        """Return the condition as the API server stores it."""
        return {
            "type": self.type,
            "status": self.status,
            "reason": self.reason,
            "message": self.message,
            "observedGeneration": self.observed_generation,
            "lastTransitionTime": self.since,
        }


def parse_conditions(raw: Iterable[Any]) -> tuple[Condition, ...]:
    """Return the conditions of a status; entries that are not conditions are left out."""
    return tuple(
        Condition(
            type=str(each.get("type", "")),
            status=str(each.get("status", "Unknown")),
            reason=str(each.get("reason", "")),
            message=str(each.get("message", "")),
            observed_generation=_number(each.get("observedGeneration")),
            since=str(each.get("lastTransitionTime", "")),
        )
        for each in raw
        if isinstance(each, Mapping)
    )


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def with_transition(new: Condition, old: Condition | None, now: datetime) -> Condition:
    """Return `new` with the transition time of `old` when the status has not changed, and of `now` when it has."""
    kept = old is not None and old.status == new.status and old.since
    return replace(new, since=old.since if kept and old is not None else rfc3339(now))
