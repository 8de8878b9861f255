"""What came of an action: what status has to remember, and what people are told."""

from dataclasses import dataclass
from datetime import datetime

from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Failures, LastLogin
from kite_operator.model.rollout import RolloutStatus


@dataclass(frozen=True, slots=True)
class Note:
    """An Event to be written: `warning` for what a person should look at."""

    reason: Reason
    message: str
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """A failed try: `failures` is the new backoff record.

    `message` is what the Ready condition says meanwhile; empty when the next rest says it better (a person's login that
    was not usable: what is needed is another one).
    """

    failures: Failures
    message: str = ""


@dataclass(frozen=True, slots=True)
class ActOutcome:
    """The result of one action.

    `result` and `reason` feed the attempts metric; `succeeded` clears the failures; `retry_at` asks for a rest without
    a failure (somebody else is logging in, a TOTP window is awaited); the handled values acknowledge annotations;
    `last_login` is what became of a person's login;
    `rollout` is what is known of the workloads of `spec.rollout` from now on, `looks` what came of each look, by kind.
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
    looks: tuple[tuple[str, str], ...] = ()
