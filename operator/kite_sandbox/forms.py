"""Handlers of the login pages' forms: the same checks and counters as the JSON steps, answered with a page.

SYNTHETIC as a whole: the real pages submit by script to the JSON steps.
"""

from dataclasses import replace
from datetime import timedelta

from kite_sandbox.accounts import Account
from kite_sandbox.answers import Answer, page, redirect
from kite_sandbox.error_table import ROWS, Refusal
from kite_sandbox.pages import CodeStep, Errand, login_page, twofa_page
from kite_sandbox.weblogin import accept_code, accept_password, session_cookies
from kite_sandbox.world import Call, World

_EXPIRED = "This login has expired. Log in again."


def login_form(world: World, call: Call) -> Answer:
    """POST /synthetic/login: an accepted password leads to the page for the second factor."""
    try:
        account, request_id = accept_password(world, call)
    except Refusal as refusal:
        return _login_again(world, call, refusal)
    return page(twofa_page(errand_of(call), _code_step(account, request_id)), outcome="accepted")


def twofa_form(world: World, call: Call) -> Answer:
    """POST /synthetic/twofa: an accepted code signs the browser in and sends it back to /connect/login.

    A request that has waited for its code for too long, or that is not known, leads back to the login and counts as no
    attempt.
    """
    client_id, request_id = call.params.get("user_id", ""), call.params.get("request_id", "")
    pending, account = world.pending.find(request_id), world.accounts.get(client_id)
    if pending is None or account is None or pending.client_id != client_id:
        return page(login_page(errand_of(call), client_id, (_EXPIRED,)), outcome="unknown_request")
    if call.now >= pending.issued_at + timedelta(seconds=world.rules(client_id, None).twofa_page_ttl_s):
        world.pending.drop(request_id)
        return page(login_page(errand_of(call), client_id, (_EXPIRED,)), outcome="login_expired")
    try:
        signed_in = accept_code(world, call, account.twofa_type.value)
    except Refusal as refusal:
        if world.accounts[client_id].blocked:
            return _login_again(world, call, refusal)
        refused = refusal.answer()
        html = twofa_page(errand_of(call), _code_step(account, request_id), (refusal.message,))
        return page(html, outcome=refused.outcome, status=refused.status)
    errand = errand_of(call)
    onward = {"v": "3", "api_key": errand.api_key, "redirect_params": errand.redirect_params}
    back = call.on_login_host("/connect/login", onward, world.rules(client_id, errand.api_key))
    return replace(redirect(back, outcome="accepted"), cookies=session_cookies(world, signed_in, call.now))


def errand_of(call: Call) -> Errand:
    """The app and the redirect_params that a call to a page names."""
    return Errand(call.params.get("api_key", ""), call.params.get("redirect_params", ""))


def _code_step(account: Account, request_id: str) -> CodeStep:
    return CodeStep(account.client_id, request_id, account.twofa_type)


def _login_again(world: World, call: Call, refusal: Refusal) -> Answer:
    """The login page with what was wrong, and with the block too if this entry was the one that caused it."""
    client_id = call.params.get("user_id", "")
    refused, account = refusal.answer(), world.accounts.get(client_id)
    blocked = ROWS["account_blocked"].message
    alerts = [refusal.message]
    if account is not None and account.blocked and refusal.message != blocked:
        alerts.append(blocked)
    html = login_page(errand_of(call), client_id, alerts)
    return page(html, outcome=refused.outcome, status=refused.status)
