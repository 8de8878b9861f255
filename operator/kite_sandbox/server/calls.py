"""The way of every request through the shell: read, hold, fault, act, record, answer."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

from aiohttp import web

from kite_sandbox.answers import Answer
from kite_sandbox.dispatch import Caller, act, attribute
from kite_sandbox.faults import Fault, When
from kite_sandbox.journal import Journal
from kite_sandbox.server.holds import Dropped
from kite_sandbox.server.replies import cut_off, send
from kite_sandbox.server.sandbox import Sandbox
from kite_sandbox.world import Call, Step

logger = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

CALLER = web.RequestKey("caller", Caller)
"""The key of a request under which the shell keeps whose call it is."""


def handler_of(sandbox: Sandbox, step: Step) -> Handler:
    """An aiohttp handler for one step."""

    async def handle(request: web.Request) -> web.StreamResponse:
        call = await read_call(request, sandbox, step)
        return await serve(sandbox, request, call)

    return handle


async def read_call(request: web.Request, sandbox: Sandbox, step: Step) -> Call:
    """The request as the core sees it; a form field wins over the query, the path over both."""
    form = await request.post()
    texts = {name: value for name, value in form.items() if isinstance(value, str)}
    authorization = request.headers.get("Authorization", "")
    return Call(
        step=step,
        now=sandbox.clock.now(),
        tick=asyncio.get_running_loop().time(),
        method=request.method,
        params={**request.query, **texts, **request.match_info},
        cookies=dict(request.cookies),
        authorization=authorization,
        base_url=f"{request.scheme}://{request.host}",
        instruments=tuple(request.query.getall("i", ())),
    )


async def serve(sandbox: Sandbox, request: web.Request, call: Call) -> web.StreamResponse:
    """Answer one call, truthfully or as scripted."""
    journal = sandbox.journal  # a reset in the meantime starts another one, in which this call has no place
    caller = attribute(sandbox.world, call)
    request[CALLER] = caller
    with journal.arrival(call.step, caller):
        try:
            await sandbox.holds.pass_by(call.step, caller, When.BEFORE)
        except Dropped:
            journal.record(call, caller, ("dropped", 0), "never")
            return cut_off(request)
        call = replace(call, now=sandbox.clock.now(), tick=asyncio.get_running_loop().time())
        fault = sandbox.faults.take(call.step, caller)
        real = None if fault is not None and fault.when is When.BEFORE else act(sandbox.world, call)
        _record(journal, call, caller, (fault, real))
        try:
            await sandbox.holds.pass_by(call.step, caller, When.AFTER)
        except Dropped:
            return cut_off(request)
        return await _answer(request, fault, real)


async def _answer(request: web.Request, fault: Fault | None, real: Answer | None) -> web.StreamResponse:
    if fault is not None:
        await asyncio.sleep(fault.delay_s)
        return await send(request, fault.rendered(real), reset_mid_body=fault.reset_mid_body)
    if real is None:
        raise AssertionError("without a fault every call takes effect")
    return await send(request, real)


def _record(journal: Journal, call: Call, caller: Caller, ending: tuple[Fault | None, Answer | None]) -> None:
    fault, real = ending
    answered = "truthfully" if fault is None else fault.label
    result = ("faulted", 0) if real is None else (real.outcome, real.status)
    journal.record(call, caller, result, answered)
    logger.info("%s for %s: %s, answered %s", call.step, caller.client_id, result[0], answered)
