"""Watches that the API server has accepted, observed at their requests, since Kopf does not report it.

Kopf does not report a refused watch, and retries it. So a running Kopf does not mean that anything is watched. It is
given a session whose requests are observed: a stream is open from the answer 200 to a watch until the same path is
requested again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from types import SimpleNamespace, TracebackType
from typing import Self

import aiohttp
import kopf

_PAUSE_SECONDS = 2.0
"""Pause between a session that was refused and the next."""


class Streams:
    """The paths that are watched; written in Kopf's event loop, read from another thread."""

    def __init__(self, expected: int) -> None:
        """Expect that many streams."""
        self._expected = expected
        self._open: set[str] = set()

    def expect(self, streams: int) -> None:
        """Expect that many streams from now on."""
        self._expected = streams

    def all_open(self) -> bool:
        """Return whether as many as expected have been accepted and not ended since."""
        return len(self._open) >= self._expected

    def forget(self) -> None:
        """Mark all streams as ended."""
        self._open.clear()

    def followed(self) -> aiohttp.TraceConfig:
        """Return the trace configuration of a session, by which its requests are observed."""
        config = aiohttp.TraceConfig()
        config.on_request_start.append(self._asked)
        config.on_request_end.append(self._answered)
        return config

    async def _asked(
        self, _session: aiohttp.ClientSession, _context: SimpleNamespace, request: aiohttp.TraceRequestStartParams
    ) -> None:
        # A list precedes each new watch, and no two watches of a path run at once.
        self._open.discard(request.url.path)

    async def _answered(
        self, _session: aiohttp.ClientSession, _context: SimpleNamespace, answer: aiohttp.TraceRequestEndParams
    ) -> None:
        if "watch" in answer.url.query and answer.response.status == HTTPStatus.OK:
            self._open.add(answer.url.path)


class KopfSessions:
    """The sessions for one run of Kopf: each is like the session that Kopf makes itself, but observed.

    Kopf asks again when the API server refused a session (401). It is given a new one after a pause, with credentials
    that were read again: it would otherwise end when they are the same, and hang while it ends.
    """

    def __init__(self, connect: Callable[[], Awaitable[kopf.ConnectionInfo]], streams: Streams) -> None:
        """Create no session yet; `connect` reads the credentials."""
        self._connect = connect
        self._streams = streams
        self._session: aiohttp.ClientSession | None = None

    async def log_in(self) -> kopf.AiohttpSession:
        """Close the previous session, and return the next one."""
        if self._session is not None:
            await self._session.close()
            await asyncio.sleep(_PAUSE_SECONDS)
        connection = await self._connect()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=connection.as_ssl_context()),
            headers=connection.as_http_headers(),
            trace_configs=[self._streams.followed()],
        )
        return kopf.AiohttpSession(server=connection.server, aiohttp_session=self._session)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the session and mark every stream as ended: Kopf has ended."""
        self._streams.forget()
        if self._session is not None:
            await self._session.close()
