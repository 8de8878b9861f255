"""The operator's own small web server: /metrics, /healthz (it makes progress), /readyz (it has seen everything)."""

from collections.abc import Callable

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

LONGEST_SILENCE_SECONDS = 120.0
"""The scheduler turns at least every thirty seconds; a silence four times as long is a stall."""


def make_app(registry: CollectorRegistry, silence: Callable[[], float], ready: Callable[[], bool]) -> web.Application:
    """`silence` gives seconds of boot-time since the last progress; `ready` whether the first full list is known."""

    async def metrics(request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(registry), headers={"Content-Type": content_type})

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
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    return app
