"""When a token dies, and what a second login does to the first."""

from datetime import datetime
from typing import Any

import pytest
from kiteconnect import KiteConnect

from support.sandbox import Sandbox, SandboxAccount, SandboxApp


@pytest.mark.parametrize(
    ("flush_at", "minted", "last_alive", "first_dead"),
    [
        ("06:00", "2024-02-28T07:35:00", "2024-02-29T05:59:59", "2024-02-29T06:00:00"),
        ("07:30", "2024-02-28T08:00:00", "2024-02-29T07:29:59", "2024-02-29T07:30:00"),
        ("06:00", "2024-03-01T05:59:00", "2024-03-01T05:59:59", "2024-03-01T06:00:00"),
        ("07:30", "2024-03-01T06:30:00", "2024-03-01T07:29:59", "2024-03-01T07:30:00"),
        ("06:00", "2024-12-31T06:00:00", "2025-01-01T05:59:59", "2025-01-01T06:00:00"),
    ],
)
def test_a_token_dies_at_the_next_flush(
    flush_at: str, minted: str, last_alive: str, first_dead: str, sandbox: Sandbox
) -> None:
    sandbox.switch(flush_at=flush_at)
    app, account = sandbox.add_app(), sandbox.add_account()
    sandbox.set_now(_india(minted), frozen=True)
    token = sandbox.login_elsewhere(account.client_id, app.api_key)
    sandbox.set_now(_india(last_alive), frozen=True)
    assert sandbox.is_alive(token)
    sandbox.set_now(_india(first_dead), frozen=True)
    assert sandbox.death_of(token) == "flushed"


def test_a_second_login_kills_the_first_token(sandbox: Sandbox, app: SandboxApp, account: SandboxAccount) -> None:
    first, second = (sandbox.login_elsewhere(account.client_id, app.api_key) for _ in range(2))
    assert (sandbox.death_of(first), sandbox.death_of(second)) == ("superseded", None)


def test_by_switch_a_second_login_returns_the_same_token_until_it_dies(
    sandbox: Sandbox, app: SandboxApp, account: SandboxAccount
) -> None:
    sandbox.switch(relogin="same_token")
    first, second = (sandbox.login_elsewhere(account.client_id, app.api_key) for _ in range(2))
    assert first == second
    sandbox.master_logout(account.client_id)
    assert sandbox.login_elsewhere(account.client_id, app.api_key) != first


def test_sessions_in_two_apps_live_side_by_side(sandbox: Sandbox, app: SandboxApp, account: SandboxAccount) -> None:
    tokens = [sandbox.login_elsewhere(account.client_id, key) for key in (app.api_key, sandbox.add_app().api_key)]
    assert [sandbox.is_alive(token) for token in tokens] == [True, True]
    assert sandbox.master_logout(account.client_id) == 2
    assert [sandbox.death_of(token) for token in tokens] == ["master_logout", "master_logout"]


def test_a_changed_password_ends_all_sessions(sandbox: Sandbox, app: SandboxApp, account: SandboxAccount) -> None:
    token = sandbox.login_elsewhere(account.client_id, app.api_key)
    sandbox.change_password(account.client_id, "another-password")
    assert sandbox.death_of(token) == "password_changed"


@pytest.mark.parametrize(
    ("switches", "death"), [({}, "secret_regenerated"), ({"regenerate_kills_sessions": False}, None)]
)
def test_a_regenerated_secret_kills_the_sessions_or_not(
    switches: dict[str, Any], death: str | None, sandbox: Sandbox, client: KiteConnect
) -> None:
    sandbox.switch(**switches)
    token = client.access_token
    fresh = sandbox.regenerate_secret(client.api_key)
    assert sandbox.death_of(token) == death
    assert client.generate_session(sandbox.request_token("AB1234", client.api_key), fresh)["user_id"] == "AB1234"


def test_a_token_that_never_was_is_unknown(sandbox: Sandbox) -> None:
    assert sandbox.death_of("made-up") == "unknown"


def _india(wall: str) -> datetime:
    return datetime.fromisoformat(f"{wall}+05:30")
