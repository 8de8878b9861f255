"""Wrong, blocked and late entries at the login pages: what a person is told, and what counts against the account."""

from datetime import UTC, datetime, timedelta

import pytest

from support.sandbox import Sandbox, SandboxApp
from support.sandbox_browser import Browser
from support.sandbox_pages import Person
from support.sandbox_values import Counters

STATE = "state=a%26b&empty="
WRONG_CODE = "not-a-code"
BLOCKED = "Your account has been blocked. Reset it to continue."
EXPIRED = "This login has expired. Log in again."
START = datetime(2024, 7, 1, 2, 10, 1, tzinfo=UTC)
LOGIN_LABELS = ["Client ID", "Password"]


def test_a_wrong_password_shows_the_page_again_and_the_right_one_goes_on(
    person: Person, sandbox: Sandbox, app: SandboxApp
) -> None:
    again = person.enter_password(person.open(app, redirect_params=STATE), "wrong-password")
    assert (403, ["Invalid username or password."]) == (again.answer.status_code, again.form.alerts)
    assert (person.account.client_id, "") == (again.form.values["user_id"], again.form.values["password"])
    assert ("wrong-password" in again.answer.text, again.title.startswith("Error: ")) == (False, True)
    assert 1 == _counters(sandbox, person).wrong_passwords
    assert "a&b" == person.enter_code(person.enter_password(again)).query["state"]
    assert (1, 0) == (_counters(sandbox, person).wrong_entries, _counters(sandbox, person).wrong_passwords)


def test_a_wrong_code_shows_the_page_again_and_the_right_one_goes_on(
    person: Person, sandbox: Sandbox, app: SandboxApp
) -> None:
    again = person.enter_code(person.enter_password(person.open(app)), WRONG_CODE)
    assert (403, ["Invalid TOTP. 4 attempt(s) remain."]) == (again.answer.status_code, again.form.alerts)
    assert (1, ["TOTP code"]) == (_counters(sandbox, person).wrong_codes, list(again.form.labels))
    assert "request_token" in person.enter_code(again).query
    assert 0 == _counters(sandbox, person).wrong_codes


def test_a_wrong_app_code_counts_down_the_attempts(sandbox: Sandbox, browser: Browser, app: SandboxApp) -> None:
    person = Person(sandbox, browser, sandbox.add_account("CD5678", twofa_type="app_code"))
    again = person.enter_code(person.enter_password(person.open(app)), WRONG_CODE)
    assert ["Invalid App Code. 4 attempt(s) remain."] == again.form.alerts
    assert 1 == _counters(sandbox, person).wrong_codes


def test_a_code_that_was_used_is_a_wrong_one_here_too(person: Person, sandbox: Sandbox, app: SandboxApp) -> None:
    sandbox.set_now(START, frozen=True)
    with Browser(sandbox) as headless:
        headless.sign_in(person.account)
    assert ["Invalid TOTP. 4 attempt(s) remain."] == person.log_in(app).form.alerts
    assert 1 == _counters(sandbox, person).count("twofa_form", "reused_code")


def test_an_unknown_client_sees_what_a_wrong_password_shows_and_counts_for_nobody(
    person: Person, sandbox: Sandbox, app: SandboxApp
) -> None:
    first = person.open(app)
    unknown = person.submit(first, "Log in", Client_ID="NO0000", Password="x")
    assert person.enter_password(first, "wrong").form.alerts == unknown.form.alerts
    assert 1 == sandbox.all_counters().count("login_form", "unknown_user")


def test_five_wrong_passwords_block_and_the_page_says_so(person: Person, sandbox: Sandbox, app: SandboxApp) -> None:
    seen = [person.enter_password(person.open(app), "wrong").form.alerts for _ in range(5)]
    assert ([1, 1, 1, 1, 2], BLOCKED) == ([len(alerts) for alerts in seen], seen[-1][-1])
    assert [BLOCKED] == person.enter_password(person.open(app)).form.alerts
    counters = _counters(sandbox, person)
    assert (True, 5) == (counters.blocked, counters.wrong_passwords)
    assert {"wrong_password": 5, "account_blocked": 1} == counters.outcomes["login_form"]


def test_five_wrong_codes_block_and_lead_back_to_the_login(person: Person, sandbox: Sandbox, app: SandboxApp) -> None:
    page = person.enter_password(person.open(app))
    for _ in range(5):
        assert ["TOTP code"] == list(page.form.labels)
        page = person.enter_code(page, WRONG_CODE)
    assert (["Invalid TOTP. 0 attempt(s) remain.", BLOCKED], LOGIN_LABELS) == (page.form.alerts, list(page.form.labels))
    assert (True, 5) == (_counters(sandbox, person).blocked, _counters(sandbox, person).wrong_codes)


def test_an_account_blocked_between_the_steps_is_told_so(person: Person, sandbox: Sandbox, app: SandboxApp) -> None:
    second = person.enter_password(person.open(app))
    sandbox.block(person.account.client_id)
    page = person.enter_code(second)
    assert (403, [BLOCKED]) == (page.answer.status_code, page.form.alerts)
    assert not person.browser.http.cookies


def test_pages_and_json_steps_share_one_count(person: Person, sandbox: Sandbox, app: SandboxApp) -> None:
    for _ in range(3):
        person.enter_password(person.open(app), "wrong")
    for _ in range(2):
        person.browser.password(person.account, "wrong")
    counters = _counters(sandbox, person)
    assert (True, 5, 5) == (counters.blocked, counters.wrong_passwords, counters.wrong_entries)
    assert [BLOCKED] == person.enter_password(person.open(app)).form.alerts


def test_an_accepted_password_alone_resets_nothing(person: Person, sandbox: Sandbox, app: SandboxApp) -> None:
    for _ in range(4):
        person.enter_password(person.open(app), "wrong")
    person.enter_password(person.open(app))
    assert 4 == _counters(sandbox, person).wrong_passwords


@pytest.mark.parametrize(
    ("typed", "alert"), [({"Password": "x"}, "Missing user_id"), ({"Client_ID": "AB1234"}, "Missing password")]
)
def test_an_empty_field_is_named_and_is_no_attempt(
    typed: dict[str, str], alert: str, person: Person, sandbox: Sandbox, app: SandboxApp
) -> None:
    page = person.submit(person.open(app), "Log in", **typed)
    assert (400, [alert]) == (page.answer.status_code, page.form.alerts)
    second = person.enter_code(person.enter_password(page), "")
    assert (400, ["Missing twofa_value"]) == (second.answer.status_code, second.form.alerts)
    assert 0 == _counters(sandbox, person).wrong_entries


def test_a_code_just_in_time_is_taken(person: Person, sandbox: Sandbox, app: SandboxApp) -> None:
    sandbox.set_now(START, frozen=True)
    second = person.enter_password(person.open(app))
    sandbox.set_now(START + timedelta(seconds=299), frozen=True)
    assert "request_token" in person.enter_code(second).query


@pytest.mark.parametrize("code", [None, WRONG_CODE])
def test_a_code_that_comes_too_late_leads_back_to_the_login_and_is_no_attempt(
    code: str | None, person: Person, sandbox: Sandbox, app: SandboxApp
) -> None:
    sandbox.set_now(START, frozen=True)
    second = person.enter_password(person.open(app, redirect_params=STATE))
    sandbox.set_now(START + timedelta(seconds=300), frozen=True)
    late = person.enter_code(second, code)
    assert ([EXPIRED], LOGIN_LABELS) == (late.form.alerts, list(late.form.labels))
    counters = _counters(sandbox, person)
    assert (0, 1) == (counters.wrong_entries, counters.count("twofa_form", "login_expired"))
    assert "a&b" == person.enter_code(person.enter_password(late)).query["state"]


def test_how_long_the_page_waits_for_a_code_is_a_switch(person: Person, sandbox: Sandbox, app: SandboxApp) -> None:
    sandbox.switch(client_id=person.account.client_id, twofa_page_ttl_s=60)
    sandbox.set_now(START, frozen=True)
    second = person.enter_password(person.open(app))
    sandbox.set_now(START + timedelta(seconds=60), frozen=True)
    assert [EXPIRED] == person.enter_code(second).form.alerts


def test_a_page_that_was_used_leads_back_to_the_login(person: Person, sandbox: Sandbox, app: SandboxApp) -> None:
    second = person.enter_password(person.open(app))
    person.enter_code(second)
    again = person.enter_code(second)
    assert ([EXPIRED], LOGIN_LABELS) == (again.form.alerts, list(again.form.labels))
    assert 1 == _counters(sandbox, person).count("twofa_form", "unknown_request")


def _counters(sandbox: Sandbox, person: Person) -> Counters:
    return sandbox.counters(person.account.client_id)
