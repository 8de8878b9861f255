"""Attempts that counted at the broker: every kind of answer to a password and to a code (P1)."""

from collections.abc import Callable

import pytest

from kite_operator.broker.verdicts import answer_lost, judge_submission, outcome_of, unreachable
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
from kite_operator.model.reasons import Reason
from support.broker_fakes import NOW, answer, refusal

REJECTED = {Step.PASSWORD: Reason.PASSWORD_REJECTED, Step.TOTP: Reason.TOTP_REJECTED}
STEPS = list(REJECTED)


def raw(status: int, body: bytes, content_type: str) -> HttpResponse:
    return HttpResponse.of(status, {"Content-Type": content_type}, body, NOW)


REFUSALS = [
    refusal(403, "UserException"),
    refusal(403, "TwoFAException"),
    refusal(403, "TokenException"),
    refusal(400, "InputException"),
    refusal(400, "SomethingNew"),
    refusal(401, None),
    refusal(404, "GeneralException"),
    refusal(403, "NetworkException"),
    refusal(200, "UserException"),
    answer(403, '{"status": "error", "message": "no", "error_type": "UserException"}', content_type=""),
    answer(403, '{"status": "error", "message": "no", "error_type": "UserException"}', content_type="text/html"),
]
TURNED_AWAY = [
    (answer(429, "<html>slow down</html>"), Reason.RATE_LIMITED),
    (refusal(429, "NetworkException"), Reason.RATE_LIMITED),
    (answer(429, ""), Reason.RATE_LIMITED),
    (answer(503, "<html>maintenance</html>"), Reason.BROKER_UNAVAILABLE),
    (answer(503, "", content_type=""), Reason.BROKER_UNAVAILABLE),
    (answer(403, "<html>blocked by the firewall</html>"), Reason.BROKER_UNAVAILABLE),
    (answer(403, "blocked", content_type="text/plain"), Reason.BROKER_UNAVAILABLE),
]
UNCLEAR = [
    answer(500, "<html>error</html>"),
    answer(502, "<html>bad gateway</html>"),
    answer(504, "<html>timeout</html>"),
    refusal(500, "GeneralException"),
    refusal(502, "DataException"),
    refusal(503, "NetworkException"),
    refusal(504, "NetworkException"),
    answer(200, "<html>captcha</html>"),
    answer(200, ""),
    answer(200, []),
    answer(200, {}),
    answer(200, {"data": {}}),
    answer(204, ""),
    answer(302, "<a>moved</a>", {"Location": "/"}),
    answer(400, "<html>bad request</html>"),
    answer(404, "<html>not found</html>"),
    answer(403, "", content_type=""),
    raw(200, b'{"status": "succ', "application/json"),
    raw(403, b'{"status": "err', "application/json"),
]


def verdict(step: Step, received: HttpResponse) -> BrokerError:
    with pytest.raises(BrokerError) as caught:
        judge_submission(step, received)
    return caught.value


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("received", REFUSALS)
def test_a_refusal_in_json_is_a_wrong_entry(step: Step, received: HttpResponse) -> None:
    error = verdict(step, received)

    assert (BrokerRejection, REJECTED[step], AttemptOutcome.WRONG) == (type(error), error.reason, outcome_of(error))


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(("received", "reason"), TURNED_AWAY)
def test_an_answer_from_before_the_login_spends_no_attempt(step: Step, received: HttpResponse, reason: Reason) -> None:
    error = verdict(step, received)

    assert (TransientBrokerError, reason, AttemptOutcome.UNSENT) == (type(error), error.reason, outcome_of(error))


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("received", UNCLEAR)
def test_every_other_answer_may_have_counted(step: Step, received: HttpResponse) -> None:
    error = verdict(step, received)

    assert (OutcomeUnknown, Reason.ATTEMPT_OUTCOME_UNKNOWN, AttemptOutcome.UNKNOWN) == (
        type(error),
        error.reason,
        outcome_of(error),
    )


@pytest.mark.parametrize("step", STEPS)
def test_an_accepted_submission_raises_nothing(step: Step) -> None:
    judge_submission(step, answer(200, {"status": "success", "data": {}}))

    assert outcome_of(None) == AttemptOutcome.ACCEPTED


def test_a_rejection_names_the_input_to_check_and_the_answer() -> None:
    assert [
        verdict(Step.PASSWORD, refusal(403, "UserException")).message,
        verdict(Step.TOTP, refusal(400, "SomethingNew")).message,
    ] == [
        (
            "the password step answered HTTP 403 UserException:"
            " check spec.clientID and the key `password` of the login Secret"
        ),
        (
            "the two-factor step answered HTTP 400:"
            " check the key `totp_secret` of the login Secret and the clock of the node"
        ),
    ]


@pytest.mark.parametrize("header", ["12", "Mon, 02 Mar 2026 02:05:12 GMT"])
def test_the_brokers_wish_to_wait_is_kept(header: str) -> None:
    error = verdict(Step.PASSWORD, answer(429, "", {"Retry-After": header}))

    assert isinstance(error, TransientBrokerError)
    assert error.retry_after_seconds == 12.0


@pytest.mark.parametrize("step", list(Step))
def test_a_connection_that_was_never_made_spent_nothing(step: Step) -> None:
    error = unreachable(step)

    assert (TransientBrokerError, Reason.BROKER_UNREACHABLE, Processed.NO, AttemptOutcome.UNSENT) == (
        type(error),
        error.reason,
        error.processed,
        outcome_of(error),
    )


@pytest.mark.parametrize("step", list(Step))
def test_a_lost_answer_is_unknown_at_every_step(step: Step) -> None:
    expected: Callable[..., BrokerError] = OutcomeUnknown if step in STEPS else TransientBrokerError
    error = answer_lost(step)

    assert (expected, Processed.UNKNOWN, AttemptOutcome.UNKNOWN) == (type(error), error.processed, outcome_of(error))
