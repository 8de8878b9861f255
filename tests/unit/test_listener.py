"""A listener on its own port: bounded, silent about what it cannot read, with a certificate that may be renewed."""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from devcluster.pki import Authority
from kite_operator.clock import SystemClock
from kite_operator.listener import Bounds, Certificate, Listener
from kite_operator.model.errors import OperatorError

SECRET = "bearer0123456789bearer0123456789"

Serve = Callable[..., Awaitable[Listener]]


class SweepingClock(SystemClock):
    """Sweeps come when the test says."""

    def __init__(self) -> None:
        self.due = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        del seconds
        await self.due.wait()
        self.due.clear()

    async def sweep(self) -> None:
        self.due.set()
        for _ in range(5):
            await asyncio.sleep(0)


def app() -> web.Application:
    async def hello(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    made = web.Application()
    made.router.add_get("/", hello)
    return made


def port(listener: Listener) -> int:
    return int(listener.addresses.rpartition(":")[2])


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[Listener], Awaitable[Connection]]


@pytest.fixture
async def connected() -> AsyncIterator[Connect]:
    opened = []

    async def connect(listener: Listener) -> Connection:
        connection = await asyncio.open_connection("127.0.0.1", port(listener))
        opened.append(connection)
        return connection

    yield connect
    for _, writer in opened:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def asked(connection: Connection, request: bytes) -> bytes:
    reader, writer = connection
    writer.write(request)
    return await asyncio.wait_for(reader.readline(), 10)


async def is_ended(connection: Connection) -> bool:
    """Whether the other side ends the connection, whatever it said before."""
    try:
        await asyncio.wait_for(connection[0].read(), 10)
    except ConnectionResetError:
        return True
    return connection[0].at_eof()


GET = b"GET / HTTP/1.1\r\nHost: operator\r\n\r\n"


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    started = []

    async def start(clock: SystemClock | None = None, **options: object) -> Listener:
        listener = Listener(app(), "127.0.0.1:0", clock or SystemClock(), **options)  # type: ignore[arg-type]  # bounds, certificate
        started.append(await listener.start())
        return listener

    yield start
    for each in started:
        await each.stop()


async def test_it_serves_until_it_is_stopped(serve: Serve, connected: Connect) -> None:
    listener = await serve()
    at = port(listener)
    assert b"HTTP/1.1 200 OK\r\n" == await asked(await connected(listener), GET)
    await listener.stop()
    with pytest.raises(OSError, match=r"refused|Connect call failed"):
        await asyncio.open_connection("127.0.0.1", at)


async def test_a_port_that_is_taken_is_told_by_its_address(serve: Serve) -> None:
    taken = port(await serve())
    second = Listener(app(), f"127.0.0.1:{taken}", SystemClock())
    with pytest.raises(OperatorError, match=f"cannot listen on 127.0.0.1:{taken}"):
        await second.start()
    await second.stop()


async def test_a_connection_too_many_is_refused_and_welcome_later(serve: Serve, connected: Connect) -> None:
    listener = await serve(bounds=Bounds(connections=2))
    first, second = await connected(listener), await connected(listener)
    for each in (first, second):
        assert b"HTTP/1.1 200 OK\r\n" == await asked(each, GET)
    assert await is_ended(await connected(listener))
    first[1].close()
    async with asyncio.timeout(10):
        while len(listener.connections) == 2:  # noqa: ASYNC110 - a closed connection tells nobody
            await asyncio.sleep(0)
    assert b"HTTP/1.1 200 OK\r\n" == await asked(await connected(listener), GET)


async def test_a_connection_that_says_nothing_is_ended_at_its_second_sweep(serve: Serve, connected: Connect) -> None:
    clock = SweepingClock()
    listener = await serve(clock, bounds=Bounds())
    reader, writer = await connected(listener)
    assert b"HTTP/1.1 200 OK\r\n" == await asked((reader, writer), GET)
    await clock.sweep()
    assert not reader.at_eof()
    writer.write(b"GET / HTTP/1.1\r\n")  # half a request is no reason to wait for ever
    await clock.sweep()
    assert await is_ended((reader, writer))
    assert b"HTTP/1.1 200 OK\r\n" == await asked(await connected(listener), GET)


@pytest.mark.parametrize(
    "request_bytes",
    [
        f"GET / HTTP/1.1\r\nAuthorization: Bearer {SECRET}\x00\r\n\r\n".encode(),
        f"{SECRET}\r\n\r\n".encode(),
        f"GET /{SECRET} HTTP/9.9\r\n\r\n".encode(),
        f"GET / HTTP/1.1\r\nAuthorization {SECRET}\r\n\r\n".encode(),
    ],
)
async def test_a_request_that_cannot_be_read_is_not_quoted(
    serve: Serve, connected: Connect, request_bytes: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    listener = await serve()
    assert b" 400 " in await asked(await connected(listener), request_bytes)
    await listener.stop()
    assert SECRET not in caplog.text


@pytest.fixture
def authority() -> Authority:
    return Authority.create("desk")


def issued(authority: Authority, folder: Path, name: str) -> Certificate:
    pair = authority.issue(name, server_names=("127.0.0.1",))
    (folder / "tls.crt").write_bytes(pair.certificate)
    (folder / "tls.key").write_bytes(pair.key)
    return Certificate(folder / "tls.crt", folder / "tls.key")


async def served_name(listener: Listener, authority: Authority) -> str:
    """The common name of the certificate that a client of this authority is shown."""
    trust = ssl.create_default_context(cadata=authority.pem.decode())
    reader, writer = await asyncio.open_connection("127.0.0.1", port(listener), ssl=trust)
    assert b"HTTP/1.1 200 OK\r\n" == await asked((reader, writer), GET)
    shown = writer.get_extra_info("peercert")
    writer.close()
    await writer.wait_closed()
    return str(next(value for part in shown["subject"] for name, value in part if name == "commonName"))


async def test_a_renewed_certificate_is_shown_to_the_next_client(
    serve: Serve, authority: Authority, tmp_path: Path
) -> None:
    listener = await serve(certificate=issued(authority, tmp_path, "first"))
    assert "first" == await served_name(listener, authority)
    issued(authority, tmp_path, "second")
    assert "second" == await served_name(listener, authority)


async def test_half_a_renewal_keeps_the_former_certificate(
    serve: Serve, authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    listener = await serve(certificate=issued(authority, tmp_path, "first"))
    pair = authority.issue("second", server_names=("127.0.0.1",))
    (tmp_path / "tls.crt").write_bytes(pair.certificate)
    assert "first" == await served_name(listener, authority)
    assert "the previous one is kept" in caplog.text
    (tmp_path / "tls.key").write_bytes(pair.key)
    assert "second" == await served_name(listener, authority)


def test_files_that_cannot_be_used_are_told_by_their_names(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"tls\.crt and .*tls\.key: no usable certificate"):
        Certificate(tmp_path / "tls.crt", tmp_path / "tls.key")
