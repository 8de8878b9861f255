"""Dispatch of each step to the rule that answers it, with the account and app of the call."""

from collections.abc import Callable
from dataclasses import dataclass

from kite_sandbox import connect, exchange, forms, portfolio, trading, weblogin
from kite_sandbox.answers import Answer
from kite_sandbox.error_table import Refusal
from kite_sandbox.world import Call, Step, World

_ACTIONS: dict[Step, Callable[[World, Call], Answer]] = {
    Step.LOGIN: weblogin.login,
    Step.TWOFA: weblogin.twofa,
    Step.LOGIN_FORM: forms.login_form,
    Step.TWOFA_FORM: forms.twofa_form,
    Step.CONNECT_LOGIN: connect.connect_login,
    Step.AUTHORIZE: connect.authorize,
    Step.FINISH: connect.finish,
    Step.SESSION_TOKEN: exchange.session_token,
    Step.REFRESH_TOKEN: exchange.refresh_token,
    Step.LOGOUT: exchange.logout,
    Step.PROFILE: trading.profile,
    Step.MARGINS: trading.margins,
    Step.ORDERS: trading.orders,
    Step.ORDER_BOOK: trading.order_book,
    Step.POSITIONS: portfolio.positions,
    Step.HOLDINGS: portfolio.holdings,
    Step.QUOTE: portfolio.quote,
    Step.OHLC: portfolio.ohlc,
    Step.LTP: portfolio.ltp,
}


@dataclass(frozen=True, slots=True)
class Caller:
    """The account and the app that a call belongs to, as far as the sandbox knows them."""

    client_id: str | None = None
    api_key: str | None = None


def act(world: World, call: Call) -> Answer:
    """Do what the call asks and return the answer; a refusal is an answer too."""
    try:
        return _ACTIONS[call.step](world, call)
    except Refusal as refusal:
        return refusal.answer()


def attribute(world: World, call: Call) -> Caller:
    """Return the account and app of a call; dead tokens and spent passes still name them, an unknown one is None."""
    client_id, api_key = _claimed(world, call)
    return Caller(client_id if client_id in world.accounts else None, api_key if api_key in world.apps else None)


def _claimed(world: World, call: Call) -> tuple[str | None, str | None]:  # noqa: PLR0911 - one return per step
    params = call.params
    match call.step:
        case Step.LOGIN | Step.TWOFA:
            return params.get("user_id"), None
        case Step.LOGIN_FORM | Step.TWOFA_FORM:
            return params.get("user_id"), params.get("api_key")
        case Step.CONNECT_LOGIN:
            return connect.signed_in_client(world, call), params.get("api_key")
        case Step.FINISH | Step.AUTHORIZE:
            way = world.connecting.find(params.get("sess_id", ""))
            return (None, params.get("api_key")) if way is None else (way.client_id, way.api_key)
        case Step.SESSION_TOKEN:
            grant = world.request_tokens.find(params.get("request_token", ""))
            return None if grant is None else grant.client_id, params.get("api_key")
        case Step.REFRESH_TOKEN:
            renewable = world.sessions.find_refresh(params.get("refresh_token", ""))
            return None if renewable is None else renewable.client_id, params.get("api_key")
        case Step.LOGOUT:
            return _logged_out(world, call), params.get("api_key")
        case _:
            api_key, access_token = trading.credentials(call)
            session = world.sessions.find(access_token)
            return None if session is None else session.client_id, api_key


def _logged_out(world: World, call: Call) -> str | None:
    renewable = world.sessions.find_refresh(call.params.get("refresh_token", ""))
    if renewable is not None:
        return renewable.client_id
    session = world.sessions.find(call.params.get("access_token", ""))
    return None if session is None else session.client_id
