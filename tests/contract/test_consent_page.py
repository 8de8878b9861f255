"""The consent that a person gives an app, or does not."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from support.sandbox import Sandbox, SandboxApp
from support.sandbox_pages import Person

STATE = "state=a%26b&empty="


@pytest.fixture(autouse=True)
def _asked(sandbox: Sandbox) -> None:
    sandbox.switch(consent_pending=True)


def test_the_first_login_asks_and_the_second_does_not(person: Person, sandbox: Sandbox, app: SandboxApp) -> None:
    consent = person.log_in(app, redirect_params=STATE)
    assert "/connect/authorize" == urlsplit(consent.answer.url).path
    assert ["Authorise", "Decline"] == list(consent.form.buttons)
    assert (app.api_key in consent.form.text, person.account.client_id in consent.form.text) == (True, True)
    done = person.submit(consent, "Authorise").query
    assert ("success", "a&b", 32) == (done["status"], done["state"], len(done["request_token"]))
    assert "success" == person.open(app).query["status"]
    assert 1 == sandbox.counters(person.account.client_id).count("authorize", "consent_page")


def test_a_declined_one_is_cancelled_without_the_redirect_params_and_asked_again(
    person: Person, app: SandboxApp
) -> None:
    declined = person.submit(person.log_in(app, redirect_params=STATE), "Decline")
    assert {"action": "login", "status": "cancelled"} == declined.query
    assert (declined.left_for or "").startswith(f"{app.redirect_url}?")
    assert ["Authorise", "Decline"] == list(person.open(app).form.buttons)


def test_a_declined_page_cannot_be_authorised_after_all(person: Person, sandbox: Sandbox, app: SandboxApp) -> None:
    consent = person.log_in(app)
    person.submit(consent, "Decline")
    assert ["Client ID", "Password"] == list(person.submit(consent, "Authorise").form.labels)
    assert 0 == sandbox.counters(person.account.client_id).count("finish", "accepted")


def test_each_app_asks_for_itself(person: Person, sandbox: Sandbox, app: SandboxApp) -> None:
    person.submit(person.log_in(app), "Authorise")
    other = person.open(sandbox.add_app())
    assert ["Authorise", "Decline"] == list(other.form.buttons)


@pytest.mark.parametrize(("app_type", "orders"), [("Trading", "to place orders"), ("Connect", "not to place orders")])
def test_it_says_whether_the_app_may_order(
    app_type: str, orders: str, person: Person, sandbox: Sandbox, app: SandboxApp
) -> None:
    sandbox.update_app(app.api_key, app_type=app_type)
    assert f"and {orders}." in person.log_in(app).form.text


def test_a_session_that_ends_meanwhile_leads_back_to_the_login_with_the_redirect_params(
    person: Person, sandbox: Sandbox, app: SandboxApp
) -> None:
    consent = person.log_in(app, redirect_params=STATE)
    sandbox.master_logout(person.account.client_id)
    again = person.submit(consent, "Authorise")
    carried = dict(parse_qsl(again.form.values["redirect_params"]))
    assert (["Client ID", "Password"], app.api_key, "a&b") == (
        list(again.form.labels),
        again.form.values["api_key"],
        carried["state"],
    )
    assert 0 == sandbox.counters(person.account.client_id).count("authorize", "accepted")
