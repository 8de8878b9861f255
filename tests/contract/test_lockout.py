"""Five wrong entries block an account; the counters tell a test exactly what reached it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from support.sandbox import Sandbox, SandboxAccount
from support.sandbox_browser import Browser

WRONG_CODE = "not-a-code"


def test_five_wrong_passwords_block_the_account_for_the_right_one_too(
    sandbox: Sandbox, browser: Browser, account: SandboxAccount
) -> None:
    for _ in range(5):
        assert browser.password(account, "wrong").json()["error_type"] == "UserException"
    assert browser.password(account).status_code == 403
    counters = sandbox.counters(account.client_id)
    assert (counters.blocked, counters.wrong_passwords) == (True, 5)
    assert counters.outcomes["login"] == {"wrong_password": 5, "account_blocked": 1}


def test_five_wrong_codes_block_the_account(sandbox: Sandbox, browser: Browser, account: SandboxAccount) -> None:
    request_id = browser.password(account).json()["data"]["request_id"]
    for _ in range(5):
        assert browser.code(account, request_id, WRONG_CODE).json()["error_type"] == "TwoFAException"
    assert browser.code(account, request_id).json()["error_type"] == "UserException"
    assert sandbox.counters(account.client_id).outcomes["twofa"] == {"wrong_code": 5, "account_blocked": 1}


def test_an_accepted_password_alone_resets_nothing(sandbox: Sandbox, browser: Browser, account: SandboxAccount) -> None:
    for _ in range(4):
        browser.password(account, "wrong")
    assert browser.password(account).status_code == 200
    browser.password(account, "wrong")
    assert sandbox.counters(account.client_id).blocked


def test_a_completed_login_resets_both_counters(sandbox: Sandbox, browser: Browser, account: SandboxAccount) -> None:
    for _ in range(4):
        browser.password(account, "wrong")
    request_id = browser.password(account).json()["data"]["request_id"]
    for _ in range(4):
        browser.code(account, request_id, WRONG_CODE)
    assert browser.code(account, request_id).status_code == 200
    counters = sandbox.counters(account.client_id)
    assert (counters.wrong_passwords, counters.wrong_codes, counters.wrong_entries) == (0, 0, 8)


@pytest.mark.parametrize(("reuse", "status"), [("refused", 403), ("allowed", 200)])
def test_a_code_used_twice_in_its_window_is_a_wrong_one(
    reuse: str, status: int, sandbox: Sandbox, browser: Browser, account: SandboxAccount
) -> None:
    sandbox.switch(totp_reuse=reuse)
    sandbox.set_now(datetime(2024, 7, 1, 2, 10, 1, tzinfo=UTC), frozen=True)
    assert browser.sign_in(account).status_code == 200
    assert browser.sign_in(account).status_code == status
    assert sandbox.counters(account.client_id).count("twofa", "reused_code") == (status == 403)


def test_unblocking_forgets_the_wrong_entries(sandbox: Sandbox, browser: Browser, account: SandboxAccount) -> None:
    sandbox.block(account.client_id)
    assert browser.password(account).status_code == 403
    sandbox.unblock(account.client_id)
    assert browser.sign_in(account).status_code == 200


@pytest.mark.parametrize("change", ["password", "totp_secret"])
def test_a_credential_reset_unblocks(change: str, sandbox: Sandbox, browser: Browser) -> None:
    account = sandbox.add_account("CD5678", blocked=True)
    fresh = {"password": "another-password", "totp_secret": "ABCDEFGHABCDEFGHABCDEFGHABCDEFGH"}[change]
    sandbox.admin("POST", "/admin/accounts/CD5678/credentials", {change: fresh})
    assert browser.sign_in(replace(account, **{change: fresh})).status_code == 200


def test_how_many_attempts_there_are_is_a_switch(sandbox: Sandbox, browser: Browser, account: SandboxAccount) -> None:
    sandbox.switch(client_id=account.client_id, attempts=1)
    browser.password(account, "wrong")
    assert sandbox.counters(account.client_id).blocked


def test_an_unknown_client_gets_the_same_answer_and_counts_for_nobody(
    sandbox: Sandbox, browser: Browser, account: SandboxAccount
) -> None:
    unknown = browser.post("/api/login", user_id="NO0000", password="x")
    assert unknown.json() == browser.password(account, "wrong").json()
    assert sandbox.admin("GET", "/admin/counters")["unattributed"]["steps"] == {
        "login": {"calls": 1, "outcomes": {"unknown_user": 1}}
    }


def test_the_log_tells_the_calls_in_order_at_the_sandbox_s_time(
    sandbox: Sandbox, browser: Browser, account: SandboxAccount
) -> None:
    instant = datetime(2024, 7, 1, 2, 10, 1, tzinfo=UTC)
    sandbox.set_now(instant, frozen=True)
    browser.password(account, "wrong")
    browser.sign_in(account)
    log = sandbox.counters(account.client_id).log
    assert [(call.step, call.outcome, call.status, call.answered) for call in log] == [
        ("login", "wrong_password", 403, "truthfully"),
        ("login", "accepted", 200, "truthfully"),
        ("twofa", "accepted", 200, "truthfully"),
    ]
    assert {call.at for call in log} == {instant}
