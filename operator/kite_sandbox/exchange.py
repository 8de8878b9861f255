"""The API host's /session calls: exchanging a login for a session, renewing it, ending it."""

from dataclasses import replace

from kite_sandbox.answers import Answer, success
from kite_sandbox.apps import App
from kite_sandbox.error_table import Refusal
from kite_sandbox.passes import RequestToken
from kite_sandbox.samples import session_data
from kite_sandbox.sessions import RefreshGrant, Session, SessionEnd
from kite_sandbox.world import Call, Step, World

_BUCKETS = {Step.ORDERS: "orders", Step.QUOTE: "quotes", Step.OHLC: "quotes", Step.LTP: "quotes"}
"""Which calls are limited apart from the rest."""


def session_token(world: World, call: Call) -> Answer:
    """POST /session/token: one request_token and its checksum give one session.

    That the token is looked at before the checksum is SYNTHETIC.
    """
    api_key, token, checksum = call.need("api_key", "request_token", "checksum")
    app = admitted_app(world, call, api_key)
    grant = world.request_tokens.find(token)
    if grant is None or grant.api_key != api_key:
        raise Refusal("invalid_token")
    rules = world.rules(grant.client_id, api_key)
    if not grant.usable(call.now, rules.request_token_ttl_s):
        raise Refusal("invalid_token")
    signed = app.signed(token, checksum)
    if signed or rules.bad_checksum_consumes_token:
        world.request_tokens.update(token, _used)
    if not signed:
        raise Refusal("invalid_checksum", status=rules.bad_checksum_status)
    if not app.admits(grant.client_id):
        raise Refusal("user_not_enabled")
    return success(session_data(open_session(world, app, rules.session_user or grant.client_id, call)))


def refresh_token(world: World, call: Call) -> Answer:
    """POST /session/refresh_token: a new access_token, and by switch a new refresh_token.

    The shape of the answer beyond these two is SYNTHETIC.
    """
    api_key, token, checksum = call.need("api_key", "refresh_token", "checksum")
    app = admitted_app(world, call, api_key)
    grant = world.sessions.find_refresh(token)
    if grant is None or not grant.live or grant.api_key != api_key:
        raise Refusal("invalid_token")
    rules = world.rules(grant.client_id, api_key)
    if not app.signed(token, checksum):
        raise Refusal("invalid_checksum", status=rules.bad_checksum_status)
    session = open_session(world, replace(app, refresh_tokens=False), grant.client_id, call)
    renewed = token
    if rules.refresh_rotates:
        world.sessions.end_refresh(token)
        fresh = world.mint.secret()
        world.sessions.add_refresh(fresh, RefreshGrant(grant.client_id, api_key))
        renewed = fresh.reveal()
    return success(
        {
            "user_id": session.client_id,
            "api_key": api_key,
            "access_token": session.access_token.reveal(),
            "refresh_token": renewed,
        }
    )


def logout(world: World, call: Call) -> Answer:
    """DELETE /session/token, or /session/refresh_token: ends the one that the query names.

    The official client sends both kinds to /session/token, so that is where both are taken too.
    """
    (api_key,) = call.need("api_key")
    admitted_app(world, call, api_key)
    if token := call.params.get("refresh_token"):
        grant = world.sessions.find_refresh(token)
        if grant is None or not grant.live or grant.api_key != api_key:
            raise Refusal("invalid_token")
        world.sessions.end_refresh(token)
        return success(data=True)
    (token,) = call.need("access_token")
    session = world.sessions.find(token)
    if session is None or session.api_key != api_key or world.death(session, call.now):
        raise Refusal("dead_token")
    world.sessions.end(session, SessionEnd.LOGGED_OUT)
    return success(data=True)


def admitted_app(world: World, call: Call, api_key: str) -> App:
    """The app of a call to the API host: known, within its rate limit, and with a paid subscription."""
    app = world.app(api_key)
    bucket = _BUCKETS.get(call.step, "other")
    rules = world.rules(None, api_key)
    limit = rules.quote_limit_per_s if bucket == "quotes" else rules.rate_limit_per_s
    if not world.limit.admits((api_key, bucket), tick=call.tick, per_second=limit):
        raise Refusal("rate_limited")
    if not app.subscribed:
        raise Refusal("subscription_lapsed")
    return app


def open_session(world: World, app: App, client_id: str, call: Call) -> Session:
    """A session for a completed login; what becomes of a living one of the same client and app is a switch."""
    old = world.sessions.latest(client_id, app.api_key)
    if old is not None and world.death(old, call.now) is None:
        if world.rules(client_id, app.api_key).relogin == "same_token":
            return _once_more(world, app, old)
        world.sessions.end(old, SessionEnd.SUPERSEDED)
    session = Session(
        client_id=client_id,
        api_key=app.api_key,
        access_token=world.mint.secret(),
        public_token=world.mint.secret(),
        enctoken=world.mint.secret(88),
        refresh_token=world.mint.secret() if app.refresh_tokens else None,
        minted_at=call.now,
    )
    world.sessions.add(session)
    return session


def _once_more(world: World, app: App, session: Session) -> Session:
    """A living session as another login gets it: the same token, with a refresh_token as every login has one."""
    if app.refresh_tokens:
        session = replace(session, refresh_token=world.mint.secret())
        world.sessions.add(session)
    return session


def _used(token: RequestToken) -> RequestToken:
    return replace(token, used=True)
