"""The login host as a headless client meets it."""

from datetime import timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import pyotp
import pytest

from support.sandbox import Sandbox, SandboxAccount, SandboxApp
from support.sandbox_browser import Browser, query_of


def test_the_password_step_answers_with_what_the_second_step_needs(browser: Browser, account: SandboxAccount) -> None:
    data = browser.password(account).json()["data"]
    assert set(data) == {"user_id", "request_id", "twofa_type", "twofa_types", "twofa_status", "profile"}
    assert (data["user_id"], data["twofa_type"], data["twofa_types"]) == ("AB1234", "totp", ["totp"])
    assert not browser.http.cookies


def test_the_second_step_sets_the_four_cookies(browser: Browser, account: SandboxAccount) -> None:
    browser.sign_in(account)
    assert set(browser.http.cookies.keys()) == {"kf_session", "user_id", "public_token", "enctoken"}


def test_the_redirect_carries_token_action_status_and_the_redirect_params(
    browser: Browser, app: SandboxApp, account: SandboxAccount
) -> None:
    browser.sign_in(account)
    answer = browser.connect(app, redirect_params="state=a%26b&empty=")
    parts = urlsplit(answer.headers["Location"])
    assert (answer.status_code, parts.scheme, parts.netloc, parts.path) == (
        302,
        "https",
        "desk.example.com",
        "/callback",
    )
    query = query_of(answer)
    assert {name: query[name] for name in ("action", "type", "status", "state")} == {
        "action": "login",
        "type": "login",
        "status": "success",
        "state": "a&b",
    }
    assert len(query["request_token"]) == 32
    assert parts.query.endswith("empty=")


def test_a_query_of_the_registered_url_is_kept(sandbox: Sandbox, browser: Browser, account: SandboxAccount) -> None:
    app = sandbox.add_app(redirect_url="http://127.0.0.1:9/cb?desk=alpha")
    browser.sign_in(account)
    query = query_of(browser.connect(app))
    assert (query["desk"], query["status"]) == ("alpha", "success")


@pytest.mark.parametrize(("order", "last"), [("documented", "status=success"), ("reversed", "request_token=")])
def test_the_order_of_the_parameters_is_a_switch(
    order: str, last: str, sandbox: Sandbox, account: SandboxAccount
) -> None:
    app = sandbox.add_app()
    sandbox.switch(redirect_order=order, redirect_type_login=False)
    assert last in sandbox.redirect(account.client_id, app.api_key).rpartition("&")[2]


def test_shuffled_parameters_are_the_same_parameters(
    sandbox: Sandbox, browser: Browser, app: SandboxApp, account: SandboxAccount
) -> None:
    sandbox.switch(redirect_order="shuffled")
    browser.sign_in(account)
    assert set(query_of(browser.connect(app))) == {"request_token", "action", "type", "status"}


@pytest.mark.parametrize("location", ["relative", "absolute"])
def test_locations_on_the_login_host_are_relative_or_absolute(
    location: str, sandbox: Sandbox, browser: Browser, app: SandboxApp
) -> None:
    sandbox.switch(location=location)
    browser.sign_in(sandbox.add_account("CD5678"))
    given = browser.get("/connect/login", v="3", api_key=app.api_key).headers["Location"]
    base = {"relative": "", "absolute": sandbox.login_url}[location]
    assert given.startswith(f"{base}/connect/finish?")


def test_without_cookies_there_is_a_login_page(browser: Browser, app: SandboxApp) -> None:
    answer = browser.connect(app)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "<form" in answer.text


def test_cookies_that_are_not_honoured_give_the_login_page(
    sandbox: Sandbox, browser: Browser, app: SandboxApp, account: SandboxAccount
) -> None:
    sandbox.switch(client_id=account.client_id, connect_result="login_page")
    browser.sign_in(account)
    assert "<form" in browser.connect(app).text
    assert sandbox.counters(account.client_id).count("connect_login", "login_page") == 1


def test_or_they_give_a_bounce_back_to_the_login(
    sandbox: Sandbox, browser: Browser, app: SandboxApp, account: SandboxAccount
) -> None:
    sandbox.switch(connect_result="bounce")
    browser.sign_in(account)
    assert urlsplit(browser.connect(app).headers["Location"]).path == "/connect/login"


@pytest.mark.parametrize("ended_by", ["master logout", "password reset"])
def test_browser_sessions_end_with_the_rest(
    ended_by: str, sandbox: Sandbox, browser: Browser, app: SandboxApp, account: SandboxAccount
) -> None:
    browser.sign_in(account)
    if ended_by == "master logout":
        sandbox.master_logout(account.client_id)
    else:
        sandbox.change_password(account.client_id, "another-password")
    assert "<form" in browser.connect(app).text


def test_a_redirect_may_lack_the_token(
    sandbox: Sandbox, browser: Browser, app: SandboxApp, account: SandboxAccount
) -> None:
    sandbox.switch(connect_result="no_token")
    browser.sign_in(account)
    query = query_of(browser.connect(app, redirect_params="state=x"))
    assert query == {"action": "login", "type": "login", "status": "success", "state": "x"}


def test_a_declined_login_comes_back_cancelled_and_without_the_redirect_params(
    sandbox: Sandbox, browser: Browser, app: SandboxApp, account: SandboxAccount
) -> None:
    sandbox.switch(connect_result="cancelled")
    browser.sign_in(account)
    assert query_of(browser.connect(app, redirect_params="state=x")) == {"action": "login", "status": "cancelled"}


def test_a_redirect_may_go_to_another_url_than_the_registered_one(
    sandbox: Sandbox, browser: Browser, app: SandboxApp, account: SandboxAccount
) -> None:
    sandbox.switch(api_key=app.api_key, redirect_url="https://old.example.com/cb")
    browser.sign_in(account)
    assert urlsplit(browser.connect(app).headers["Location"]).netloc == "old.example.com"


def test_a_first_login_asks_for_consent_until_a_person_gives_it(
    sandbox: Sandbox, browser: Browser, app: SandboxApp, account: SandboxAccount
) -> None:
    sandbox.switch(consent_pending=True)
    browser.sign_in(account)
    asked = browser.connect(app)
    assert urlsplit(asked.headers["Location"]).path == "/connect/authorize"
    assert "Authorise" in browser.get(asked.headers["Location"]).text
    sandbox.consent(account.client_id, app.api_key)
    assert "request_token" in query_of(browser.connect(app))


@pytest.mark.parametrize(("decision", "status"), [("accept", "success"), ("decline", "cancelled")])
def test_the_consent_page_takes_both_answers(
    decision: str, status: str, sandbox: Sandbox, browser: Browser, app: SandboxApp
) -> None:
    sandbox.switch(consent_pending=True)
    browser.sign_in(sandbox.add_account("CD5678"))
    sess_id = query_of(browser.connect(app))["sess_id"]
    answer = browser.post("/connect/authorize", sess_id=sess_id, decision=decision)
    if decision == "accept":
        answer = browser.get(answer.headers["Location"])
    assert query_of(answer)["status"] == status


def test_an_unknown_app_is_refused(browser: Browser) -> None:
    answer = browser.get("/connect/login", v="3", api_key="nosuchkey")
    assert (answer.status_code, answer.json()["error_type"]) == (400, "InputException")


def test_a_client_that_is_not_enabled_never_reaches_the_redirect(
    sandbox: Sandbox, browser: Browser, app: SandboxApp, account: SandboxAccount
) -> None:
    sandbox.update_app(app.api_key, clients=[])
    browser.sign_in(account)
    assert browser.connect(app).json()["message"] == "The user is not enabled for the app."


@pytest.mark.parametrize("kind", ["app_code", "sms"])
def test_an_account_without_totp_says_so_and_refuses_a_totp(kind: str, sandbox: Sandbox, browser: Browser) -> None:
    account = sandbox.add_account("CD5678", twofa_type=kind)
    first = browser.password(account).json()["data"]
    assert (first["twofa_type"], first["twofa_types"]) == (kind, [kind])
    answer = browser.code(account, first["request_id"])
    assert answer.json()["message"] == "The requested 2FA type is not available"
    assert sandbox.counters("CD5678").wrong_codes == 0


def test_a_wrong_app_code_counts_down_the_attempts(sandbox: Sandbox, browser: Browser) -> None:
    account = sandbox.add_account("CD5678", twofa_type="app_code")
    form = {"user_id": "CD5678", "request_id": browser.password(account).json()["data"]["request_id"]}
    answer = browser.post("/api/twofa", **form, twofa_value="abcdef", twofa_type="app_code")
    assert answer.json()["message"] == "Invalid App Code. 4 attempt(s) remain."


def test_a_request_id_of_another_client_is_refused_and_not_counted(
    sandbox: Sandbox, browser: Browser, account: SandboxAccount
) -> None:
    other = sandbox.add_account("CD5678")
    request_id = browser.password(other).json()["data"]["request_id"]
    assert browser.code(account, request_id).json()["error_type"] == "InputException"
    assert sandbox.counters(account.client_id).wrong_entries == 0


def test_a_skewed_authenticator_makes_every_code_wrong(
    sandbox: Sandbox, browser: Browser, account: SandboxAccount
) -> None:
    sandbox.switch(client_id=account.client_id, totp_clock_offset_s=90)
    assert browser.sign_in(account).status_code == 403
    request_id = browser.password(account).json()["data"]["request_id"]
    skewed = pyotp.TOTP(account.totp_secret).at(sandbox.now() + timedelta(seconds=90))
    assert browser.code(account, request_id, skewed).status_code == 200


def test_answers_are_dated_by_the_clock_that_judges_the_codes(
    sandbox: Sandbox, browser: Browser, account: SandboxAccount
) -> None:
    app = sandbox.add_app()

    def ahead(path: str) -> float:
        dated = parsedate_to_datetime(browser.get(path).headers["Date"])
        return (dated - sandbox.now()).total_seconds()

    asked = f"/connect/login?v=3&api_key={app.api_key}"
    assert -2 <= ahead(asked) <= 0
    sandbox.switch(api_key=app.api_key, totp_clock_offset_s=90)
    assert 88 <= ahead(asked) <= 90
    sandbox.switch(api_key=app.api_key, date_offset_s=-30)
    assert 58 <= ahead(asked) <= 60
    assert -2 <= ahead("/connect/login?v=3&api_key=another") <= 0
    browser.sign_in(account)
    sandbox.switch(client_id=account.client_id, date_offset_s=3600)
    assert 3688 <= ahead(asked) <= 3690
