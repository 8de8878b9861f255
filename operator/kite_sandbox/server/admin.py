"""The admin API's frame: JSON in, JSON out, one answer for every mistake."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from kite_sandbox.error_table import Refusal
from kite_sandbox.fields import BadRequest
from kite_sandbox.server import admin_calls, admin_clock, admin_faults, admin_registry, admin_sessions
from kite_sandbox.server.sandbox import Sandbox
from kite_sandbox.switches import BadSwitch

AdminAction = Callable[[Sandbox, Mapping[str, str], Any], Awaitable[Any]]

_LARGEST_BODY = 64 * 1024 * 1024

ROUTES: tuple[tuple[str, str, AdminAction], ...] = (
    *admin_registry.ROUTES,
    *admin_sessions.ROUTES,
    *admin_faults.ROUTES,
    *admin_clock.ROUTES,
    *admin_calls.ROUTES,
)


def admin_application(sandbox: Sandbox) -> web.Application:
    """The third listener."""
    application = web.Application(client_max_size=_LARGEST_BODY)
    for method, path, action in ROUTES:
        application.router.add_route(method, path, _handler(sandbox, action))
    return application


def _handler(sandbox: Sandbox, action: AdminAction) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            content = await request.read()
            body = json.loads(content) if content else {}
            if not isinstance(body, dict):
                return web.json_response({"error": "body: must be an object"}, status=400)
            return web.json_response(await action(sandbox, {**request.query, **request.match_info}, body))
        except json.JSONDecodeError:
            return web.json_response({"error": "body: must be JSON"}, status=400)
        except (BadRequest, BadSwitch) as problem:
            return web.json_response({"error": str(problem)}, status=400)
        except Refusal as refusal:
            return web.json_response({"error": f"refused: {refusal}"}, status=400)
        except LookupError as missing:
            return web.json_response({"error": f"not found: {missing.args[0]}"}, status=404)

    return handle
