"""Attempt ledger of one broker account (client ID): the content of its account Lease.

Zerodha blocks an account after five wrong passwords or codes, from any client. So the ledger is per client ID. Every
credential, process and install that uses the same account namespace shares it, and it outlives them all.
The ledger is plain data; `decide/budget.py` holds the rules, `cluster/account.py` the compare-and-swap.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from math import isfinite
from typing import Any, Self

from kite_operator.model.errors import Step
from kite_operator.model.expiry import parse_rfc3339
from kite_operator.model.reasons import Reason

_LAST_WINDOW = 2**33
"""Above every TOTP window up to the year 9999."""


class AttemptOutcome(StrEnum):
    """Outcome of a reserved submission."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    WRONG = "wrong"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    """The outcome was never written: the process died, or is frozen and may still send the submission."""
    UNSENT = "unsent"


@dataclass(frozen=True, slots=True)
class Ref:
    """Reference to a KiteCredential: namespace, name and uid, which distinguishes a re-created one."""

    namespace: str
    name: str
    uid: str

    def same_name(self, other: "Ref") -> bool:
        """Return whether both have the same namespace/name, whatever their uid: a re-created one inherits."""
        return (self.namespace, self.name) == (other.namespace, other.name)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Claim:
    """The right of a credential to act for this client ID through one app; `app` is a keyed hash of the api_key."""

    app: str
    holder: Ref
    proven: bool
    since: datetime


@dataclass(frozen=True, slots=True)
class Lock:
    """Lock of a running login, exchange or renewal: its holder, and until when no other process may start one.

    `app` (as in a claim) and `credential` (namespace/name) identify the session that is being made.
    """

    id: str
    by: str
    until: datetime
    app: str = ""
    credential: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One submission of a password or a code, reserved before it was sent.

    `id` names the block that it may cause: it is changed when an acknowledged attempt blocks again. `version` is the
    keyed hash of the login factors; `window` the TOTP window of a code; `acknowledged` is set once a user has allowed
    this version to be tried again; `forgiven` when it was the day's one unknown outcome; `clock_ahead` is the number of
    seconds by which our clock was ahead of the broker's at the code's login (negative: behind), if that is known.
    """

    id: str
    step: Step
    version: str
    by: Ref
    at: datetime
    deadline: datetime
    outcome: AttemptOutcome = AttemptOutcome.PENDING
    window: int | None = None
    acknowledged: bool = False
    forgiven: bool = False
    clock_ahead: float | None = None


@dataclass(frozen=True, slots=True)
class Rejection:
    """A refusal of the broker that no retry can fix: it stands until one of `inputs` changes.

    `inputs` maps the name of an input (login, app, redirect, day) to its value's keyed hash at the time; `proven` is
    whether `by` had proven to hold the account then.
    """

    id: str
    reason: Reason
    message: str
    by: Ref
    at: datetime
    inputs: Mapping[str, str]
    proven: bool = False


@dataclass(frozen=True, slots=True)
class LoginCount:
    """Number of logins that the operator completed by itself through one app on one session day (IST)."""

    app: str
    day: date
    count: int
    allowed_more: int = 0


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A block that a user acknowledged, and the day of it: each acknowledgement is honoured once."""

    block_id: str
    day: date


@dataclass(frozen=True, slots=True)
class AttemptLedger:
    """The whole ledger. `attempts` are those since the last completed login, in the order of their reservations.

    That order does not depend on a clock: reservations follow one another by compare-and-swap. `lock` is the running
    login, in which passwords and codes are submitted; `app_locks` are exchanges and renewals, which submit neither.
    """

    client_id: str
    claims: tuple[Claim, ...] = ()
    lock: Lock | None = None
    app_locks: tuple[Lock, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    logins: tuple[LoginCount, ...] = ()
    acknowledgements: tuple[Acknowledgement, ...] = ()
    forgiven_on: date | None = None
    last_window: int | None = None
    allowed_more: int = 0

    def claim_for(self, app: str) -> Claim | None:
        """Return the claim on one app of this account."""
        return next((claim for claim in self.claims if claim.app == app), None)

    def holds(self, lock_id: str) -> bool:
        """Return whether `lock_id` is the running login, or one of the running exchanges and renewals."""
        return any(each.id == lock_id for each in self.locks)

    @property
    def locks(self) -> tuple[Lock, ...]:
        """Every lock that was taken and not released."""
        return self.app_locks if self.lock is None else (self.lock, *self.app_locks)

    def with_attempt(self, attempt: Attempt) -> Self:
        """Return the ledger with `attempt`: added last, or in the place of the one with the same id."""
        if all(each.id != attempt.id for each in self.attempts):
            return replace(self, attempts=(*self.attempts, attempt))
        return replace(self, attempts=tuple(attempt if each.id == attempt.id else each for each in self.attempts))

    @property
    def is_clean(self) -> bool:
        """Return whether the ledger has nothing left to protect, so that the Lease may be deleted."""
        return not (self.attempts or self.rejections or self.claims or self.locks)


def dump(ledger: AttemptLedger) -> str:
    """Return the ledger as JSON, for the Lease's annotation. It holds hashes and names only, never a source value."""
    return json.dumps(asdict(ledger), default=_encode, separators=(",", ":"), sort_keys=True)


def _encode(value: object) -> str:
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    raise TypeError(f"not a value of the account record: {type(value).__name__}")


def load(text: str) -> AttemptLedger:
    """Return the ledger of a Lease's annotation; raise ValueError when another client wrote something there."""
    try:
        return _ledger(json.loads(text))
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError("the account record has an unknown shape") from error


def _ledger(raw: Mapping[str, Any]) -> AttemptLedger:
    lock = raw["lock"]
    return AttemptLedger(
        client_id=str(raw["client_id"]),
        claims=tuple(
            Claim(app=c["app"], holder=Ref(**c["holder"]), proven=c["proven"], since=_moment(c["since"]))
            for c in raw["claims"]
        ),
        lock=_lock(lock) if lock else None,
        app_locks=tuple(_lock(each) for each in raw.get("app_locks", ())),
        attempts=tuple(_attempt(a) for a in raw["attempts"]),
        rejections=tuple(_rejection(r) for r in raw["rejections"]),
        logins=tuple(LoginCount(**{**entry, "day": date.fromisoformat(entry["day"])}) for entry in raw["logins"]),
        acknowledgements=tuple(
            Acknowledgement(a["block_id"], date.fromisoformat(a["day"])) for a in raw["acknowledgements"]
        ),
        forgiven_on=date.fromisoformat(raw["forgiven_on"]) if raw["forgiven_on"] else None,
        last_window=_window(raw["last_window"]),
        allowed_more=int(raw["allowed_more"]),
    )


def _lock(raw: Mapping[str, Any]) -> Lock:
    until = _moment(raw["until"])
    return Lock(raw["id"], raw["by"], until, app=raw.get("app", ""), credential=raw.get("credential", ""))


def _attempt(raw: Mapping[str, Any]) -> Attempt:
    return Attempt(
        id=raw["id"],
        step=Step(raw["step"]),
        version=raw["version"],
        by=Ref(**raw["by"]),
        at=_moment(raw["at"]),
        deadline=_moment(raw["deadline"]),
        outcome=AttemptOutcome(raw["outcome"]),
        window=_window(raw["window"]),
        acknowledged=bool(raw["acknowledged"]),
        forgiven=bool(raw["forgiven"]),
        clock_ahead=_seconds(raw.get("clock_ahead")),
    )


def _rejection(raw: Mapping[str, Any]) -> Rejection:
    return Rejection(
        id=raw["id"],
        reason=Reason(raw["reason"]),
        message=raw["message"],
        by=Ref(**raw["by"]),
        at=_moment(raw["at"]),
        inputs=dict(raw["inputs"]),
        proven=raw.get("proven") is True,
    )


def _seconds(raw: Any) -> float | None:
    """Return a number of seconds; None where it was not measured (a ledger of an earlier version)."""
    return float(raw) if isinstance(raw, (int, float)) and isfinite(raw) else None


def _window(raw: Any) -> int | None:
    if raw is None or (isinstance(raw, int) and 0 <= raw <= _LAST_WINDOW):
        return raw
    raise ValueError("a TOTP window of the account record is not a number of a window")


def _moment(text: str) -> datetime:
    moment = parse_rfc3339(text)
    if moment is None:
        raise ValueError("a time of the account record has no zone")
    return moment
