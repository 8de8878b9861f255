"""The routes of Kite's two hosts."""

from collections.abc import Awaitable, Callable
from datetime import UTC
from email.utils import format_datetime

from aiohttp import web

from kite_sandbox.dispatch import Caller
from kite_sandbox.error_table import ROWS
from kite_sandbox.pages import LOGIN_FORM, TWOFA_FORM
from kite_sandbox.server.calls import CALLER, handler_of
from kite_sandbox.server.replies import send, strip_content_type
from kite_sandbox.server.sandbox import Sandbox
from kite_sandbox.world import Step

_LOGIN_HOST = (
    ("POST", "/api/login", Step.LOGIN),
    ("POST", "/api/twofa", Step.TWOFA),
    ("POST", LOGIN_FORM, Step.LOGIN_FORM),
    ("POST", TWOFA_FORM, Step.TWOFA_FORM),
    ("GET", "/connect/login", Step.CONNECT_LOGIN),
    ("GET", "/connect/authorize", Step.AUTHORIZE),
    ("POST", "/connect/authorize", Step.AUTHORIZE),
    ("GET", "/connect/finish", Step.FINISH),
)
_API_HOST = (
    ("POST", "/session/token", Step.SESSION_TOKEN),
    ("DELETE", "/session/token", Step.LOGOUT),
    ("POST", "/session/refresh_token", Step.REFRESH_TOKEN),
    ("DELETE", "/session/refresh_token", Step.LOGOUT),
    ("GET", "/user/profile", Step.PROFILE),
    ("GET", "/user/margins", Step.MARGINS),
    ("GET", "/user/margins/{segment}", Step.MARGINS),
    ("POST", "/orders/{variety}", Step.ORDERS),
    ("GET", "/orders", Step.ORDER_BOOK),
    ("GET", "/portfolio/positions", Step.POSITIONS),
    ("GET", "/portfolio/holdings", Step.HOLDINGS),
    ("GET", "/quote", Step.QUOTE),
    ("GET", "/quote/ohlc", Step.OHLC),
    ("GET", "/quote/ltp", Step.LTP),
)


def login_host(sandbox: Sandbox) -> web.Application:
    """Return what stands at kite.zerodha.com."""
    return _application(sandbox, _LOGIN_HOST)


def api_host(sandbox: Sandbox) -> web.Application:
    """Return what stands at api.kite.trade."""
    return _application(sandbox, _API_HOST)


def _application(sandbox: Sandbox, routes: tuple[tuple[str, str, Step], ...]) -> web.Application:
    application = web.Application(middlewares=[_no_such_route])
    application.on_response_prepare.append(strip_content_type)
    application.on_response_prepare.append(_dated_by(sandbox))
    for method, path, step in routes:
        application.router.add_route(method, path, handler_of(sandbox, step))
    return application


def _dated_by(sandbox: Sandbox) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """A signal that dates each answer by the clock that judges the caller's codes: Kite's answers bear Kite's time."""

    async def date(request: web.Request, response: web.StreamResponse) -> None:
        caller: Caller = request.get(CALLER, Caller())
        rules = sandbox.world.rules(caller.client_id, caller.api_key)
        now = sandbox.clock.now().astimezone(UTC) + rules.date_ahead
        response.headers["Date"] = format_datetime(now, usegmt=True)

    return date


@web.middleware
async def _no_such_route(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """An unknown path or a wrong method is Kite's 404 (known for /session/token, SYNTHETIC for the others)."""
    try:
        return await handler(request)
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
        return await send(request, ROWS["route_not_found"].answer())
