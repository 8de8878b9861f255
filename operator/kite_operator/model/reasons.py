"""Reasons of conditions, Events and metrics: one closed set, documented in docs/troubleshooting.md.

A reason is part of the product's interface: alerts and users match on it, so a name never changes its meaning.

This table has everything that the operator knows about a reason (`reason_facts.py` explains the columns), apart from
texts. The texts are in `login/outcome.py`, `notify/message.py` and `broker/session.py`; the anchor of a reason in the
docs is its name in lower case.
"""

from dataclasses import fields
from enum import StrEnum
from typing import Self

from kite_operator.model import reason_facts as facts
from kite_operator.model.reason_facts import Alert, Entry, EventType, Facts, Input, Kind, ManualLogin


class Reason(StrEnum):
    """CamelCase constants for conditions and Events; the attributes are those of Facts."""

    kind: Kind
    action_required: bool
    event: EventType | None
    alert: Alert | None
    inputs: tuple[Input, ...]
    counts_as: Entry | None
    passes: bool
    api_down: bool
    calls_broker: bool
    set_aside: bool
    brief: bool
    scheduled: bool
    manual_login: ManualLogin

    def __new__(cls, name: str, known: Facts | None = None) -> Self:
        """Return the member `name` with each fact as an attribute; `known` is None in no row of the table."""
        member = str.__new__(cls, name)
        member._value_ = name
        for each in fields(Facts):
            setattr(member, each.name, getattr(known, each.name))
        return member

    @classmethod
    def named(cls, name: str) -> Self | None:
        """Return the reason `name`; None for one that this version does not have."""
        return cls(name) if name in cls._value2member_map_ else None

    # All is well.
    SESSION_ACTIVE = "SessionActive", facts.GOOD(event=None, scheduled=True, manual_login=ManualLogin.PROCEEDS)
    REFRESHED = "Refreshed", facts.GOOD()
    REPUBLISHED = "Republished", facts.GOOD()
    TARGET_REPLACED = "TargetReplaced", facts.GOOD()
    ROLLOUT_RESTARTED = "RolloutRestarted", facts.GOOD()
    ROLLOUT_WAITING = "RolloutWaiting", facts.GOOD()
    UNBLOCKED = "Unblocked", facts.GOOD()
    ACKNOWLEDGEMENT_IGNORED = "AcknowledgementIgnored", facts.GOOD(event=EventType.WARNING)

    # In progress.
    NOT_YET_LOGGED_IN = "NotYetLoggedIn", facts.IN_PROGRESS(manual_login=ManualLogin.PROCEEDS)
    LOGIN_IN_PROGRESS = "LoginInProgress", facts.IN_PROGRESS(brief=True, manual_login=ManualLogin.PROCEEDS)
    WAITING_FOR_SCHEDULE = (
        "WaitingForSchedule",
        facts.IN_PROGRESS(alert=Alert.LOGIN_REQUIRED, scheduled=True, manual_login=ManualLogin.PROCEEDS),
    )
    MARKET_CLOSED = "MarketClosed", facts.IN_PROGRESS(scheduled=True, manual_login=ManualLogin.PROCEEDS)
    CALENDAR_UNKNOWN = (
        "CalendarUnknown",
        facts.IN_PROGRESS(event=EventType.WARNING, alert=Alert.TRADING_CALENDAR_ENDING),
    )
    WAITING_FOR_TOTP_WINDOW = "WaitingForTOTPWindow", facts.IN_PROGRESS(brief=True)
    SESSION_UNPROVEN = "SessionUnproven", facts.IN_PROGRESS(manual_login=ManualLogin.PROCEEDS)

    # A user has to act, or has asked for it.
    LOGIN_REQUIRED = "LoginRequired", facts.USER(manual_login=ManualLogin.PROCEEDS)
    GRANT_LOST = "GrantLost", facts.USER(manual_login=ManualLogin.CORRECTS)
    GRANT_INVALID = "GrantInvalid", facts.USER(manual_login=ManualLogin.CORRECTS)
    GRANT_EXPIRED = "GrantExpired", facts.USER(manual_login=ManualLogin.CORRECTS)
    REQUEST_TOKEN_REJECTED = (
        "RequestTokenRejected",
        facts.USER(inputs=(Input.APP,), manual_login=ManualLogin.CORRECTS),
    )
    REFRESH_TOKEN_REJECTED = (
        "RefreshTokenRejected",
        facts.USER(inputs=(Input.APP,), manual_login=ManualLogin.CORRECTS),
    )
    LOGIN_NOT_REQUIRED = "LoginNotRequired", facts.USER(action_required=False, alert=None)
    PERSON_NEEDED = "PersonNeeded", facts.USER(alert=Alert.PERSON_NEEDED)
    SESSION_ENDED = "SessionEnded", facts.USER()
    NOTIFY_SECRET_INVALID = "NotifySecretInvalid", facts.USER(alert=Alert.NOTIFICATIONS_FAILING)
    NOTIFICATION_FAILED = "NotificationFailed", facts.USER(alert=Alert.NOTIFICATIONS_FAILING)
    SUSPENDED = (
        "Suspended",
        facts.USER(action_required=False, alert=None, calls_broker=False, set_aside=True),
    )
    REVOKED = "Revoked", facts.USER(alert=Alert.ACCOUNT_BLOCKED, calls_broker=False)

    # User input, checked before any call to the broker.
    INVALID_SPEC = "InvalidSpec", facts.INPUT(calls_broker=False)
    APP_SECRET_NOT_FOUND = "AppSecretNotFound", facts.INPUT()
    APP_SECRET_INVALID = "AppSecretInvalid", facts.INPUT()
    LOGIN_SECRET_NOT_FOUND = "LoginSecretNotFound", facts.INPUT()
    LOGIN_SECRET_INVALID = "LoginSecretInvalid", facts.INPUT()
    TOTP_SECRET_INVALID = "TOTPSecretInvalid", facts.INPUT()
    CONFLICT = (
        "Conflict",
        facts.INPUT(action_required=False, alert=Alert.TOKEN_NOT_READY, calls_broker=False, set_aside=True),
    )
    CLIENT_NOT_ALLOWED = "ClientNotAllowed", facts.INPUT(calls_broker=False)
    TARGET_NOT_OWNED = "TargetNotOwned", facts.INPUT()
    TARGET_UNWRITABLE = "TargetUnwritable", facts.INPUT()
    TARGET_CONTESTED = "TargetContested", facts.INPUT()
    ROLLOUT_NOT_ALLOWED = "RolloutNotAllowed", facts.INPUT(alert=Alert.ROLLOUT_HINDERED)
    ROLLOUT_FAILED = "RolloutFailed", facts.INPUT(alert=Alert.ROLLOUT_HINDERED)
    STATE_SECRET_NOT_OWNED = "StateSecretNotOwned", facts.INPUT()

    # Refusals of the broker: never retried automatically.
    PASSWORD_REJECTED = "PasswordRejected", facts.REFUSED(inputs=(Input.LOGIN,), counts_as=Entry.WRONG)
    TOTP_REJECTED = "TOTPRejected", facts.REFUSED(inputs=(Input.LOGIN,), counts_as=Entry.WRONG)
    ATTEMPT_OUTCOME_UNKNOWN = "AttemptOutcomeUnknown", facts.REFUSED(inputs=(Input.LOGIN,), counts_as=Entry.UNKNOWN)
    ATTEMPT_BUDGET_EXHAUSTED = "AttemptBudgetExhausted", facts.REFUSED(counts_as=Entry.WRONG)
    TWO_FACTOR_UNSUPPORTED = "TwoFactorUnsupported", facts.REFUSED(inputs=(Input.LOGIN,))
    CONSENT_REQUIRED = "ConsentRequired", facts.REFUSED(inputs=(Input.LOGIN, Input.APP))
    LOGIN_DECLINED = "LoginDeclined", facts.REFUSED(inputs=(Input.LOGIN, Input.APP))
    LOGIN_NOT_COMPLETED = "LoginNotCompleted", facts.REFUSED(inputs=(Input.LOGIN, Input.APP, Input.REDIRECT))
    REDIRECT_URL_MISMATCH = "RedirectURLMismatch", facts.REFUSED(inputs=(Input.APP, Input.REDIRECT))
    APP_REJECTED = "AppRejected", facts.REFUSED(inputs=(Input.APP,), manual_login=ManualLogin.REJECTED)
    APP_SECRET_REJECTED = "AppSecretRejected", facts.REFUSED(inputs=(Input.APP,), manual_login=ManualLogin.REJECTED)
    USER_NOT_ENABLED = "UserNotEnabled", facts.REFUSED(inputs=(Input.APP,))
    PERMISSION_DENIED = "PermissionDenied", facts.REFUSED(inputs=(Input.APP,))
    WRONG_ACCOUNT = "WrongAccount", facts.REFUSED(inputs=(Input.LOGIN, Input.APP), manual_login=ManualLogin.CORRECTS)
    SUBSCRIPTION_INACTIVE = (
        "SubscriptionInactive",
        facts.REFUSED(alert=Alert.SUBSCRIPTION_INACTIVE, inputs=(Input.APP, Input.DAY)),
    )
    SESSION_CONTESTED = "SessionContested", facts.REFUSED(inputs=(Input.DAY,))

    # Transient: retried with persisted backoff.
    BROKER_UNREACHABLE = "BrokerUnreachable", facts.TRANSIENT(passes=True, api_down=True)
    BROKER_UNAVAILABLE = "BrokerUnavailable", facts.TRANSIENT(passes=True, api_down=True)
    RATE_LIMITED = "RateLimited", facts.TRANSIENT(passes=True, api_down=True)
    UNEXPECTED_ANSWER = "UnexpectedAnswer", facts.TRANSIENT(passes=True)
    CLOCK_SKEW = "ClockSkew", facts.TRANSIENT(action_required=True, alert=Alert.CLOCK_SKEW)
    INTERNAL_ERROR = "InternalError", facts.TRANSIENT(alert=Alert.TOKEN_NOT_READY)

    # The state of a token that was good.
    TOKEN_EXPIRED = (
        "TokenExpired",
        facts.TOKEN(event=None, alert=Alert.TOKEN_NOT_READY, scheduled=True, manual_login=ManualLogin.PROCEEDS),
    )
    TOKEN_DEAD = "TokenDead", facts.TOKEN(alert=Alert.TOKEN_EXPIRED)
    TARGET_DRIFTED = "TargetDrifted", facts.TOKEN()
