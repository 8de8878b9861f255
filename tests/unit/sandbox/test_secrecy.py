"""Nothing that the sandbox may print holds a secret."""

import random
from dataclasses import asdict
from datetime import UTC, datetime
from hashlib import sha256

from kite_sandbox.confidential import Secret
from kite_sandbox.dispatch import act
from kite_sandbox.journal import Entry
from kite_sandbox.registration import seed
from kite_sandbox.world import Call, Step, World

PASSWORD, TOTP, SECRET = "plain-password", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "plain-api-secret"
NOW = datetime(2024, 2, 29, 2, 0, tzinfo=UTC)


def test_a_secret_prints_redacted() -> None:
    assert {repr(Secret("x1")), str(Secret("x1")), f"{Secret('x1')}"} == {"Secret(redacted)"}


def test_accounts_apps_calls_answers_and_sessions_print_no_secret() -> None:
    world = World(random.Random(7))  # noqa: S311 - repeatable, not secret
    account = {"client_id": "AB1234", "password": PASSWORD, "totp_secret": TOTP}
    seed(world, {"apps": [{"api_key": "key", "api_secret": SECRET}], "accounts": [account]})
    token = world.issue_request_token("AB1234", "key", NOW)
    form = {"api_key": "key", "request_token": token, "checksum": _checksum(token)}
    call = Call(Step.SESSION_TOKEN, NOW, 0.0, "POST", form, {"kf_session": "cookie-value"}, "token key:header-token")
    answer = act(world, call)
    session = world.sessions.latest("AB1234", "key")
    assert session is not None
    printed = repr((world.accounts, world.apps, call, answer, session))
    hidden = (PASSWORD, TOTP, SECRET, token, "cookie-value", "header-token", session.access_token.reveal())
    assert [secret for secret in hidden if secret in printed] == []


def test_the_journal_s_entries_have_no_field_for_one() -> None:
    entry = Entry(1, NOW, Step.LOGIN, "accepted", 200, "truthfully", "AB1234", "key")
    assert set(asdict(entry)) == {
        "number", "at", "step", "outcome", "status", "answered", "client_id", "api_key",
    }  # fmt: skip


def _checksum(token: str) -> str:
    return sha256(f"key{token}{SECRET}".encode()).hexdigest()
