"""Which watches the API server has accepted, seen where they are asked for: Kopf tells nobody.

Kopf keeps to itself that a watch is refused, and tries it again. That Kopf runs is therefore no sign that anything is
watched. So it is given a session of which each request is followed: a stream is open from the answer 200 to a watch
until the same path is asked for again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from types import SimpleNamespace, TracebackType
from typing import Self

import aiohttp
import kopf

_PAUSE_SECONDS = 2.0
"""Between a session that was refused and the next."""


class Streams:
    """The paths that are watched; written in Kopf's event loop, asked from another thread."""

    def __init__(self, expected: int) -> None:
        """So many streams belong together."""
        self._expected = expected
        self._open: set[str] = set()

    def expect(self, streams: int) -> None:
        """So many belong together from now on."""
        self._expected = streams

    def all_open(self) -> bool:
        """Return whether as many as expected have been accepted and not ended since."""
        return len(self._open) >= self._expected

    def forget(self) -> None:
        """All have ended."""
        self._open.clear()

    def followed(self) -> aiohttp.TraceConfig:
        """Return what a session needs so that its requests are followed."""
        config = aiohttp.TraceConfig()
        config.on_request_start.append(self._asked)
        config.on_request_end.append(self._answered)
        return config

    async def _asked(
        self, _session: aiohttp.ClientSession, _context: SimpleNamespace, request: aiohttp.TraceRequestStartParams
    ) -> None:
        # A list comes before each watch from its beginning, and no two watches of a path are under way at once.
        self._open.discard(request.url.path)

    async def _answered(
        self, _session: aiohttp.ClientSession, _context: SimpleNamespace, answer: aiohttp.TraceRequestEndParams
    ) -> None:
        if "watch" in answer.url.query and answer.response.status == HTTPStatus.OK:
            self._open.add(answer.url.path)


class KopfSessions:
    """What Kopf logs in with, for one of its runs: a session like the one that it makes by itself, but followed.

    It asks again when the API server refused a session (401), and is given a new one after a pause, with credentials
    that were read anew: it would otherwise end when they are the same, and hang while it ends.
    """

    def __init__(self, connect: Callable[[], Awaitable[kopf.ConnectionInfo]], streams: Streams) -> None:
        """`connect` reads the credentials."""
        self._connect = connect
        self._streams = streams
        self._session: aiohttp.ClientSession | None = None

    async def log_in(self) -> kopf.AiohttpSession:
        """The next session; the one before is closed."""
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
        """Kopf has ended, and every stream with it."""
        self._streams.forget()
        if self._session is not None:
            await self._session.close()
