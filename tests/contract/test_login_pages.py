"""The login and the second factor as a person's browser meets them, without a script."""

import pytest
from kiteconnect import KiteConnect

from support.sandbox import Sandbox, SandboxAccount, SandboxApp
from support.sandbox_browser import Browser, query_of
from support.sandbox_pages import Person

STATE = "state=a%26b&empty="


def test_a_person_logs_in_and_the_app_gets_its_session(person: Person, anonymous: KiteConnect, app: SandboxApp) -> None:
    done = person.log_in(app, redirect_params=STATE)
    assert (done.left_for or "").startswith(f"{app.redirect_url}?")
    query = done.query
    session = anonymous.generate_session(query.pop("request_token"), app.api_secret)
    assert person.account.client_id == session["user_id"]
    assert {"action": "login", "type": "login", "status": "success", "state": "a&b", "empty": ""} == query


def test_each_step_is_counted_under_its_own_name(person: Person, sandbox: Sandbox, app: SandboxApp) -> None:
    person.log_in(app)
    log = [(call.step, call.outcome, call.api_key) for call in sandbox.counters(person.account.client_id).log]
    assert [
        ("login_form", "accepted", app.api_key),
        ("twofa_form", "accepted", app.api_key),
        ("connect_login", "accepted", app.api_key),
        ("finish", "accepted", app.api_key),
    ] == log
    assert 1 == sandbox.all_counters().count("connect_login", "login_page")


def test_a_browser_that_is_signed_in_goes_straight_to_the_app(person: Person, app: SandboxApp) -> None:
    person.log_in(app)
    assert "request_token" in person.open(app).query


def test_a_browser_whose_session_was_ended_is_asked_again(person: Person, sandbox: Sandbox, app: SandboxApp) -> None:
    person.log_in(app)
    sandbox.master_logout(person.account.client_id)
    assert ["Client ID", "Password"] == list(person.open(app).form.labels)


@pytest.mark.parametrize("location", ["relative", "absolute"])
def test_the_second_factor_signs_the_browser_in_and_sends_it_back_to_where_it_came_from(
    location: str, person: Person, sandbox: Sandbox, app: SandboxApp
) -> None:
    sandbox.switch(location=location)
    second = person.enter_password(person.open(app, redirect_params=STATE))
    form = {**second.form.values, "twofa_value": person.account.code(sandbox.now())}
    answer = person.browser.post(second.form.action, **form)
    base = {"relative": "", "absolute": sandbox.login_url}[location]
    assert answer.headers["Location"].startswith(f"{base}/connect/login?")
    assert {"v": "3", "api_key": app.api_key, "redirect_params": STATE} == query_of(answer)
    assert {"kf_session", "user_id", "public_token", "enctoken"} == set(person.browser.http.cookies.keys())


@pytest.mark.parametrize(("kind", "label"), [("totp", "TOTP code"), ("app_code", "App code"), ("sms", "SMS code")])
def test_every_second_factor_has_its_page(kind: str, label: str, sandbox: Sandbox, browser: Browser) -> None:
    app = sandbox.add_app()
    person = Person(sandbox, browser, sandbox.add_account("CD5678", twofa_type=kind))
    second = person.enter_password(person.open(app))
    assert [label] == list(second.form.labels)
    assert "request_token" in person.enter_code(second).query


def test_every_page_says_that_it_is_not_zerodha_needs_no_script_and_is_not_kept(
    person: Person, sandbox: Sandbox, app: SandboxApp
) -> None:
    sandbox.switch(consent_pending=True)
    first = person.open(app)
    second = person.enter_password(first)
    for page in (first, second, person.enter_code(second)):
        assert "kite_sandbox: not Zerodha" in page.form.text
        assert ("<script" in page.answer.text, page.form.language) == (False, "en")
        assert 'name="viewport"' in page.answer.text
        assert "no-store" == page.answer.headers["Cache-Control"]


def test_every_visible_field_has_a_label_and_tells_the_browser_what_it_is(person: Person, app: SandboxApp) -> None:
    first = person.open(app)
    second = person.enter_password(first)
    for page in (first, second):
        visible = {name for name, given in page.form.attributes.items() if given.get("type") != "hidden"}
        assert visible == set(page.form.labels.values())
    assert {"user_id": "username", "password": "current-password", "twofa_value": "one-time-code"} == {
        name: given["autocomplete"]
        for page in (first, second)
        for name, given in page.form.attributes.items()
        if "autocomplete" in given
    }
    assert "numeric" == second.form.attributes["twofa_value"]["inputmode"]


def test_what_was_typed_or_linked_cannot_become_markup(person: Person, app: SandboxApp) -> None:
    nasty = '"><img src=x onerror=alert(1)>'
    page = person.open(app, redirect_params=nasty)
    again = person.submit(page, "Log in", Client_ID=nasty, Password="x")
    assert (nasty, nasty) == (again.form.values["redirect_params"], again.form.values["user_id"])
    assert ("<img" in page.answer.text, "<img" in again.answer.text) == (False, False)


def test_the_json_steps_stay_what_they_were_beside_the_pages(browser: Browser, account: SandboxAccount) -> None:
    assert "application/json" == browser.password(account).headers["Content-Type"]
    assert ("application/json", 403) == (
        (refused := browser.password(account, "wrong")).headers["Content-Type"],
        refused.status_code,
    )


@pytest.mark.parametrize(("when", "counted"), [("before", 0), ("after", 1)])
def test_the_forms_can_be_made_to_fail_like_every_step(
    when: str, counted: int, person: Person, sandbox: Sandbox, app: SandboxApp
) -> None:
    sandbox.fault("login_form", "html_502", when=when, client_id=person.account.client_id)
    assert 502 == person.enter_password(person.open(app), "wrong").answer.status_code
    assert counted == sandbox.counters(person.account.client_id).wrong_passwords
