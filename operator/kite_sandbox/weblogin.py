"""The login host's two steps, the password and then the second factor, and their JSON answers.

Both are undocumented; the shapes are community practice. The pages for people use the same checks.
"""

from dataclasses import replace
from datetime import datetime

from kite_sandbox.accounts import Account, TwofaType, Verdict, judge_code, judge_password
from kite_sandbox.answers import Answer, success
from kite_sandbox.error_table import Refusal
from kite_sandbox.passes import PendingLogin, WebSession
from kite_sandbox.samples import short_name
from kite_sandbox.world import Call, World


def login(world: World, call: Call) -> Answer:
    """POST /api/login: user_id and password give a request_id for the second step."""
    account, request_id = accept_password(world, call)
    client_id = account.client_id
    return success(
        {
            "user_id": client_id,
            "request_id": request_id,
            "twofa_type": account.twofa_type.value,
            "twofa_types": [account.twofa_type.value],
            "twofa_status": "active",
            "profile": {
                "user_name": short_name(client_id),
                "user_shortname": short_name(client_id),
                "avatar_url": None,
            },
        }
    )


def twofa(world: World, call: Call) -> Answer:
    """POST /api/twofa: the code completes the login and sets the cookies."""
    account = accept_code(world, call, call.params.get("twofa_type") or TwofaType.TOTP.value)
    return replace(success({"profile": {}}), cookies=session_cookies(world, account, call.now))


def accept_password(world: World, call: Call) -> tuple[Account, str]:
    """Check user_id and password; returns the account and a request_id for the second step.

    Raises:
        Refusal: when either is missing or wrong (counted), or the account is blocked.

    """
    client_id, password = call.need("user_id", "password")
    account = world.accounts.get(client_id)
    if account is None:
        raise Refusal("wrong_password", outcome="unknown_user")
    judged, verdict = judge_password(account, password, world.rules(client_id, None))
    world.keep(judged)
    if verdict is not Verdict.ACCEPTED:
        raise Refusal(verdict.value)
    request_id = world.mint.text(64)
    world.pending.add(request_id, PendingLogin(client_id, call.now))
    return judged, request_id


def accept_code(world: World, call: Call, kind: str) -> Account:
    """Check a code of the second factor `kind` for a request_id; returns the account with its login completed.

    A refused code leaves the request_id usable (SYNTHETIC).

    Raises:
        Refusal: when the request is unknown, the kind is not the account's, the code is wrong (counted), or the account
            is blocked.

    """
    client_id, request_id, value = call.need("user_id", "request_id", "twofa_value")
    pending = world.pending.find(request_id)
    account = world.accounts.get(client_id)
    if pending is None or account is None or pending.client_id != client_id:
        raise Refusal("unknown_request")
    if kind != account.twofa_type.value and not account.blocked:
        raise Refusal("twofa_unavailable")
    rules = world.rules(client_id, None)
    judged, verdict = judge_code(account, value, call.now, rules)
    world.keep(judged)
    if verdict is not Verdict.ACCEPTED:
        raise _code_refusal(judged, verdict, rules.attempts)
    world.pending.drop(request_id)
    return judged


def session_cookies(world: World, account: Account, now: datetime) -> tuple[tuple[str, str], ...]:
    """A new browser session for an account whose login is complete, as the cookies that hold it."""
    kf_session = world.mint.text()
    world.web.add(kf_session, WebSession(account.client_id, account.web_epoch, now))
    return (
        ("kf_session", kf_session),
        ("user_id", account.client_id),
        ("public_token", world.mint.text()),
        ("enctoken", world.mint.text(88)),
    )


def _code_refusal(account: Account, verdict: Verdict, attempts: int) -> Refusal:
    if verdict is Verdict.BLOCKED:
        return Refusal("account_blocked")
    row = "wrong_app_code" if account.twofa_type is TwofaType.APP_CODE else "wrong_code"
    return Refusal(row, outcome=verdict.value, remaining=max(0, attempts - account.wrong_codes))
