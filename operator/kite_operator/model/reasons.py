"""Reasons of conditions, Events and metrics: one closed set, documented in docs/failures.md.

A reason is part of the product's interface: alerts and users match on it, so a name never changes its meaning.
"""

from enum import StrEnum


class Reason(StrEnum):
    """CamelCase constants for conditions and Events."""

    # Good states.
    SESSION_ACTIVE = "SessionActive"
    REFRESHED = "Refreshed"
    REPUBLISHED = "Republished"
    TARGET_REPLACED = "TargetReplaced"
    ROLLOUT_RESTARTED = "RolloutRestarted"
    ROLLOUT_WAITING = "RolloutWaiting"
    UNBLOCKED = "Unblocked"
    ACKNOWLEDGEMENT_IGNORED = "AcknowledgementIgnored"

    # In progress.
    NOT_YET_LOGGED_IN = "NotYetLoggedIn"
    LOGIN_IN_PROGRESS = "LoginInProgress"
    WAITING_FOR_SCHEDULE = "WaitingForSchedule"
    MARKET_CLOSED = "MarketClosed"
    CALENDAR_UNKNOWN = "CalendarUnknown"
    WAITING_FOR_TOTP_WINDOW = "WaitingForTOTPWindow"
    SESSION_UNPROVEN = "SessionUnproven"

    # Action required.
    LOGIN_REQUIRED = "LoginRequired"
    GRANT_LOST = "GrantLost"
    GRANT_INVALID = "GrantInvalid"
    GRANT_EXPIRED = "GrantExpired"
    REQUEST_TOKEN_REJECTED = "RequestTokenRejected"  # noqa: S105 - a reason, not a credential
    REFRESH_TOKEN_REJECTED = "RefreshTokenRejected"  # noqa: S105 - a reason, not a credential
    LOGIN_NOT_REQUIRED = "LoginNotRequired"
    PERSON_NEEDED = "PersonNeeded"
    SESSION_ENDED = "SessionEnded"
    NOTIFY_SECRET_INVALID = "NotifySecretInvalid"  # noqa: S105 - a reason, not a credential
    NOTIFICATION_FAILED = "NotificationFailed"
    SUSPENDED = "Suspended"
    REVOKED = "Revoked"

    # User input, checked before any call to the broker.
    INVALID_SPEC = "InvalidSpec"
    APP_SECRET_NOT_FOUND = "AppSecretNotFound"  # noqa: S105 - a reason, not a credential
    APP_SECRET_INVALID = "AppSecretInvalid"  # noqa: S105 - a reason, not a credential
    LOGIN_SECRET_NOT_FOUND = "LoginSecretNotFound"  # noqa: S105 - a reason, not a credential
    LOGIN_SECRET_INVALID = "LoginSecretInvalid"  # noqa: S105 - a reason, not a credential
    TOTP_SECRET_INVALID = "TOTPSecretInvalid"  # noqa: S105 - a reason, not a credential
    CONFLICT = "Conflict"
    CLIENT_NOT_ALLOWED = "ClientNotAllowed"
    TARGET_NOT_OWNED = "TargetNotOwned"
    TARGET_UNWRITABLE = "TargetUnwritable"
    TARGET_CONTESTED = "TargetContested"
    ROLLOUT_NOT_ALLOWED = "RolloutNotAllowed"
    ROLLOUT_FAILED = "RolloutFailed"
    STATE_SECRET_NOT_OWNED = "StateSecretNotOwned"  # noqa: S105 - a reason, not a credential

    # Refusals of the broker: never retried automatically.
    PASSWORD_REJECTED = "PasswordRejected"  # noqa: S105 - a reason, not a credential
    TOTP_REJECTED = "TOTPRejected"
    ATTEMPT_OUTCOME_UNKNOWN = "AttemptOutcomeUnknown"
    ATTEMPT_BUDGET_EXHAUSTED = "AttemptBudgetExhausted"
    TWO_FACTOR_UNSUPPORTED = "TwoFactorUnsupported"
    CONSENT_REQUIRED = "ConsentRequired"
    LOGIN_DECLINED = "LoginDeclined"
    LOGIN_NOT_COMPLETED = "LoginNotCompleted"
    REDIRECT_URL_MISMATCH = "RedirectURLMismatch"
    APP_REJECTED = "AppRejected"
    APP_SECRET_REJECTED = "AppSecretRejected"  # noqa: S105 - a reason, not a credential
    USER_NOT_ENABLED = "UserNotEnabled"
    PERMISSION_DENIED = "PermissionDenied"
    WRONG_ACCOUNT = "WrongAccount"
    SUBSCRIPTION_INACTIVE = "SubscriptionInactive"
    SESSION_CONTESTED = "SessionContested"

    # Transient: retried with persisted backoff.
    BROKER_UNREACHABLE = "BrokerUnreachable"
    BROKER_UNAVAILABLE = "BrokerUnavailable"
    RATE_LIMITED = "RateLimited"
    UNEXPECTED_ANSWER = "UnexpectedAnswer"
    CLOCK_SKEW = "ClockSkew"
    INTERNAL_ERROR = "InternalError"

    # The state of a token that was good.
    TOKEN_EXPIRED = "TokenExpired"  # noqa: S105 - a reason, not a credential
    TOKEN_DEAD = "TokenDead"  # noqa: S105 - a reason, not a credential
    TARGET_DRIFTED = "TargetDrifted"
