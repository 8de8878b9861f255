"""Serves one web app on a port of its own: with TLS when configured, and bounded where strangers may connect.

Requests of strangers are never logged: aiohttp quotes a request that it cannot parse, with any secret in it.
"""

import asyncio
import contextlib
import logging
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from aiohttp import web

from kite_operator.clock import Clock
from kite_operator.model.errors import OperatorError

_log = logging.getLogger(__name__)
_silent = logging.getLogger(f"{__name__}.unread")
_silent.disabled = True

_HANDSHAKE_SECONDS = 5.0
_STOP_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits: `connections` at a time; a connection is closed after `seconds`, at the latest after twice as many.

    They are for an app that strangers can reach, and keep enough connections for the operator itself.
    """

    connections: int = 128
    seconds: float = 15.0


@dataclass(slots=True)
class Certificate:
    """A certificate and its key in files, read again when they have changed (as a Secret's volume does)."""

    chain: Path
    key: Path
    context: ssl.SSLContext = field(init=False)
    _seen: tuple[object, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Read the files; OperatorError when they cannot be used."""
        self._seen = self._stamps()
        try:
            self.context = self._load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        except OSError as error:
            raise OperatorError(f"{self.chain} and {self.key}: no usable certificate and key") from error

    def renew(self) -> None:
        """Read the files again if they have changed; files that cannot be used yet change nothing."""
        seen = self._stamps()
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self._load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))  # a pair that does not match would spoil the one in use
            self._load(self.context)
        except OSError:
            _log.warning("certificate not usable: the previous one is kept", extra={"file": self.chain})
        else:
            _log.info("certificate reloaded for new connections", extra={"file": self.chain})

    def _load(self, context: ssl.SSLContext) -> ssl.SSLContext:
        context.load_cert_chain(self.chain, self.key)
        return context

    def _stamps(self) -> tuple[object, ...]:
        stamps: list[object] = []
        for file in (self.chain, self.key):
            with contextlib.suppress(OSError):
                seen = file.stat()
                stamps.append((seen.st_ino, seen.st_size, seen.st_mtime_ns))
        return tuple(stamps)


class _Refused(asyncio.Protocol):
    """A connection above the limit: it is closed at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            transport.abort()


class Listener:
    """One app on one port; `start` and `stop` it in the event loop."""

    def __init__(
        self,
        app: web.Application,
        address: str,
        clock: Clock,
        *,
        bounds: Bounds | None = None,
        certificate: Certificate | None = None,
    ) -> None:
        """Create a stopped listener; `address` is host:port, as checked by `Settings`; port 0 is any free port."""
        self._runner = web.AppRunner(app, access_log=None, logger=_silent, shutdown_timeout=_STOP_SECONDS)
        self._address = address
        self._clock = clock
        self._bounds = bounds
        self._certificate = certificate
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.Task[None] | None = None

    async def start(self) -> Self:
        """Listen; OperatorError when the port is not available."""
        await self._runner.setup()
        host, _, port = self._address.rpartition(":")
        context = self._certificate.context if self._certificate is not None else None
        try:
            self._server = await asyncio.get_running_loop().create_server(
                self._protocol,
                host.strip("[]"),
                int(port),
                ssl=context,
                ssl_handshake_timeout=None if context is None else _HANDSHAKE_SECONDS,
            )
        except OSError as error:
            raise OperatorError(f"cannot listen on {self._address}: {error.strerror}") from error
        if self._bounds is not None:
            self._sweeper = asyncio.create_task(self._end_old_connections(self._bounds), name="old connections")
        return self

    async def stop(self) -> None:
        """Stop listening, and let open requests end."""
        if self._server is not None:
            self._server.close()
        if self._sweeper is not None:
            self._sweeper.cancel()
        await self._runner.cleanup()

    @property
    def addresses(self) -> str:
        """Return the addresses that it listens on, as text."""
        names = [socket.getsockname() for socket in (self._server.sockets if self._server else ())]
        return ", ".join(f"{name[0]}:{name[1]}" for name in names)

    @property
    def connections(self) -> list[web.RequestHandler]:
        """Return the open connections."""
        return self._runner.server.connections if self._runner.server is not None else []

    def _protocol(self) -> asyncio.Protocol:
        if self._certificate is not None:
            self._certificate.renew()
        server = self._runner.server
        if server is None or (self._bounds is not None and len(self.connections) >= self._bounds.connections):
            return _Refused()
        return server()

    async def _end_old_connections(self, bounds: Bounds) -> None:
        """Close each connection that was open at two checks in a row."""
        previous: set[web.RequestHandler] = set()
        while True:
            await self._clock.sleep(bounds.seconds)
            present = set(self.connections)
            for connection in previous & present:
                if connection.transport is not None:
                    connection.transport.abort()
            previous = present - previous
