"""Admin API: the clock, the reset, and the sign of life."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kite_sandbox.fields import BadRequest, Fields, flag, number, text
from kite_sandbox.server.sandbox import Sandbox


async def health(_sandbox: Sandbox, _path: Mapping[str, str], _body: Any) -> dict[str, Any]:
    """Answers while the process runs."""
    return {"status": "ok"}


async def get_clock(sandbox: Sandbox, _path: Mapping[str, str], _body: Any) -> dict[str, Any]:
    """The sandbox's time."""
    clock = sandbox.clock
    return {"now": clock.now().isoformat(), "offset_seconds": clock.offset_seconds, "frozen": clock.frozen}


async def put_clock(sandbox: Sandbox, path: Mapping[str, str], body: Any) -> dict[str, Any]:
    """Move the clock: `{"now": RFC 3339}`, with `"frozen": true` to stop it there, or `{"offset_seconds": x}`."""
    fields = Fields(body)
    now = fields.take("now", _instant, None)
    offset = fields.take("offset_seconds", number, None)
    frozen = fields.take("frozen", flag, default=False)
    fields.finish()
    if (now is None) == (offset is None):
        raise BadRequest("body: give either now or offset_seconds")
    if now is None:
        sandbox.clock.set_offset(offset or 0.0)
    elif frozen:
        sandbox.clock.freeze(now)
    else:
        sandbox.clock.set_now(now)
    return await get_clock(sandbox, path, None)


async def reset(sandbox: Sandbox, _path: Mapping[str, str], _body: Any) -> dict[str, Any]:
    """Forget everything, as after a start without a seed."""
    sandbox.reset()
    return {"status": "ok"}


def _instant(value: object) -> datetime | None:
    instant = datetime.fromisoformat(text(value))
    if instant.tzinfo is None:
        raise ValueError("must carry a zone")
    return instant


ROUTES = (
    ("GET", "/admin/health", health),
    ("GET", "/admin/clock", get_clock),
    ("PUT", "/admin/clock", put_clock),
    ("POST", "/admin/reset", reset),
)
