"""Outcome of an action: the values for status, and the Events for users."""

from dataclasses import dataclass
from datetime import datetime

from kite_operator.model.reason_facts import EventType
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Failures, LastLogin
from kite_operator.model.rollout import RolloutStatus


@dataclass(frozen=True, slots=True)
class Note:
    """An Event to be emitted: `ready` when the credential is Ready all the same, so that a warning is not due."""

    reason: Reason
    message: str
    ready: bool = False

    @property
    def warning(self) -> bool:
        """Return whether a user should look at it."""
        return self.reason.event is EventType.WARNING and not self.ready


@dataclass(frozen=True, slots=True)
class Failed:
    """A failed try: `failures` is the new `status.failures`.

    `message` is the message of the Ready condition meanwhile; empty when the next plan's message is better (after a
    manual login that was not usable, another one is needed).
    """

    failures: Failures
    message: str = ""


@dataclass(frozen=True, slots=True)
class ActOutcome:
    """The result of one action.

    `result` and `reason` are labels of the attempts metric; `succeeded` clears the failures; `retry_at` requests a wait
    without a failure (another process is logging in, or the next TOTP window is awaited). The handled values
    acknowledge annotations. `last_login` is the outcome of a manual login. `rollout` is the new `status.rollout`,
    `workload_results` the result for each examined workload, by kind.
    """

    result: str
    reason: Reason
    notes: tuple[Note, ...] = ()
    failed: Failed | None = None
    succeeded: bool = False
    refreshed_at: datetime | None = None
    retry_at: datetime | None = None
    retry_message: str = ""
    handled_refresh: bool = False
    handled_acknowledge: bool = False
    last_login: LastLogin | None = None
    handled_revoke: bool = False
    rollout: RolloutStatus | None = None
    workload_results: tuple[tuple[str, str], ...] = ()
