"""Steps of the login, as values: the requests in order, and the answer that each step needs before it."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from kite_operator.broker.weblogin import CodeNeeded, WebLogin, login_flow
from kite_operator.broker.wire import HttpRequest, HttpResponse
from kite_operator.model.errors import BrokerError, Processed, Step
from kite_operator.model.reasons import Reason
from kite_operator.model.sensitive import Sensitive
from support.broker_fakes import (
    API_KEY,
    CALLBACK,
    CODE,
    LOGIN,
    PASSWORD,
    REQUEST_TOKEN,
    answer,
    happy_answers,
    login_page,
    password_accepted,
    redirect,
    refusal,
)

CONNECT_URL = f"https://login.example/connect/login?v=3&api_key={API_KEY}"


def converse(
    answers: Sequence[HttpResponse], login: WebLogin = LOGIN
) -> tuple[list[HttpRequest | CodeNeeded], Sensitive]:
    """Return all requests of the flow, and its result."""
    flow = login_flow(login)
    waiting = list(answers)
    asked = [next(flow)]
    try:
        while True:
            asked.append(flow.send(Sensitive(CODE) if isinstance(asked[-1], CodeNeeded) else waiting.pop(0)))
    except StopIteration as end:
        token: Sensitive = end.value
    return asked, token


def error_of(answers: Sequence[HttpResponse], login: WebLogin = LOGIN) -> BrokerError:
    with pytest.raises(BrokerError) as caught:
        converse(answers, login)
    return caught.value


def test_a_login_asks_for_the_page_the_password_the_code_and_the_apps_login() -> None:
    asked, token = converse(happy_answers())

    assert token.reveal() == REQUEST_TOKEN
    assert [
        HttpRequest(Step.PREFLIGHT, "GET", CONNECT_URL),
        HttpRequest(
            Step.PASSWORD, "POST", "https://login.example/api/login", {"user_id": "AB1234", "password": PASSWORD}
        ),
        CodeNeeded(),
        HttpRequest(
            Step.TOTP,
            "POST",
            "https://login.example/api/twofa",
            {"user_id": "AB1234", "request_id": "request-id-1", "twofa_value": CODE, "twofa_type": "totp"},
        ),
        HttpRequest(Step.CONNECT, "GET", f"{CONNECT_URL}&skip_session=true"),
        HttpRequest(Step.CONNECT, "GET", "https://login.example/connect/finish?sess_id=s1"),
    ] == asked


def test_a_slash_at_the_end_of_the_login_address_changes_nothing() -> None:
    plain, _ = converse(happy_answers())
    slashed, _ = converse(happy_answers(), replace(LOGIN, login_base_url="https://login.example/"))

    assert plain == slashed


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (answer(503, "<html>maintenance</html>"), Reason.BROKER_UNAVAILABLE),
        (answer(502, "<html>bad gateway</html>"), Reason.BROKER_UNAVAILABLE),
        (answer(403, "<html>blocked</html>"), Reason.BROKER_UNAVAILABLE),
        (answer(404, "<html>not found</html>"), Reason.BROKER_UNAVAILABLE),
        (refusal(500, "GeneralException"), Reason.BROKER_UNAVAILABLE),
        (answer(429, "slow down"), Reason.RATE_LIMITED),
        (refusal(429, "NetworkException"), Reason.RATE_LIMITED),
        (redirect("https://elsewhere.example/maintenance"), Reason.BROKER_UNAVAILABLE),
        (redirect("http://login.example/connect/login"), Reason.BROKER_UNAVAILABLE),
        (refusal(400, "InputException", "Invalid `api_key`."), Reason.APP_REJECTED),
        (refusal(400, "InputException", "The user is not enabled for the app."), Reason.USER_NOT_ENABLED),
        (refusal(403, "PermissionException"), Reason.PERMISSION_DENIED),
    ],
)
def test_nothing_secret_is_sent_after_a_bad_login_page(page: HttpResponse, reason: Reason) -> None:
    error = error_of([page])

    assert (reason, Step.PREFLIGHT) == (error.reason, error.step)


@pytest.mark.parametrize("location", ["/connect/login?v=3&sess_id=x", "https://login.example/connect/login", "?v=3"])
def test_a_login_page_may_redirect_within_its_host(location: str) -> None:
    _, token = converse([redirect(location), *happy_answers()[1:]])

    assert token.reveal() == REQUEST_TOKEN


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"twofa_type": "app_code", "twofa_types": ["app_code", "sms"]}, Reason.TWO_FACTOR_UNSUPPORTED),
        ({"twofa_type": "app_code", "twofa_types": None}, Reason.TWO_FACTOR_UNSUPPORTED),
        ({"twofa_type": None, "twofa_types": []}, Reason.TWO_FACTOR_UNSUPPORTED),
        ({"twofa_type": {"totp": 1}, "twofa_types": {"totp": 1}}, Reason.TWO_FACTOR_UNSUPPORTED),
        ({"user_id": "ZZ9999"}, Reason.WRONG_ACCOUNT),
        ({"user_id": None}, Reason.WRONG_ACCOUNT),
        ({"request_id": ""}, Reason.UNEXPECTED_ANSWER),
        ({"request_id": None}, Reason.UNEXPECTED_ANSWER),
        ({"request_id": 7}, Reason.UNEXPECTED_ANSWER),
        ({"request_id": "x" * 257}, Reason.UNEXPECTED_ANSWER),
    ],
)
def test_no_code_is_asked_for_when_it_could_not_be_used(changes: dict[str, object], reason: Reason) -> None:
    error = error_of([login_page(), password_accepted(**changes)])

    assert (reason, Step.PASSWORD, Processed.YES) == (error.reason, error.step, error.processed)


@pytest.mark.parametrize(
    "changes", [{"twofa_type": "app_code", "twofa_types": ["app_code", "totp"]}, {"twofa_types": None}]
)
def test_an_account_that_also_takes_totp_codes_is_sent_one(changes: dict[str, object]) -> None:
    _, token = converse([login_page(), password_accepted(**changes), *happy_answers()[2:]])

    assert token.reveal() == REQUEST_TOKEN


@pytest.mark.parametrize("data", [None, [], "x"])
def test_an_accepted_password_without_data_is_an_unexpected_answer(data: object) -> None:
    error = error_of([login_page(), answer(200, {"status": "success", "data": data})])

    assert (error.reason, error.processed) == (Reason.UNEXPECTED_ANSWER, Processed.YES)


def test_five_hops_are_followed() -> None:
    hops = [redirect(f"/connect/finish?hop={number}") for number in range(5)]
    asked, token = converse([*happy_answers()[:3], *hops, redirect(CALLBACK)])

    assert (token.reveal(), len(asked)) == (REQUEST_TOKEN, 10)


def test_a_sixth_hop_is_not_followed() -> None:
    hops = [redirect(f"/connect/finish?hop={number}") for number in range(6)]
    error = error_of([*happy_answers()[:3], *hops])

    assert (error.reason, error.step) == (Reason.LOGIN_NOT_COMPLETED, Step.CONNECT)


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        (login_page(), Reason.LOGIN_NOT_COMPLETED),
        (answer(200, {"status": "success", "data": {}}), Reason.LOGIN_NOT_COMPLETED),
        (answer(302, "<a>moved</a>"), Reason.LOGIN_NOT_COMPLETED),
        (answer(304, ""), Reason.LOGIN_NOT_COMPLETED),
        (refusal(400, "InputException", "The user is not enabled for the app."), Reason.USER_NOT_ENABLED),
        (refusal(200, "InputException", "The user is not enabled for the app."), Reason.USER_NOT_ENABLED),
        (refusal(400, "InputException", "Invalid `api_key`."), Reason.APP_REJECTED),
        (refusal(403, "TokenException", "Invalid API key or access token."), Reason.APP_REJECTED),
        (refusal(404, "GeneralException"), Reason.APP_REJECTED),
        (refusal(403, None), Reason.APP_REJECTED),
        (refusal(403, "PermissionException"), Reason.PERMISSION_DENIED),
        (refusal(400, "NetworkException"), Reason.UNEXPECTED_ANSWER),
        (answer(403, "<html>blocked</html>"), Reason.BROKER_UNAVAILABLE),
        (answer(503, "<html>maintenance</html>"), Reason.BROKER_UNAVAILABLE),
        (refusal(500, "GeneralException"), Reason.BROKER_UNAVAILABLE),
        (answer(429, "slow down", {"Retry-After": "9"}), Reason.RATE_LIMITED),
    ],
)
def test_every_other_end_of_the_apps_login_has_its_reason(last: HttpResponse, reason: Reason) -> None:
    error = error_of([*happy_answers()[:3], last])

    assert (reason, Step.CONNECT) == (error.reason, error.step)


def test_an_answer_of_the_wrong_kind_is_an_error_of_the_driver() -> None:
    flow = login_flow(LOGIN)
    next(flow)

    with pytest.raises(TypeError, match="HttpResponse"):
        flow.send(Sensitive(CODE))
