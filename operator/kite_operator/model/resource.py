"""KiteCredential as typed values, with its names, defaults and limits; `parse.py` makes them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Self

from kite_operator.model.account import Ref
from kite_operator.model.conditions import LONGEST_MESSAGE, Condition
from kite_operator.model.manifest import stored_as
from kite_operator.model.rollout import Rollout, RolloutStatus
from kite_operator.model.trading_days import EVERY_DAY, TradingCalendar

GROUP = "kite-operator.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "KiteCredential"
PLURAL = "kitecredentials"

ROLE_LABEL = f"{GROUP}/role"
CREDENTIAL_LABEL = f"{GROUP}/credential"
REFRESH_ANNOTATION = f"{GROUP}/refresh"
ACKNOWLEDGE_ANNOTATION = f"{GROUP}/acknowledge"
REVOKE_ANNOTATION = f"{GROUP}/revoke"

DELETE = "Delete"
RETAIN = "Retain"
FORMATS = ("keys", "env", "file", "json")
DAILY = "Daily"
TRADING_DAYS = "TradingDays"

DEFAULT_AT = time(7, 35)
DEFAULT_READY_BY = time(8, 45)
DEFAULT_JITTER = timedelta(minutes=10)
DEFAULT_PROBE_INTERVAL = timedelta(minutes=5)
DEFAULT_FORMATS = ("keys",)
LONGEST_JITTER = timedelta(minutes=60)
SHORTEST_PROBE_INTERVAL = timedelta(minutes=1)
LONGEST_PROBE_INTERVAL = timedelta(hours=1)

MODES = ("Manual", "TOTP", "RefreshToken")
WHEN_DEAD = "WhenDead"
ONCE_A_DAY = "Daily"
RELOGINS = (WHEN_DEAD, ONCE_A_DAY)
APP_TYPES = ("Trading", "Connect")


@dataclass(frozen=True, slots=True)
class Key:
    """Namespace and name: the key of a credential in this process."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Timing:
    """`spec.schedule` and `spec.probe` with their effective values; times of day are IST.

    `calendar` is the operator's, with `days` TradingDays; until it is set, it has no holiday.
    """

    at: time = DEFAULT_AT
    ready_by: time = DEFAULT_READY_BY
    jitter: timedelta = DEFAULT_JITTER
    probe_interval: timedelta = DEFAULT_PROBE_INTERVAL
    days: str = DAILY
    calendar: TradingCalendar = field(default=EVERY_DAY, repr=False)


@dataclass(frozen=True, slots=True)
class Target:
    """`spec.target`: the derived Secret's name, deletion policy and data, and the user's metadata.

    `formats` is in the order of FORMATS, whatever the order in the spec.
    """

    name: str
    deletion_policy: str = DELETE
    formats: tuple[str, ...] = DEFAULT_FORMATS
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failures:
    """`status.failures`: the backoff that survives a restart."""

    count: int = 0
    reason: str = ""
    last_time: datetime | None = None
    next_retry_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class LastLogin:
    """`status.lastLogin`: the outcome of the last manual login, by the name of its grant."""

    grant: str
    reason: str
    message: str = ""
    time: datetime | None = None

    def __post_init__(self) -> None:
        """Cut the message to the API server's limit, so that a derived value equals the stored one."""
        object.__setattr__(self, "message", self.message[:LONGEST_MESSAGE])


class ReminderMark(StrEnum):
    """Time of a reminder, relative to a deadline."""

    EARLY = "Early"
    """Half an hour before."""
    READY_BY = "ReadyBy"
    """At the deadline."""


@dataclass(frozen=True, slots=True)
class Reminder:
    """`status.lastReminder`: the mark and the deadline of the last reminder, and the time of its decision."""

    deadline: datetime
    mark: ReminderMark
    time: datetime


@dataclass(frozen=True, slots=True)
class Status:
    """The status that the operator wrote last; every field may be absent."""

    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()
    user_id: str = field(default="", metadata=stored_as("userID"))
    expires_time: datetime | None = None
    last_refresh_time: datetime | None = None
    next_refresh_time: datetime | None = None
    secret_name: str = ""
    last_handled_refresh: str = ""
    last_handled_acknowledge: str = ""
    last_handled_revoke: str = ""
    block_id: str = field(default="", metadata=stored_as("blockID"))
    failures: Failures | None = None
    login_url: str = field(default="", metadata=stored_as("loginURL"))
    last_login: LastLogin | None = None
    last_reminder: Reminder | None = None
    rollout: RolloutStatus | None = None

    def condition(self, kind: str) -> Condition | None:
        """Return the condition of that type."""
        return next((each for each in self.conditions if each.type == kind), None)


@dataclass(frozen=True, slots=True)
class Credential:
    """One KiteCredential.

    `login_secret` is None in every mode but TOTP, `notify_secret` where spec names none; `stored` is the status that
    the API server has, from which `status` may differ during a reconcile; `problems` says what makes the spec unusable.
    """

    key: Key
    uid: str
    resource_version: str
    generation: int
    created: str
    client_id: str
    mode: str
    app_secret: str
    login_secret: str | None
    redirect_url: str
    timing: Timing
    target: Target
    suspended: bool
    refresh: str
    acknowledge: str
    deleting: bool
    status: Status
    stored: Status
    problems: tuple[str, ...] = ()
    notify_secret: str | None = None
    class_name: str = ""
    app_type: str = ""
    relogin: str = WHEN_DEAD
    revoke: str = ""
    rollout: Rollout | None = None

    @property
    def ref(self) -> Ref:
        """Return the reference to this credential, for the attempt ledger."""
        return Ref(self.key.namespace, self.key.name, self.uid)

    @property
    def renews(self) -> bool:
        """Return whether sessions are renewed with a refresh_token: mode RefreshToken, for approved platforms."""
        return self.mode == "RefreshToken"

    @property
    def refresh_asked(self) -> bool:
        """Return whether a user requested a refresh that has not been handled."""
        return bool(self.refresh) and self.refresh != self.status.last_handled_refresh

    def with_probe_interval(self, interval: timedelta) -> Self:
        """Return the credential with another effective probe interval."""
        return replace(self, timing=replace(self.timing, probe_interval=interval))

    def with_calendar(self, calendar: TradingCalendar) -> Self:
        """Return the credential with the calendar of its trading days."""
        return replace(self, timing=replace(self.timing, calendar=calendar))

    def with_status(self, status: Status) -> Self:
        """Return the credential with a status that is not written yet."""
        return replace(self, status=status)

    @property
    def state_secret(self) -> str:
        """Name of the state Secret, the operator's own Secret for this credential."""
        return f"{self.key.name}-kite-state"

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the Secrets that the credential reads."""
        return tuple(name for name in (self.app_secret, self.login_secret) if name)
