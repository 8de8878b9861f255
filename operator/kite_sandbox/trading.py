"""The API host's reads and orders: little of each, but with Kite's checks and shapes."""

from collections import deque

from kite_sandbox.answers import Answer, success
from kite_sandbox.apps import App, AppType
from kite_sandbox.error_table import Refusal
from kite_sandbox.exchange import admitted_app
from kite_sandbox.samples import margin_segment, order, user
from kite_sandbox.sessions import Session
from kite_sandbox.world import Call, World

_SEGMENTS = {"equity": 100_000.0, "commodity": 50_000.0}
_ORDER_FIELDS = ("variety", "exchange", "tradingsymbol", "transaction_type", "quantity", "product", "order_type")
_NUMBERS = {"quantity": int, "disclosed_quantity": int, "price": float, "trigger_price": float}
_KEPT_ORDERS = 200


def profile(world: World, call: Call) -> Answer:
    """GET /user/profile."""
    _, session = authorised(world, call)
    return success(user(session.client_id))


def margins(world: World, call: Call) -> Answer:
    """GET /user/margins, or one segment of it."""
    authorised(world, call)
    segment = call.params.get("segment")
    if segment is None:
        return success({name: margin_segment(cash) for name, cash in _SEGMENTS.items()})
    if segment not in _SEGMENTS:
        raise Refusal("input_refused")
    return success(margin_segment(_SEGMENTS[segment]))


def orders(world: World, call: Call) -> Answer:
    """POST /orders/{variety}: a Trading app from a listed IP gets an order_id."""
    app, session = authorised(world, call)
    if app.app_type is AppType.CONNECT:
        raise Refusal("permission_denied")
    unlisted = world.rules(session.client_id, app.api_key).unlisted_ip
    if unlisted is not None:
        raise Refusal("unlisted_ip", ip=unlisted)
    call.need(*_ORDER_FIELDS)
    _check_numbers(call)
    order_id = f"{call.now:%y%m%d}{world.mint.digits(9)}"
    placed = world.orders.setdefault(session.client_id, deque(maxlen=_KEPT_ORDERS))
    placed.append(order(order_id, session.client_id, call.params, call.now))
    return success({"order_id": order_id})


def order_book(world: World, call: Call) -> Answer:
    """GET /orders: the orders placed here, oldest first."""
    _, session = authorised(world, call)
    return success(list(world.orders.get(session.client_id, ())))


def credentials(call: Call) -> tuple[str, str]:
    """The api_key and access_token of `Authorization: token api_key:access_token`; empty where there is none."""
    scheme, _, pair = call.authorization.partition(" ")
    api_key, colon, access_token = pair.partition(":")
    return (api_key, access_token) if scheme == "token" and colon else ("", "")


def authorised(world: World, call: Call) -> tuple[App, Session]:
    """The app and living session of a call. A header that is absent or malformed reads as a wrong token (SYNTHETIC)."""
    api_key, access_token = credentials(call)
    if api_key not in world.apps:
        raise Refusal("dead_token")
    app = admitted_app(world, call, api_key)
    session = world.sessions.find(access_token)
    if session is None or session.api_key != api_key or world.death(session, call.now):
        raise Refusal("dead_token")
    return app, session


def _check_numbers(call: Call) -> None:
    for name, kind in _NUMBERS.items():
        if name in call.params:
            try:
                kind(call.params[name])
            except ValueError:
                raise Refusal("input_refused") from None
