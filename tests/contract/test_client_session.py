"""The official client's whole life with a session, against the sandbox."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from kiteconnect import KiteConnect
from kiteconnect.exceptions import InputException, PermissionException, TokenException

from support.sandbox import Sandbox, SandboxAccount, SandboxApp
from support.sandbox_browser import Browser

IST = timedelta(hours=5, minutes=30)
ORDER = {
    "variety": "regular",
    "exchange": "NSE",
    "tradingsymbol": "INFY",
    "transaction_type": "BUY",
    "quantity": 1,
    "product": "CNC",
    "order_type": "LIMIT",
    "price": 1500.5,
}
DEAD = r"Incorrect `api_key` or `access_token`\."
INVALID = r"Token is invalid or has expired\."
BAD_CHECKSUM = r"Invalid `checksum`\."
NOT_ENABLED = r"The user is not enabled for the app\."
LAPSED = r"Invalid API key or access token\."


def test_a_login_with_both_factors_gives_a_session_of_the_documented_shape(
    anonymous: KiteConnect, browser: Browser, app: SandboxApp, account: SandboxAccount
) -> None:
    session = anonymous.generate_session(browser.request_token(account, app), app.api_secret)
    assert set(session) == {
        "user_type", "email", "user_name", "user_shortname", "broker", "exchanges", "products", "order_types",
        "avatar_url", "user_id", "api_key", "access_token", "public_token", "enctoken", "refresh_token", "silo",
        "login_time", "meta",
    }  # fmt: skip
    assert ("AB1234", app.api_key, "") == (session["user_id"], session["api_key"], session["refresh_token"])
    assert len(session["access_token"]) == 32


def test_the_login_time_is_the_sandbox_s_time_in_india(
    anonymous: KiteConnect, sandbox: Sandbox, app: SandboxApp, account: SandboxAccount
) -> None:
    sandbox.set_now(datetime(2024, 2, 29, 2, 5, 7, tzinfo=UTC), frozen=True)
    session = anonymous.generate_session(sandbox.request_token(account.client_id, app.api_key), app.api_secret)
    assert session["login_time"].isoformat() == "2024-02-29T07:35:07"


def test_the_profile_names_the_client_and_holds_no_token(client: KiteConnect) -> None:
    profile = client.profile()
    assert profile["user_id"] == "AB1234"
    assert not {"access_token", "public_token", "enctoken", "refresh_token", "api_key"} & set(profile)


def test_margins_come_for_all_segments_or_for_one(client: KiteConnect) -> None:
    both = client.margins()
    assert {"equity", "commodity"} == set(both)
    assert both["commodity"] == client.margins("commodity")


def test_an_invalidated_token_is_dead_at_once(client: KiteConnect) -> None:
    assert client.invalidate_access_token() is True
    with pytest.raises(TokenException, match=DEAD) as caught:
        client.profile()
    assert caught.value.code == 403


def test_an_order_is_placed_and_listed(client: KiteConnect) -> None:
    order_id = client.place_order(**ORDER)
    assert [(order_id, "INFY", 1, 1500.5)] == [
        (order["order_id"], order["tradingsymbol"], order["quantity"], order["price"]) for order in client.orders()
    ]


def test_a_read_only_app_may_read_but_not_order(client: KiteConnect, sandbox: Sandbox, app: SandboxApp) -> None:
    sandbox.update_app(app.api_key, app_type="Connect")
    assert client.profile()["user_id"] == "AB1234"
    with pytest.raises(PermissionException) as caught:
        client.place_order(**ORDER)
    assert caught.value.code == 403
    assert client.orders() == []


def test_an_unlisted_address_may_read_but_not_order(client: KiteConnect, sandbox: Sandbox) -> None:
    sandbox.switch(unlisted_ip="203.0.113.9")
    with pytest.raises(PermissionException, match=r"IP \(203\.0\.113\.9\) is not allowed to place orders"):
        client.place_order(**ORDER)
    assert client.profile()["user_id"] == "AB1234"


@pytest.mark.parametrize(("quantity", "message"), [("", "Missing quantity"), ("many", "Invalid input.")])
def test_an_order_without_a_sensible_quantity_is_refused(client: KiteConnect, quantity: str, message: str) -> None:
    with pytest.raises(InputException, match=message):
        client.place_order(**{**ORDER, "quantity": quantity})


def test_a_request_token_serves_once(
    anonymous: KiteConnect, sandbox: Sandbox, app: SandboxApp, account: SandboxAccount
) -> None:
    token = sandbox.request_token(account.client_id, app.api_key)
    anonymous.generate_session(token, app.api_secret)
    with pytest.raises(TokenException, match=INVALID):
        anonymous.generate_session(token, app.api_secret)


def test_a_request_token_lives_as_long_as_the_switch_says(
    anonymous: KiteConnect, sandbox: Sandbox, app: SandboxApp, account: SandboxAccount
) -> None:
    sandbox.switch(request_token_ttl_s=300)
    start = datetime(2024, 5, 6, 3, tzinfo=UTC)
    sandbox.set_now(start, frozen=True)
    early, late = (sandbox.request_token(account.client_id, app.api_key) for _ in range(2))
    sandbox.set_now(start + timedelta(seconds=299), frozen=True)
    anonymous.generate_session(early, app.api_secret)
    sandbox.set_now(start + timedelta(seconds=300), frozen=True)
    with pytest.raises(TokenException, match=INVALID):
        anonymous.generate_session(late, app.api_secret)


@pytest.mark.parametrize("status", [403, 400])
def test_a_wrong_secret_fails_the_checksum_and_the_request_token_survives(
    anonymous: KiteConnect, sandbox: Sandbox, app: SandboxApp, account: SandboxAccount, status: int
) -> None:
    sandbox.switch(bad_checksum_status=status)
    token = sandbox.request_token(account.client_id, app.api_key)
    with pytest.raises(TokenException, match=BAD_CHECKSUM) as caught:
        anonymous.generate_session(token, "not-the-secret")
    assert status == caught.value.code
    assert anonymous.generate_session(token, app.api_secret)["user_id"] == "AB1234"


def test_by_switch_a_failed_checksum_spends_the_request_token(
    anonymous: KiteConnect, sandbox: Sandbox, app: SandboxApp, account: SandboxAccount
) -> None:
    sandbox.switch(bad_checksum_consumes_token=True)
    token = sandbox.request_token(account.client_id, app.api_key)
    with pytest.raises(TokenException, match=BAD_CHECKSUM):
        anonymous.generate_session(token, "not-the-secret")
    with pytest.raises(TokenException, match=INVALID):
        anonymous.generate_session(token, app.api_secret)


def test_a_client_that_is_not_enabled_for_the_app_gets_no_session(
    anonymous: KiteConnect, sandbox: Sandbox, app: SandboxApp, account: SandboxAccount
) -> None:
    sandbox.update_app(app.api_key, clients=["ZX9876"])
    with pytest.raises(InputException, match=NOT_ENABLED):
        anonymous.generate_session(sandbox.request_token(account.client_id, app.api_key), app.api_secret)


def test_a_lapsed_subscription_fails_every_call_in_its_own_words(
    client: KiteConnect, sandbox: Sandbox, app: SandboxApp
) -> None:
    sandbox.update_app(app.api_key, subscribed=False)
    for call in (client.profile, client.margins, client.orders, client.invalidate_access_token):
        with pytest.raises(TokenException, match=LAPSED) as caught:
            call()
        assert caught.value.code == 403
    sandbox.update_app(app.api_key, subscribed=True)
    assert client.profile()["user_id"] == "AB1234"


def test_retail_apps_get_an_empty_refresh_token_and_platforms_a_real_one(
    anonymous: KiteConnect, sandbox: Sandbox, app: SandboxApp, account: SandboxAccount
) -> None:
    sandbox.update_app(app.api_key, refresh_tokens=True)
    token = sandbox.request_token(account.client_id, app.api_key)
    session = anonymous.generate_session(token, app.api_secret)
    old_access, old_refresh = session["access_token"], session["refresh_token"]
    renewed = anonymous.renew_access_token(old_refresh, app.api_secret)
    assert anonymous.profile()["user_id"] == "AB1234"
    assert old_access != renewed["access_token"]
    with pytest.raises(TokenException, match=INVALID):
        anonymous.renew_access_token(old_refresh, app.api_secret)
    assert anonymous.invalidate_refresh_token(renewed["refresh_token"]) is True
    with pytest.raises(TokenException, match=INVALID):
        anonymous.renew_access_token(renewed["refresh_token"], app.api_secret)


def test_a_renewal_brings_a_token_back_after_the_flush(
    anonymous: KiteConnect, sandbox: Sandbox, app: SandboxApp, account: SandboxAccount
) -> None:
    sandbox.update_app(app.api_key, refresh_tokens=True)
    sandbox.switch(refresh_rotates=False)
    session = anonymous.generate_session(sandbox.request_token(account.client_id, app.api_key), app.api_secret)
    sandbox.set_now(sandbox.now() + timedelta(days=1))
    with pytest.raises(TokenException, match=DEAD):
        anonymous.profile()
    renewed = anonymous.renew_access_token(session["refresh_token"], app.api_secret)
    assert session["refresh_token"] == renewed["refresh_token"]
    assert anonymous.profile()["user_id"] == "AB1234"


def test_a_renewal_with_a_wrong_secret_fails_the_checksum(
    anonymous: KiteConnect, sandbox: Sandbox, app: SandboxApp, account: SandboxAccount
) -> None:
    sandbox.update_app(app.api_key, refresh_tokens=True)
    session = anonymous.generate_session(sandbox.request_token(account.client_id, app.api_key), app.api_secret)
    with pytest.raises(TokenException, match=BAD_CHECKSUM):
        anonymous.renew_access_token(session["refresh_token"], "not-the-secret")


def test_the_checksum_is_that_of_the_documentation(
    anonymous: KiteConnect, sandbox: Sandbox, app: SandboxApp, account: SandboxAccount
) -> None:
    token = sandbox.request_token(account.client_id, app.api_key)
    checksum = hashlib.sha256((app.api_key + token + app.api_secret).encode()).hexdigest()
    form = {"api_key": app.api_key, "request_token": token, "checksum": checksum}
    answer = anonymous.reqsession.post(f"{sandbox.api_url}/session/token", data=form, timeout=5)
    assert (answer.status_code, answer.json()["status"]) == (200, "success")


def test_a_token_of_one_app_is_dead_in_another(client: KiteConnect, sandbox: Sandbox) -> None:
    client.api_key = sandbox.add_app().api_key
    with pytest.raises(TokenException, match=DEAD):
        client.profile()


def test_a_session_for_another_user_is_a_switch(anonymous: KiteConnect, sandbox: Sandbox, app: SandboxApp) -> None:
    sandbox.add_account("CD5678", switches={"session_user": "ZX9876"})
    session = anonymous.generate_session(sandbox.request_token("CD5678", app.api_key), app.api_secret)
    assert (session["user_id"], anonymous.profile()["user_id"]) == ("ZX9876", "ZX9876")
    assert sandbox.counters("CD5678").count("session_token", "accepted") == 1
