"""Admin API: what reached the sandbox."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from kite_sandbox.fields import Fields, maybe_text
from kite_sandbox.journal import LOG_LENGTH, CallCounts, Entry
from kite_sandbox.server.admin_registry import known_account, known_app, shown_account
from kite_sandbox.server.sandbox import Sandbox


def _shown_entry(entry: Entry) -> dict[str, Any]:
    return {**asdict(entry), "at": entry.at.isoformat()}


def _shown_tally(tally: CallCounts) -> dict[str, Any]:
    steps = {step: {"calls": calls, "outcomes": dict(tally.outcomes[step])} for step, calls in tally.calls.items()}
    return {
        "steps": steps,
        "log": [_shown_entry(entry) for entry in tally.log],
        "log_is_complete": sum(tally.calls.values()) <= LOG_LENGTH,
        "login_calls_at_once": tally.login_calls_at_once,
    }


async def of_account(sandbox: Sandbox, path: Mapping[str, str], _body: Any) -> dict[str, Any]:
    """The calls of one account, with its lockout state."""
    account = known_account(sandbox, path)
    return {**shown_account(account), **_shown_tally(sandbox.journal.of(account.client_id))}


async def of_app(sandbox: Sandbox, path: Mapping[str, str], _body: Any) -> dict[str, Any]:
    """The calls that name one app."""
    known_app(sandbox, path["api_key"])
    return _shown_tally(sandbox.journal.of_app(path["api_key"]))


async def of_all(sandbox: Sandbox, _path: Mapping[str, str], _body: Any) -> dict[str, Any]:
    """All calls, and those of no known account among them."""
    return {
        **_shown_tally(sandbox.journal.everything),
        "unattributed": _shown_tally(sandbox.journal.unattributed),
        "accounts": len(sandbox.world.accounts),
        "apps": len(sandbox.world.apps),
    }


async def total(sandbox: Sandbox, _path: Mapping[str, str], _body: Any) -> dict[str, Any]:
    """Return how often each step was called in all: a small answer to ask for often."""
    return {step.value: calls for step, calls in sandbox.journal.everything.calls.items()}


async def forget(sandbox: Sandbox, _path: Mapping[str, str], body: Any) -> dict[str, Any]:
    """Zero the counters of `{"client_id": …}`, or all; the lockout counters of the accounts stay."""
    fields = Fields(body)
    client_id = fields.take("client_id", maybe_text, None)
    fields.finish()
    sandbox.journal.forget(client_id)
    return {"status": "ok"}


ROUTES = (
    ("GET", "/admin/accounts/{client_id}/counters", of_account),
    ("GET", "/admin/apps/{api_key}/counters", of_app),
    ("GET", "/admin/counters", of_all),
    ("GET", "/admin/counters/total", total),
    ("POST", "/admin/counters/reset", forget),
)
