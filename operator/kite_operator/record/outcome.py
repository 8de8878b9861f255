"""Outcome of an action: the values for status, and the Events for users."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from kite_operator.cluster.gather import Gathered
from kite_operator.model.reason_facts import EventType
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Failures, LastLogin
from kite_operator.model.rollout import RolloutStatus


class Result(StrEnum):
    """Result of an action: a label of the attempts metric, and an attribute of the action's span."""

    STAGED = "staged"
    """A session was answered and staged."""
    PUBLISHED = "published"
    """The held session was confirmed and published."""
    ALIVE = "alive"
    """The broker accepts the token."""
    DEAD = "dead"
    """The broker refuses the token."""
    DEFERRED = "deferred"
    """A probe waits for its turn."""
    UNANSWERED = "unanswered"
    """A probe had no definite answer."""
    REFUSED = "refused"
    """The attempt ledger did not allow the action, or a login grant was not used."""
    REJECTED = "rejected"
    """The broker refused the input."""
    TRANSIENT = "transient"
    """The action failed, and is retried."""
    DISCARDED = "discarded"
    """A staged session, or a used grant, was dropped."""
    MARKED = "marked"
    """The derived Secret was marked: its token is dead."""
    RETIRED = "retired"
    """Previous targets were removed, kept or marked."""
    RESTARTED = "restarted"
    """At least one workload was restarted."""
    EXAMINED = "looked"
    """No workload was restarted."""
    ACKNOWLEDGED = "acknowledged"
    """The standing block was lifted."""
    REVOKED = "revoked"
    """The session was logged out."""
    IGNORED = "ignored"
    """A user's request had nothing to act on."""


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
    `workload_results` the result for each examined workload, by kind. `after` is the state after the action, where the
    action knows it; otherwise the state is gathered again.
    """

    result: Result
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
    after: Gathered | None = field(default=None, repr=False)
