"""The login host's /connect pages: from a browser's cookies to the redirect that carries a request_token."""

from urllib.parse import parse_qsl, urlencode

from kite_sandbox.answers import Answer, page, redirect
from kite_sandbox.error_table import Refusal
from kite_sandbox.forms import errand_of
from kite_sandbox.pages import Errand, consent_page, login_page
from kite_sandbox.passes import Connecting
from kite_sandbox.switches import Switches
from kite_sandbox.world import Call, World


def connect_login(world: World, call: Call) -> Answer:
    """GET /connect/login: with honoured cookies on to /connect/finish, else the login page.

    That an unknown api_key is refused here with an envelope is SYNTHETIC.
    """
    (api_key,) = call.need("api_key")
    world.app(api_key)
    client_id = signed_in_client(world, call)
    rules = world.rules(client_id, api_key)
    if client_id is None or rules.connect_result == "login_page":
        return page(login_page(errand_of(call)), outcome="login_page")
    if rules.connect_result == "bounce":
        back = call.on_login_host("/connect/login", {"v": "3", "api_key": api_key}, rules)
        return redirect(back, outcome="bounced")
    sess_id = world.mint.text()
    extra = tuple(parse_qsl(call.params.get("redirect_params", ""), keep_blank_values=True))
    world.connecting.add(sess_id, Connecting(client_id, api_key, extra, call.now))
    onward = {"api_key": api_key, "sess_id": sess_id}
    return redirect(call.on_login_host("/connect/finish", onward, rules), outcome="accepted")


def finish(world: World, call: Call) -> Answer:
    """GET /connect/finish: the redirect to the app's registered URL. Its sess_id serves once (SYNTHETIC)."""
    (sess_id,) = call.need("sess_id")
    way = world.connecting.find(sess_id)
    if way is None or signed_in_client(world, call) != way.client_id:
        return page(login_page(_errand(way, call)), outcome="login_page")
    rules = world.rules(way.client_id, way.api_key)
    if not world.app(way.api_key).admits(way.client_id):
        raise Refusal("user_not_enabled")
    if rules.consent_pending and way.api_key not in world.accounts[way.client_id].consents:
        onward = {"api_key": way.api_key, "sess_id": sess_id}
        return redirect(call.on_login_host("/connect/authorize", onward, rules), outcome="consent_needed")
    world.connecting.drop(sess_id)
    if rules.connect_result == "cancelled":
        return _cancelled(world, way)
    return redirect(_callback(world, way, call), outcome=_outcome(rules))


def authorize(world: World, call: Call) -> Answer:
    """GET /connect/authorize shows the consent page; a POST with decision=accept or decline answers it (SYNTHETIC)."""
    (sess_id,) = call.need("sess_id")
    way = world.connecting.find(sess_id)
    if way is None or signed_in_client(world, call) != way.client_id:
        return page(login_page(_errand(way, call)), outcome="login_page")
    if call.method != "POST":
        return page(consent_page(world.app(way.api_key), way.client_id, sess_id), outcome="consent_page")
    (decision,) = call.need("decision")
    if decision != "accept":
        world.connecting.drop(sess_id)
        return _cancelled(world, way)
    world.keep(world.accounts[way.client_id].with_consent(way.api_key))
    rules = world.rules(way.client_id, way.api_key)
    onward = {"api_key": way.api_key, "sess_id": sess_id}
    return redirect(call.on_login_host("/connect/finish", onward, rules), outcome="accepted")


def signed_in_client(world: World, call: Call) -> str | None:
    """The client ID whose browser session the cookies hold, if it is still valid."""
    web = world.web.find(call.cookies.get("kf_session", ""))
    if web is None or web.client_id not in world.accounts:
        return None
    valid = web.epoch == world.accounts[web.client_id].web_epoch
    return web.client_id if valid and call.cookies.get("user_id", web.client_id) == web.client_id else None


def callback_url(world: World, way: Connecting, token: str) -> str:
    """The app's redirect URL as after a completed login: token, action, type, status, then the redirect_params."""
    rules = world.rules(way.client_id, way.api_key)
    pairs = [("action", "login"), ("status", "success"), *way.extra]
    if rules.redirect_type_login:
        pairs.insert(1, ("type", "login"))
    if rules.connect_result != "no_token":
        pairs.insert(0, ("request_token", token))
    if rules.redirect_order == "reversed":
        pairs.reverse()
    elif rules.redirect_order == "shuffled":
        pairs = world.mint.shuffled(pairs)
    return _with_query(rules.redirect_url or world.app(way.api_key).redirect_url, pairs)


def _errand(way: Connecting | None, call: Call) -> Errand:
    """Return what a browser that has to log in again had come for, as far as its way is still known."""
    return errand_of(call) if way is None else Errand(way.api_key, urlencode(way.extra))


def _callback(world: World, way: Connecting, call: Call) -> str:
    return callback_url(world, way, world.issue_request_token(way.client_id, way.api_key, call.now))


def _outcome(rules: Switches) -> str:
    return "redirected_without_token" if rules.connect_result == "no_token" else "accepted"


def _cancelled(world: World, way: Connecting) -> Answer:
    """A declined consent comes back without the redirect_params."""
    url = world.rules(way.client_id, way.api_key).redirect_url or world.app(way.api_key).redirect_url
    return redirect(_with_query(url, [("action", "login"), ("status", "cancelled")]), outcome="cancelled")


def _with_query(url: str, pairs: list[tuple[str, str]]) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(pairs)}"
