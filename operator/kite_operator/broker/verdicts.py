"""Meaning of an answer of the login pages: by step, status, error type and kind of content (P1).

The rule that matters most is whether an attempt may have counted at the broker. In doubt it counts: only an answer that
cannot come from the login itself (429, a gateway's 503, a firewall's 403 page) or a connection that was never made
leaves the attempt unspent. Messages name the status and a known error type; a foreign text never becomes part of one.
"""

from http import HTTPStatus

from kite_operator.broker.wire import HttpResponse
from kite_operator.model.account import AttemptOutcome
from kite_operator.model.errors import (
    BrokerError,
    BrokerRejection,
    OutcomeUnknown,
    Processed,
    Step,
    TransientBrokerError,
)
from kite_operator.model.reason_facts import Entry
from kite_operator.model.reasons import Reason

SUBMISSIONS = frozenset({Step.PASSWORD, Step.TOTP})
"""Steps that spend an attempt."""

_HINT_NOT_ENABLED = "not enabled"
_PASSING_TYPES = frozenset({"NetworkException", "DataException"})
_NOT_THERE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.GONE})
_STEP_NAMES = {
    Step.PREFLIGHT: "the login page",
    Step.PASSWORD: "the password step",
    Step.TOTP: "the two-factor step",
    Step.CONNECT: "the app's login",
    Step.EXCHANGE: "the session exchange",
    Step.RENEWAL: "the session renewal",
    Step.PROFILE: "the profile read",
    Step.LOGOUT: "the logout",
}


def outcome_of(error: BrokerError | None) -> AttemptOutcome:
    """Return the ledger's entry for a submission that ended with `error` (None: the login went on)."""
    if error is None:
        return AttemptOutcome.ACCEPTED
    if error.reason.counts_as is Entry.WRONG:
        return AttemptOutcome.WRONG
    return {
        Processed.NO: AttemptOutcome.UNSENT,
        Processed.UNKNOWN: AttemptOutcome.UNKNOWN,
        Processed.YES: AttemptOutcome.ACCEPTED,
    }[error.processed]


def unreachable(step: Step) -> BrokerError:
    """Return the error for a connection that was never made: nothing was sent."""
    message = f"{_STEP_NAMES[step]} could not be reached"
    return TransientBrokerError(Reason.BROKER_UNREACHABLE, message, step=step, processed=Processed.NO)


def answer_lost(step: Step) -> BrokerError:
    """Return the error for a connection that broke, or an answer that timed out: the broker may have acted on it."""
    message = f"{_STEP_NAMES[step]} gave no complete answer"
    if step in SUBMISSIONS:
        return OutcomeUnknown(message, step=step)
    return TransientBrokerError(Reason.BROKER_UNREACHABLE, message, step=step, processed=Processed.UNKNOWN)


def judge_submission(step: Step, answer: HttpResponse) -> None:
    """Return when the password or the code was accepted; otherwise raise the error that the answer means."""
    if answer.succeeded:
        return
    if answer.refused:
        raise _rejected_submission(step, answer)
    if _was_not_processed(answer):
        raise passing(step, answer, Processed.NO)
    raise OutcomeUnknown(f"{_answered(step, answer)}: the attempt may have counted", step=step)


def judge_preflight(answer: HttpResponse) -> None:
    """Return when the login page is up; raise before any factor is sent.

    A page that is missing says nothing about the app, and to request it again costs nothing.
    """
    if answer.status not in _NOT_THERE:
        _raise_for_refusal(Step.PREFLIGHT, answer)
    if answer.status >= HTTPStatus.BAD_REQUEST:
        raise passing(Step.PREFLIGHT, answer, Processed.NO)


def judge_connect(answer: HttpResponse) -> None:
    """Return for a redirect; raise for everything else that the app's login may answer."""
    _raise_for_refusal(Step.CONNECT, answer)
    if answer.status >= HTTPStatus.BAD_REQUEST:
        raise passing(Step.CONNECT, answer, Processed.NO if _was_not_processed(answer) else Processed.UNKNOWN)
    if answer.status < HTTPStatus.MULTIPLE_CHOICES or not answer.header("location"):
        raise BrokerRejection(
            Reason.LOGIN_NOT_COMPLETED,
            f"password and code were accepted, but {_answered(Step.CONNECT, answer)} instead of a redirect",
            step=Step.CONNECT,
        )


def passing(step: Step, answer: HttpResponse, processed: Processed) -> TransientBrokerError:
    """Return the error for an answer that says nothing about the inputs: rate limit, outage, or no answer of Kite."""
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        reason = Reason.RATE_LIMITED
    elif answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.is_page:
        reason = Reason.BROKER_UNAVAILABLE
    else:
        reason = Reason.UNEXPECTED_ANSWER
    return TransientBrokerError(
        reason,
        _answered(step, answer),
        step=step,
        processed=processed,
        retry_after_seconds=answer.retry_after_seconds,
    )


def malformed(step: Step, what: str) -> TransientBrokerError:
    """Return the error for a success in a form that cannot be used; `what` is our own words."""
    return TransientBrokerError(
        Reason.UNEXPECTED_ANSWER, f"{_STEP_NAMES[step]} answered {what}", step=step, processed=Processed.YES
    )


def user_not_enabled(step: Step) -> BrokerRejection:
    """Return the error for a client ID that is not on the app's list in the developer console."""
    return BrokerRejection(
        Reason.USER_NOT_ENABLED, "the app is not enabled for this client: add spec.clientID to the app", step=step
    )


def says_not_enabled(answer: HttpResponse) -> bool:
    """Return whether an InputException is the one about the client (the type first, the text only as a hint)."""
    envelope = answer.envelope
    is_input = envelope is not None and envelope.error_type == "InputException"
    return is_input and envelope is not None and _HINT_NOT_ENABLED in envelope.message.lower()


def _answered(step: Step, answer: HttpResponse) -> str:
    return f"{_STEP_NAMES[step]} answered {answer.describe()}"


def _was_not_processed(answer: HttpResponse) -> bool:
    """Return whether the answer cannot come from the login itself, so that no attempt was spent."""
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return True
    if answer.envelope is not None:
        return False
    if answer.status == HTTPStatus.FORBIDDEN:
        return answer.is_page
    return answer.status == HTTPStatus.SERVICE_UNAVAILABLE


def _rejected_submission(step: Step, answer: HttpResponse) -> BrokerRejection:
    if step is Step.PASSWORD:
        hint = "check spec.clientID and the key `password` of the login Secret"
        return BrokerRejection(Reason.PASSWORD_REJECTED, f"{_answered(step, answer)}: {hint}", step=step)
    hint = "check the key `totp_secret` of the login Secret and the clock of the node"
    return BrokerRejection(Reason.TOTP_REJECTED, f"{_answered(step, answer)}: {hint}", step=step)


def _raise_for_refusal(step: Step, answer: HttpResponse) -> None:
    """Raise for a refusal by the app's side of the login, in JSON: the api_key, the client or the permission."""
    envelope = answer.envelope
    if envelope is None or not answer.refused or envelope.error_type in _PASSING_TYPES:
        return
    if says_not_enabled(answer):
        raise user_not_enabled(step)
    if envelope.error_type == "PermissionException":
        raise BrokerRejection(Reason.PERMISSION_DENIED, _answered(step, answer), step=step)
    hint = "check the api_key and whether the app is active"
    raise BrokerRejection(Reason.APP_REJECTED, f"{_answered(step, answer)}: {hint}", step=step)
