"""The attributes of a reason: everything that the operator knows about one, apart from texts for users."""

from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from functools import partial


class Kind(Enum):
    """Kinds of reasons; docs/troubleshooting.md has a section for each."""

    GOOD = auto()
    IN_PROGRESS = auto()
    USER = auto()
    """A user has to act, or has asked for it."""
    INPUT = auto()
    """User input that is checked before any call to the broker."""
    REFUSED = auto()
    """Refusals of the broker: never retried automatically with the same inputs."""
    TRANSIENT = auto()
    """Retried with a backoff that is kept in status."""
    TOKEN = auto()
    """The state of a token that was good."""


class EventType(StrEnum):
    """Types of Kubernetes Events."""

    NORMAL = "Normal"
    WARNING = "Warning"


class Input(StrEnum):
    """Inputs to which a rejection may be bound, as named in the attempt ledger."""

    LOGIN = "login"
    APP = "app"
    REDIRECT = "redirect"
    DAY = "day"
    """The session day."""


class Entry(Enum):
    """Entries of the attempt ledger that count."""

    WRONG = auto()
    UNKNOWN = auto()


class ManualLogin(Enum):
    """Effects of a manual login."""

    PROCEEDS = auto()
    """It proceeds: nothing else has to be corrected first."""
    CORRECTS = auto()
    """It corrects the rejection. The rejection of a manual login, or of a renewal, then blocks nothing."""
    HINDERED = auto()
    """It is used once something else is corrected, or not at all."""
    REJECTED = auto()
    """It would be rejected for the same reason: the app itself is."""


class Alert(StrEnum):
    """Alerts that a reason can be behind, as named in the alert rules."""

    TOKEN_NOT_READY = "KiteTokenNotReady"  # noqa: S105 - an alert, not a credential
    TOKEN_EXPIRED = "KiteTokenExpired"  # noqa: S105 - an alert, not a credential
    LOGIN_REQUIRED = "KiteLoginRequired"
    ACCOUNT_BLOCKED = "KiteAccountBlocked"
    SUBSCRIPTION_INACTIVE = "KiteSubscriptionInactive"
    PERSON_NEEDED = "KitePersonNeeded"
    REFRESH_FAILING = "KiteRefreshFailing"
    ROLLOUT_HINDERED = "KiteRolloutHindered"
    CLOCK_SKEW = "KiteClockSkew"
    NOTIFICATIONS_FAILING = "KiteNotificationsFailing"
    TRADING_CALENDAR_ENDING = "KiteTradingCalendarEnding"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The attributes of one reason. Those without a default are set for each, the others where they apply."""

    kind: Kind
    action_required: bool
    """A user has to act before there is a working token, or before the reported problem ends."""
    event: EventType | None
    """Type of its Events; None when there are none. A credential that is Ready all the same gets a Normal one."""
    alert: Alert | None
    """The alert that says most about it while it lasts; None when it fires none."""
    inputs: tuple[Input, ...] = ()
    """Inputs that a block is bound to: a change of one lifts it. Without any, no change does."""
    counts_as: Entry | None = None
    """The entry by which the attempt ledger holds it, in place of a rejection."""
    passes: bool = False
    """The broker does not answer as it should; the operator retries until it does."""
    api_down: bool = False
    """The broker's API is out of order: it would accept no other token either."""
    calls_broker: bool = True
    """The published token is probed while a credential waits with this reason."""
    set_aside: bool = False
    """The credential is left as it is on purpose: no reminder is sent, and a requested refresh stays requested."""
    brief: bool = False
    """A wait of seconds within a refresh: the previous conditions stay."""
    scheduled: bool = False
    """The next refresh is the scheduled one, even if the credential is not Ready."""
    manual_login: ManualLogin = ManualLogin.HINDERED
    """Effect of a manual login while this is the reason, or after it."""


# The ordinary case of each kind: the table states what is different.
GOOD = partial(Facts, kind=Kind.GOOD, action_required=False, event=EventType.NORMAL, alert=None)
IN_PROGRESS = partial(Facts, kind=Kind.IN_PROGRESS, action_required=False, event=None, alert=None)
USER = partial(Facts, kind=Kind.USER, action_required=True, event=EventType.WARNING, alert=Alert.LOGIN_REQUIRED)
INPUT = partial(Facts, kind=Kind.INPUT, action_required=True, event=EventType.WARNING, alert=Alert.PERSON_NEEDED)
REFUSED = partial(Facts, kind=Kind.REFUSED, action_required=True, event=EventType.WARNING, alert=Alert.ACCOUNT_BLOCKED)
TRANSIENT = partial(
    Facts, kind=Kind.TRANSIENT, action_required=False, event=EventType.WARNING, alert=Alert.REFRESH_FAILING
)
TOKEN = partial(Facts, kind=Kind.TOKEN, action_required=False, event=EventType.WARNING, alert=None)
