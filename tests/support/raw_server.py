"""A loopback server that answers with the bytes it was given, complete or not: for what no well-behaved server says."""

import asyncio
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Self

HANG = b"HANG"
"""Instead of an answer: say nothing until the client goes away."""
RESET = b"RESET"
"""Instead of an answer: reset the connection."""
_CLOSE = b"Connection: close\r\n"


def http(status: int, body: str = "", *headers: str, content_type: str | None = "application/json") -> bytes:
    """A complete answer; `headers` are whole lines."""
    return _head(status, len(body.encode()), headers, content_type) + body.encode()


def cut(status: int, body: str, content_type: str = "application/json") -> bytes:
    """An answer that ends a hundred bytes too early."""
    return _head(status, len(body.encode()) + 100, (), content_type) + body.encode()


def _head(status: int, length: int, headers: tuple[str, ...], content_type: str | None) -> bytes:
    kind = () if content_type is None else (f"Content-Type: {content_type}",)
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        f"Content-Length: {length}",
        "Connection: close",
        *kind,
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


@dataclass(slots=True)
class RawServer:
    """`async with RawServer([…]) as server`: answers in order; `requests` holds what came, raw.

    The connection ends after an answer, unless the answer has no `Connection: close`.
    """

    answers: list[bytes]
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    _server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while request := await _read_request(reader):
                self.requests.append(request)
                if not await self._answer(reader, writer):
                    break
        except ConnectionError:
            # The client went away: that is what some tests are about.
            return
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Send the next answer; whether another request may come on this connection."""
        following = self.answers.pop(0)
        if following == HANG:
            await reader.read()
        elif following == RESET:
            writer.transport.abort()
        else:
            writer.write(following)
            await writer.drain()
            return following.startswith(b"HTTP/1.1 ") and b"\r\n\r\n" in following and _CLOSE not in following
        return False


async def _read_request(reader: asyncio.StreamReader) -> bytes:
    """Head and body of one request; empty when the client left without sending one."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as early:
        return early.partial
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    return head + await reader.readexactly(length)
