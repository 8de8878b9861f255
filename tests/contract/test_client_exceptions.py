"""Every answer of the error table, as the official client raises it; and the answers that it cannot digest."""

import pytest
import requests
from kiteconnect import KiteConnect
from kiteconnect import exceptions as kite_exceptions

from kite_sandbox.error_table import ROWS
from support.sandbox import Sandbox, SandboxAccount, SandboxApp

COLLAPSED = {"UserException", "TwoFAException", "MarginException", "HoldingException"}


@pytest.mark.parametrize("name", sorted(ROWS))
def test_each_row_arrives_as_its_class_with_its_status(name: str, client: KiteConnect, sandbox: Sandbox) -> None:
    row = ROWS[name]
    sandbox.fault("profile", name)
    with pytest.raises(kite_exceptions.KiteException) as caught:
        client.profile()
    expected = "GeneralException" if row.error_type in COLLAPSED else row.error_type
    assert (expected, row.status) == (type(caught.value).__name__, caught.value.code)


def test_the_rows_cover_every_documented_type_and_status() -> None:
    assert COLLAPSED | {
        "TokenException", "OrderException", "InputException", "NetworkException", "DataException", "GeneralException",
        "PermissionException",
    } == {row.error_type for row in ROWS.values()}  # fmt: skip
    assert {400, 403, 404, 405, 410, 429, 500, 502, 503, 504} == {row.status for row in ROWS.values()}


@pytest.mark.parametrize("preset", ["html_403", "html_429", "html_502", "html_503", "html_login_page"])
def test_any_html_page_becomes_a_data_exception_502(preset: str, client: KiteConnect, sandbox: Sandbox) -> None:
    sandbox.fault("profile", preset)
    with pytest.raises(kite_exceptions.DataException, match="Unknown Content-Type") as caught:
        client.profile()
    assert caught.value.code == 502


@pytest.mark.parametrize(
    ("preset", "raised"),
    [
        ("missing_error_type", TypeError),
        ("missing_message", KeyError),
        ("missing_content_type", KeyError),
        ("unknown_error_type", kite_exceptions.GeneralException),
        ("not_json", kite_exceptions.DataException),
        ("empty_body", kite_exceptions.DataException),
        ("reset_mid_body", requests.exceptions.RequestException),
    ],
)
def test_a_malformed_answer_trips_the_client_in_the_known_way(
    preset: str, raised: type[Exception], client: KiteConnect, sandbox: Sandbox
) -> None:
    sandbox.fault("profile", preset)
    with pytest.raises(raised):
        client.profile()
    assert client.profile()["user_id"] == "AB1234"


def test_a_session_without_login_time_raises_after_the_token_was_obtained(
    anonymous: KiteConnect, sandbox: Sandbox, app: SandboxApp, account: SandboxAccount
) -> None:
    sandbox.fault("session_token", "missing_login_time")
    with pytest.raises(KeyError, match="login_time"):
        anonymous.generate_session(sandbox.request_token(account.client_id, app.api_key), app.api_secret)
    assert sandbox.is_alive(anonymous.access_token)


@pytest.mark.parametrize(
    ("preset", "name", "value"), [("empty_access_token", "access_token", ""), ("other_user", "user_id", "ZZ0000")]
)
def test_a_session_can_come_back_edited(
    preset: str, name: str, value: str, client: KiteConnect, sandbox: Sandbox
) -> None:
    sandbox.fault("session_token", preset)
    token = sandbox.request_token("AB1234", client.api_key)
    session = client.generate_session(token, sandbox.regenerate_secret(client.api_key))
    assert value == session[name]


def test_an_answer_slower_than_the_client_raises_a_timeout_and_delays_nobody_else(
    client: KiteConnect, sandbox: Sandbox, account: SandboxAccount
) -> None:
    sandbox.fault("profile", "slow")
    client.timeout = 0.2
    with pytest.raises(requests.exceptions.ReadTimeout):
        client.profile()
    assert client.profile()["user_id"] == "AB1234"
    assert sandbox.counters(account.client_id).count("profile", "accepted") == 2


@pytest.mark.parametrize(
    ("preset", "retry_after"), [("too_many_requests", None), ("too_many_requests_retry_after", "2")]
)
def test_too_many_requests_come_with_and_without_a_delay(
    preset: str, retry_after: str | None, client: KiteConnect, sandbox: Sandbox
) -> None:
    seen = []
    client.reqsession.hooks["response"].append(lambda answer, **_: seen.append(answer.headers.get("Retry-After")))
    sandbox.fault("profile", preset)
    with pytest.raises(kite_exceptions.NetworkException) as caught:
        client.profile()
    assert (429, [retry_after]) == (caught.value.code, seen)


def test_the_expiry_hook_fires_for_a_dead_token(client: KiteConnect, sandbox: Sandbox, account: SandboxAccount) -> None:
    fired: list[str] = []
    client.set_session_expiry_hook(lambda: fired.append("hook"))
    sandbox.master_logout(account.client_id)
    with pytest.raises(kite_exceptions.TokenException):
        client.profile()
    assert fired == ["hook"]


def test_calls_beyond_the_limit_of_a_second_are_refused(client: KiteConnect, sandbox: Sandbox) -> None:
    sandbox.switch(rate_limit_per_s=3)
    for _ in range(2):  # the login was the first call of this second at the earliest, so only the excess is certain
        client.profile()
    with pytest.raises(kite_exceptions.NetworkException, match="Too many requests") as caught:
        [client.profile() for _ in range(4)]
    assert caught.value.code == 429


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/session/token"), ("PUT", "/session/token"), ("GET", "/nothing")]
)
def test_a_wrong_method_or_path_is_no_route(method: str, path: str, sandbox: Sandbox, client: KiteConnect) -> None:
    answer = client.reqsession.request(method, sandbox.api_url + path, timeout=5)
    assert (
        answer.status_code,
        answer.json()["error_type"],
        answer.json()["message"],
    ) == (404, "GeneralException", "Route not found")


@pytest.mark.parametrize("missing", ["api_key", "request_token", "checksum"])
def test_a_missing_parameter_is_named(missing: str, sandbox: Sandbox, client: KiteConnect) -> None:
    form = {"api_key": "k", "request_token": "r", "checksum": "c"}
    del form[missing]
    answer = client.reqsession.post(f"{sandbox.api_url}/session/token", data=form, timeout=5)
    assert (400, "InputException", f"Missing {missing}") == (
        answer.status_code,
        answer.json()["error_type"],
        answer.json()["message"],
    )
