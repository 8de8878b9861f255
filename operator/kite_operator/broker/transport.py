"""HTTP client of the login: one session with its own cookies per login, no redirects followed, no submission repeated.

Every request gets a new connection. A kept one that the server has closed in the meantime (the wait for a TOTP window
is long enough) would fail after the send, and a submission that failed after the send counts as an attempt (P1).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace, TracebackType
from typing import Self

import aiohttp
from yarl import URL

from kite_operator import __version__
from kite_operator.broker.verdicts import answer_lost, unreachable
from kite_operator.broker.wire import HttpRequest, HttpResponse
from kite_operator.clock import Clock
from kite_operator.model.clockoffset import ClockOffset
from kite_operator.observers import notify_observer


@dataclass(frozen=True, slots=True)
class TransportSettings:
    """Seconds until a connection stands, seconds for a whole request, and the most bytes of a body that are read."""

    connect_seconds: float = 5.0
    total_seconds: float = 20.0
    most_body_bytes: int = 64 * 1024
    user_agent: str = f"kite-operator/{__version__}"


@dataclass(slots=True)
class _Progress:
    """Progress of a request, from the client's own trace: its exceptions do not report it reliably."""

    before_write: Callable[[], None]
    now: Callable[[], datetime]
    may_be_written: bool = False
    asked_at: datetime | None = None


def _measure_nothing(_offset: ClockOffset) -> None:
    """Default for `on_offset`: ignore the offset between the clocks."""


class AiohttpTransport:
    """Transport for one login: `async with AiohttpTransport(settings, clock) as transport`."""

    def __init__(
        self, settings: TransportSettings, clock: Clock, on_offset: Callable[[ClockOffset], None] = _measure_nothing
    ) -> None:
        """`clock` dates the answers. `on_offset` gets its offset from the broker's. Proxies: the environment's."""
        self._settings = settings
        self._clock = clock
        self._on_offset = on_offset
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        trace = aiohttp.TraceConfig()
        trace.on_request_headers_sent.append(_about_to_write)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True),
            cookie_jar=aiohttp.CookieJar(unsafe=True, quote_cookie=False),
            headers={"User-Agent": self._settings.user_agent, "Accept": "application/json, text/html;q=0.9"},
            timeout=aiohttp.ClientTimeout(total=self._settings.total_seconds, connect=self._settings.connect_seconds),
            trace_configs=[trace],
            trust_env=True,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(self, request: HttpRequest, *, before_write: Callable[[], None]) -> HttpResponse:
        """Return the answer; raises `unreachable` when nothing was written and `answer_lost` for anything after that.

        `before_write` is called once the connection stands, before the first byte; its exceptions end the request.
        """
        progress = _Progress(before_write, self._clock.now)
        answer = None
        try:
            answer = await self._exchange(request, progress)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            # Raised below: an exception that holds an address with a secret may stay neither as cause nor as context.
            answer = None
        if answer is None:
            raise answer_lost(request.step) if progress.may_be_written else unreachable(request.step)
        if (offset := answer.clock_offset) is not None:
            notify_observer(self._on_offset, offset)
        return answer

    async def _exchange(self, request: HttpRequest, progress: _Progress) -> HttpResponse:
        if self._session is None:
            raise RuntimeError("the transport is used inside its `async with`")
        async with self._session.request(
            request.method,
            URL(request.url, encoded=True),
            data=request.form,
            allow_redirects=False,
            trace_request_ctx=progress,
        ) as response:
            received_at = self._clock.now()
            body = await self._read(response)
            return HttpResponse.of(response.status, response.headers, body, received_at, progress.asked_at)

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        """Return the body up to the limit: a login page may be longer, and nothing that is cut off is needed."""
        body = bytearray()
        while len(body) < self._settings.most_body_bytes:
            chunk = await response.content.read(self._settings.most_body_bytes - len(body))
            if not chunk:
                break
            body += chunk
        return bytes(body)


async def _about_to_write(
    _session: aiohttp.ClientSession, context: SimpleNamespace, _params: aiohttp.TraceRequestHeadersSentParams
) -> None:
    """Trace hook: the client calls it when the connection stands and before the first byte (pinned by a test)."""
    progress = context.trace_request_ctx
    if isinstance(progress, _Progress):
        progress.before_write()
        progress.may_be_written = True
        progress.asked_at = progress.now()
