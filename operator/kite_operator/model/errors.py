"""Errors of the operator, as one tree; foreign exceptions are translated into it where they cross a layer.

::

    OperatorError
    ├── BrokerError                 carries: step, reason, processed
    │   ├── TransientBrokerError    passes by itself; retried with backoff (retry_after_seconds when the broker sent it)
    │   │   └── SessionUnusable     the broker accepted without a usable session; a refresh_token may have come with it
    │   ├── OutcomeUnknown          a submission was sent and its answer never came: it may have counted
    │   ├── TokenDead               the broker no longer accepts this access_token
    │   └── BrokerRejection         the broker understood and refused: never repeated with the same inputs
    ├── ReservationRefused          the attempt ledger does not allow a submission now
    ├── ReservationLost             another process took the lock, or the reservation expired, before the send
    ├── Unsettled                   a reconcile did not finish; carries the wait until the next one
    └── ClusterError                the Kubernetes API server refused or could not be reached
        ├── NotFound
        ├── Conflict                a precondition failed (409): the state is gathered again
        ├── Forbidden
        └── ClusterUnavailable

Messages are our own texts. A foreign body, header or exception text never becomes part of one (P4).
"""

from datetime import datetime, timedelta
from enum import StrEnum

from kite_operator.model.reasons import Reason
from kite_operator.model.sensitive import Sensitive


class Step(StrEnum):
    """Steps of an exchange with the broker, as named in metrics and logs."""

    PREFLIGHT = "preflight"
    PASSWORD = "password"  # noqa: S105 - a step, not a credential
    TOTP = "totp"
    CONNECT = "connect"
    EXCHANGE = "exchange"
    RENEWAL = "renewal"
    PROFILE = "profile"
    LOGOUT = "logout"


class Processed(StrEnum):
    """Knowledge of whether the broker acted on a request that failed."""

    NO = "no"
    UNKNOWN = "unknown"
    YES = "yes"


class OperatorError(Exception):
    """The root of all errors that this project raises on purpose."""


class Unsettled(OperatorError):
    """A reconcile of a credential did not finish: it counts as failed, and the next one is due after `wait`."""

    def __init__(self, message: str, wait: timedelta) -> None:
        super().__init__(message)
        self.wait = wait


class BrokerError(OperatorError):
    """The broker refused, failed or could not be reached at `step`."""

    def __init__(self, reason: Reason, message: str, *, step: Step, processed: Processed) -> None:
        """Keep `message`, which is shown to users: it holds no foreign text and no secret."""
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.step = step
        self.processed = processed


class TransientBrokerError(BrokerError):
    """A transient failure: network, 429, 5xx, HTML. `retry_after_seconds` is the broker's own value, if it sent one."""

    def __init__(
        self,
        reason: Reason,
        message: str,
        *,
        step: Step,
        processed: Processed = Processed.NO,
        retry_after_seconds: float | None = None,
    ) -> None:
        """Keep `processed`: NO unless the request may have reached the broker."""
        super().__init__(reason, message, step=step, processed=processed)
        self.retry_after_seconds = retry_after_seconds


class SessionUnusable(TransientBrokerError):
    """The broker answered with a session that cannot be used.

    `refresh_token` is the one in that answer, if any; `user_id` the user named in it, if any.
    """

    def __init__(
        self, message: str, *, step: Step, user_id: str | None = None, refresh_token: Sensitive | None = None
    ) -> None:
        """Keep `step`: EXCHANGE or RENEWAL."""
        super().__init__(Reason.UNEXPECTED_ANSWER, message, step=step, processed=Processed.YES)
        self.user_id = user_id
        self.refresh_token = refresh_token


class OutcomeUnknown(BrokerError):
    """A password or a code was sent and no answer came: it is counted as wrong (P1)."""

    def __init__(self, message: str, *, step: Step) -> None:
        """Keep `step`: PASSWORD or TOTP."""
        super().__init__(Reason.ATTEMPT_OUTCOME_UNKNOWN, message, step=step, processed=Processed.UNKNOWN)


class TokenDead(BrokerError):
    """A 403 TokenException on a read: this access_token is dead, or all are while the app's subscription has lapsed."""

    def __init__(self, message: str, *, step: Step = Step.PROFILE, reads_like_lapse: bool = False) -> None:
        """Keep `message`, which names the request. `reads_like_lapse`: the broker's text named the api_key."""
        super().__init__(Reason.TOKEN_DEAD, message, step=step, processed=Processed.YES)
        self.reads_like_lapse = reads_like_lapse


class BrokerRejection(BrokerError):
    """The broker understood and refused: with the same inputs it would refuse again."""

    def __init__(self, reason: Reason, message: str, *, step: Step) -> None:
        """Keep `reason`, which names what a user has to fix."""
        super().__init__(reason, message, step=step, processed=Processed.YES)


class ReservationRefused(OperatorError):
    """The attempt ledger refuses: `reason` says why, `retry_at` when it may be asked again (None: never)."""

    def __init__(self, reason: Reason, message: str, *, retry_at: datetime | None = None) -> None:
        """Keep `retry_at`, which is aware."""
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.retry_at = retry_at


class ReservationLost(OperatorError):
    """The reservation is no longer ours: nothing may be sent, and no received session may be published."""


class ClusterError(OperatorError):
    """The Kubernetes API server answered `status` (HTTP; 0 when it was not reached) to a request named by `what`."""

    def __init__(self, what: str, *, status: int) -> None:
        """Keep `what`: verb and path, without a body."""
        super().__init__(f"{what}: HTTP {status}" if status else f"{what}: no answer")
        self.what = what
        self.status = status


class NotFound(ClusterError):
    """HTTP 404: the object does not exist."""


class Conflict(ClusterError):
    """HTTP 409: the object exists already or has changed."""


class Forbidden(ClusterError):
    """HTTP 403: RBAC does not allow it."""


class Unprocessable(ClusterError):
    """HTTP 400 or 422: the API server refuses this object as it is."""


class ClusterUnavailable(ClusterError):
    """The API server is down, overloaded or out of reach: retried."""
