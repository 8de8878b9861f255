"""What a scrape costs: series per credential, seconds and size at 100, 1,000 and 10,000 credentials.

In the process (the text is made) and over HTTP on the loopback (made in a thread, sent, read). It prints figures and
decides nothing: `tests/unit/record/test_scrape.py` holds a bound.
"""

import asyncio
import statistics
import time
import urllib.request

import pytest
from aiohttp import web

from kite_operator.record.exposition import exposition
from kite_operator.serve import make_app
from support.crowd import crowd
from support.ports import free_port

ROUNDS = 3


async def over_http(app: web.Application) -> float:
    """Seconds for one scrape, by a client in another thread."""
    runner, port = web.AppRunner(app), free_port()
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()

    def scrape() -> float:
        started = time.perf_counter()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
            answer.read()
        return time.perf_counter() - started

    try:
        return statistics.median([await asyncio.to_thread(scrape) for _ in range(ROUNDS)])
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("number", [100, 1_000, 10_000])
async def test_a_scrape(number: int) -> None:
    metrics = crowd(number)
    times = []
    text = b""
    for _ in range(ROUNDS):
        started = time.perf_counter()
        text = exposition(metrics, "")[0]
        times.append(time.perf_counter() - started)
    series = [line for line in text.decode().splitlines() if line.startswith("kite_credential_")]
    http = await over_http(make_app(metrics, lambda: 0.0, lambda: True))
    print(  # noqa: T201 - a benchmark prints
        f"\nscrape, {number} credentials: {len(series) / number:.0f} series each, {len(text) / 1e6:.2f} MB, "
        f"{statistics.median(times) * 1000:.0f} ms in the process, {http * 1000:.0f} ms over HTTP"
    )
