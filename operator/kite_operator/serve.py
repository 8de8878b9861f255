"""The operator's own small web server: /metrics, /healthz (it makes progress), /readyz (the first list is done)."""

import asyncio
from collections.abc import Callable

from aiohttp import web

from kite_operator.record.exposition import exposition
from kite_operator.record.metrics import Metrics

LONGEST_SILENCE_SECONDS = 120.0
"""Longest time without progress: four times the longest pause of the scheduler's loop, which is thirty seconds."""


def make_app(metrics: Metrics, silence: Callable[[], float], ready: Callable[[], bool]) -> web.Application:
    """Return the app; `silence` gives boot-time seconds without progress, `ready` whether the first list is done."""

    async def scrape(request: web.Request) -> web.Response:
        # In a thread: the text of thousands of credentials would block the event loop.
        body, content_type = await asyncio.to_thread(exposition, metrics, request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def healthz(_: web.Request) -> web.Response:
        silent = silence()
        healthy = silent <= LONGEST_SILENCE_SECONDS
        text = "ok\n" if healthy else f"no progress for {silent:.0f} s\n"
        return web.Response(text=text, status=200 if healthy else 503)

    async def readyz(_: web.Request) -> web.Response:
        return web.Response(
            text="ok\n" if ready() else "the first full list is not known yet\n", status=200 if ready() else 503
        )

    app = web.Application()
    app.router.add_get("/metrics", scrape)
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    return app
