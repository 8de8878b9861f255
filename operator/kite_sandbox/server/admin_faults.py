"""Admin API: scripted faults and hold points."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from kite_sandbox.answers import JSON, Answer
from kite_sandbox.error_table import envelope
from kite_sandbox.faults import Edit, Fault, Scope, When
from kite_sandbox.fields import NOTHING, BadRequest, Fields, flag, mapping, maybe_count, maybe_text, number, text, texts
from kite_sandbox.presets import PRESETS, Preset
from kite_sandbox.server.holds import Hold
from kite_sandbox.server.sandbox import Sandbox
from kite_sandbox.world import Step

_LONGEST_WAIT_S = 30.0


def _step(value: object) -> Step:
    try:
        return Step(text(value))
    except ValueError as error:
        raise ValueError(f"must be one of {', '.join(Step)}") from error


def _when(value: object) -> When:
    try:
        return When(text(value))
    except ValueError as error:
        raise ValueError(f"must be one of {', '.join(When)}") from error


def _preset(value: object) -> Preset:
    try:
        return PRESETS[text(value)]
    except KeyError:
        raise ValueError(f"must be one of {', '.join(PRESETS)}") from None


def _scope(fields: Fields) -> Scope:
    scope = Scope(fields.take("client_id", maybe_text, None), fields.take("api_key", maybe_text, None))
    if scope.client_id is not None and scope.api_key is not None:
        raise BadRequest("body: give client_id or api_key, not both")
    return scope


def _answer(value: object) -> Answer:
    fields = Fields(value, "answer")
    body: str | Mapping[str, Any] = fields.take("body", _any_text, "")
    body = fields.take("json", mapping, body)
    body = fields.take("envelope", _envelope, body)
    content_type = fields.take("content_type", maybe_text, JSON)
    headers = tuple((name, str(given)) for name, given in fields.take("headers", mapping, NOTHING).items())
    status = int(fields.take("status", number, 200.0))
    fields.finish()
    return Answer("faulted", status, body, content_type, headers)


def _any_text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a text")  # noqa: TRY004 - the reader collects ValueErrors
    return value


def _envelope(value: object) -> Mapping[str, Any]:
    fields = Fields(value, "envelope")
    made = envelope(fields.require("error_type", text, ""), fields.take("message", _any_text, ""))
    fields.finish()
    return made


def _edit(value: object) -> Edit:
    fields = Fields(value, "edit")
    edit = Edit(
        assign=fields.take("set", mapping, NOTHING),
        remove=fields.take("remove", texts, ()),
        without_content_type=fields.take("without_content_type", flag, default=False),
    )
    fields.finish()
    return edit


def _reset(value: object) -> bool:
    if value not in (None, "mid_body"):
        raise ValueError("must be mid_body or null")
    return value is not None


def _parsed_fault(sandbox: Sandbox, body: Any) -> Fault:
    fields = Fields(body)
    preset = fields.take("preset", _preset, Preset())
    fault = Fault(
        number=sandbox.faults.next_number(),
        step=fields.require("step", _step, Step.LOGIN),
        scope=_scope(fields),
        label=fields.take("label", text, str(body.get("preset", "scripted"))),
        when=fields.take("when", _when, preset.when),
        answer=fields.take("answer", _answer, preset.answer),
        edit=fields.take("edit", _edit, preset.edit),
        delay_s=fields.take("delay_s", number, preset.delay_s),
        reset_mid_body=fields.take("reset", _reset, preset.reset_mid_body),
        times=fields.take("times", maybe_count, 1),
    )
    fields.finish()
    if fault.edit is not None and (fault.when is When.BEFORE or fault.answer is not None):
        raise BadRequest("body.edit: changes the real answer, so it needs when=after and no answer")
    return fault


def _shown_fault(fault: Fault, left: int | None) -> dict[str, Any]:
    return {
        "number": fault.number,
        "step": fault.step,
        "client_id": fault.scope.client_id,
        "api_key": fault.scope.api_key,
        "label": fault.label,
        "when": fault.when,
        "left": left,
    }


async def add_fault(sandbox: Sandbox, _path: Mapping[str, str], body: Any) -> dict[str, Any]:
    """Arm a fault, behind those already armed for its scope and step."""
    fault = _parsed_fault(sandbox, body)
    sandbox.faults.add(fault)
    return _shown_fault(fault, fault.times)


async def list_faults(sandbox: Sandbox, _path: Mapping[str, str], _body: Any) -> dict[str, Any]:
    """Return what is armed."""
    return {"faults": [_shown_fault(fault, left) for fault, left in sandbox.faults.listed()]}


async def clear_faults(sandbox: Sandbox, path: Mapping[str, str], _body: Any) -> dict[str, Any]:
    """Disarm all faults, or those of `?client_id=` or `?api_key=`."""
    scoped = "client_id" in path or "api_key" in path
    scope = Scope(path.get("client_id"), path.get("api_key")) if scoped else None
    return {"cleared": sandbox.faults.clear(scope=scope)}


async def clear_fault(sandbox: Sandbox, path: Mapping[str, str], _body: Any) -> dict[str, Any]:
    """Disarm one fault."""
    return {"cleared": sandbox.faults.clear(number=int(path["number"]))}


def _shown_hold(hold: Hold) -> dict[str, Any]:
    return {
        "number": hold.number,
        "step": hold.step,
        "client_id": hold.scope.client_id,
        "api_key": hold.scope.api_key,
        "when": hold.when,
        "caught": hold.caught,
        "waiting": hold.waiting,
    }


def _known_hold(sandbox: Sandbox, path: Mapping[str, str]) -> Hold:
    hold = sandbox.holds.get(int(path["number"]))
    if hold is None:
        raise LookupError("no such hold point")
    return hold


async def add_hold(sandbox: Sandbox, _path: Mapping[str, str], body: Any) -> dict[str, Any]:
    """Set a hold point."""
    fields = Fields(body)
    step = fields.require("step", _step, Step.LOGIN)
    when = fields.take("when", _when, When.BEFORE)
    times = fields.take("times", maybe_count, None)
    scope = _scope(fields)
    fields.finish()
    return _shown_hold(sandbox.holds.add(step, scope, when, times))


async def list_holds(sandbox: Sandbox, _path: Mapping[str, str], _body: Any) -> dict[str, Any]:
    """The hold points in force."""
    return {"holds": [_shown_hold(hold) for hold in sandbox.holds.listed()]}


async def get_hold(sandbox: Sandbox, path: Mapping[str, str], _body: Any) -> dict[str, Any]:
    """One hold point; `?wait_s=` waits that long for a first request to be caught."""
    hold = _known_hold(sandbox, path)
    try:
        patience = min(float(path.get("wait_s", "0")), _LONGEST_WAIT_S)
    except ValueError as error:
        raise BadRequest("wait_s: must be a number") from error
    with suppress(TimeoutError):  # the answer's `caught` says so
        await asyncio.wait_for(hold.arrived.wait(), patience)
    return _shown_hold(hold)


async def release_hold(sandbox: Sandbox, path: Mapping[str, str], body: Any) -> dict[str, Any]:
    """Let the held requests go on, or with `{"drop": true}` cut them off; BEFORE the effect that undoes them."""
    hold = _known_hold(sandbox, path)
    fields = Fields(body)
    drop = fields.take("drop", flag, default=False)
    fields.finish()
    sandbox.holds.release(hold, drop=drop)
    return _shown_hold(hold)


async def release_all(sandbox: Sandbox, _path: Mapping[str, str], _body: Any) -> dict[str, Any]:
    """Release every hold point."""
    released = len(sandbox.holds.listed())
    sandbox.holds.release_all()
    return {"released": released}


ROUTES = (
    ("POST", "/admin/faults", add_fault),
    ("GET", "/admin/faults", list_faults),
    ("DELETE", "/admin/faults", clear_faults),
    ("DELETE", r"/admin/faults/{number:\d+}", clear_fault),
    ("POST", "/admin/holds", add_hold),
    ("GET", "/admin/holds", list_holds),
    ("DELETE", "/admin/holds", release_all),
    ("GET", r"/admin/holds/{number:\d+}", get_hold),
    ("POST", r"/admin/holds/{number:\d+}/release", release_hold),
)
