"""HTTP client of the login: the request, the answer, and whether a failure came before or after the send."""

import gzip
import socket
from collections.abc import AsyncIterator

import pytest

from kite_operator import __version__
from kite_operator.broker.transport import AiohttpTransport, TransportSettings
from kite_operator.broker.wire import HttpRequest, HttpResponse
from kite_operator.model.clockoffset import ClockOffset
from kite_operator.model.errors import (
    BrokerError,
    OutcomeUnknown,
    Processed,
    ReservationLost,
    Step,
    TransientBrokerError,
)
from kite_operator.model.reasons import Reason
from support.broker_fakes import NOW, PASSWORD, FakeClock, leaks, texts_of
from support.raw_server import HANG, RESET, RawServer, cut, http

PATIENT = TransportSettings(connect_seconds=30.0, total_seconds=30.0, most_body_bytes=1000)
"""Timeouts for requests that are answered, on a busy machine too."""
SHORT = TransportSettings(connect_seconds=30.0, total_seconds=1.0, most_body_bytes=1000)
"""Timeouts for requests that are never answered."""


def go_on() -> None:
    """Allow the send."""


def post(url: str, step: Step = Step.PASSWORD) -> HttpRequest:
    return HttpRequest(step, "POST", f"{url}/api/login", {"user_id": "AB1234", "password": PASSWORD})


@pytest.fixture
async def transport() -> AsyncIterator[AiohttpTransport]:
    async with AiohttpTransport(PATIENT, FakeClock()) as running:
        yield running


@pytest.fixture
async def impatient() -> AsyncIterator[AiohttpTransport]:
    async with AiohttpTransport(SHORT, FakeClock()) as running:
        yield running


async def failure_of(transport: AiohttpTransport, request: HttpRequest) -> BrokerError:
    with pytest.raises(BrokerError) as caught:
        await transport.send(request, before_write=go_on)
    return caught.value


async def test_an_answer_carries_status_headers_body_and_the_time(transport: AiohttpTransport) -> None:
    async with RawServer([http(418, '{"a": 1}', "X-One: two")]) as server:
        received = await transport.send(post(server.url), before_write=go_on)

    assert HttpResponse(418, received.headers, b'{"a": 1}', NOW, NOW) == received
    assert (received.header("x-one"), received.content_type) == ("two", "application/json")


async def test_an_answer_with_a_date_gives_the_offset_of_the_clocks() -> None:
    offsets: list[ClockOffset] = []
    dated = ("Date: Mon, 02 Mar 2026 02:03:30 GMT", "Date: Mon, 02 Mar 2026 02:05:00 GMT")
    async with (
        RawServer([http(200, "", dated[0]), http(503, "", dated[1]), http(200)]) as server,
        AiohttpTransport(PATIENT, FakeClock(), offsets.append) as listening,
    ):
        answers = [await listening.send(post(server.url), before_write=go_on) for _ in range(3)]

    assert [ClockOffset(89.5, 0.5), ClockOffset(-0.5, 0.5)] == offsets
    assert [*offsets, None] == [received.clock_offset for received in answers]


async def test_a_form_is_posted_under_an_honest_name(transport: AiohttpTransport) -> None:
    async with RawServer([http(200)]) as server:
        await transport.send(post(server.url), before_write=go_on)

    sent = server.requests[0]
    assert sent.startswith(b"POST /api/login HTTP/1.1\r\n")
    assert f"User-Agent: kite-operator/{__version__}\r\n".encode() in sent
    assert sent.endswith(f"user_id=AB1234&password={PASSWORD}".encode())


async def test_an_address_is_asked_for_as_it_is_written(transport: AiohttpTransport) -> None:
    async with RawServer([http(200)]) as server:
        await transport.send(
            HttpRequest(Step.CONNECT, "GET", f"{server.url}/connect/finish?sess=a%2Bb+c%3D"), before_write=go_on
        )

    assert server.requests[0].startswith(b"GET /connect/finish?sess=a%2Bb+c%3D HTTP/1.1\r\n")


async def test_redirects_are_not_followed(transport: AiohttpTransport) -> None:
    async with RawServer([http(302, "", "Location: /elsewhere")]) as server:
        received = await transport.send(HttpRequest(Step.CONNECT, "GET", server.url), before_write=go_on)

    assert (received.status, received.header("Location"), len(server.requests)) == (302, "/elsewhere", 1)


async def test_cookies_are_kept_within_a_login_and_not_shared_with_another(transport: AiohttpTransport) -> None:
    async with RawServer([http(200, "", "Set-Cookie: kf_session=a/b=c; Path=/"), http(200), http(200)]) as server:
        await transport.send(post(server.url), before_write=go_on)
        await transport.send(post(server.url), before_write=go_on)
        async with AiohttpTransport(PATIENT, FakeClock()) as another:
            await another.send(post(server.url), before_write=go_on)

    assert [b"Cookie: kf_session=a/b=c\r\n" in sent for sent in server.requests] == [False, True, False]


async def test_every_request_has_a_connection_of_its_own(transport: AiohttpTransport) -> None:
    keep = http(200).replace(b"Connection: close\r\n", b"")
    async with RawServer([keep, keep]) as server:
        await transport.send(post(server.url), before_write=go_on)
        await transport.send(post(server.url), before_write=go_on)

        assert server.connections == 2


async def test_a_long_body_is_cut(transport: AiohttpTransport) -> None:
    async with RawServer([http(200, "x" * 5000)]) as server:
        received = await transport.send(post(server.url), before_write=go_on)

    assert received.body == b"x" * 1000


async def test_a_small_body_that_unpacks_to_a_large_one_is_cut_too(transport: AiohttpTransport) -> None:
    packed = gzip.compress(b"x" * 3_000_000)
    head = http(200, "", "Content-Encoding: gzip").replace(b"Content-Length: 0", b"Content-Length: %d" % len(packed))
    async with RawServer([head + packed]) as server:
        received = await transport.send(post(server.url), before_write=go_on)

    assert received.body == b"x" * 1000


async def test_a_connection_that_is_refused_spends_nothing(transport: AiohttpTransport) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        error = await failure_of(transport, post(f"http://127.0.0.1:{unused.getsockname()[1]}"))

    assert (TransientBrokerError, Reason.BROKER_UNREACHABLE, Processed.NO) == (
        type(error),
        error.reason,
        error.processed,
    )


@pytest.mark.parametrize("url", ["http://name.invalid", "https://127.0.0.1:1", "http://", "http://127.0.0.1:99999"])
async def test_an_address_that_leads_nowhere_spends_nothing(transport: AiohttpTransport, url: str) -> None:
    error = await failure_of(transport, post(url))

    assert (error.reason, error.processed) == (Reason.BROKER_UNREACHABLE, Processed.NO)


async def test_a_server_that_speaks_no_tls_spends_nothing(impatient: AiohttpTransport) -> None:
    async with RawServer([http(400)]) as server:
        error = await failure_of(impatient, post(server.url.replace("http:", "https:")))

    assert error.processed == Processed.NO


@pytest.mark.parametrize("step", [Step.PASSWORD, Step.TOTP])
@pytest.mark.parametrize(
    "reply", [HANG, RESET, b"", b"HTTP/1.1 200", b"nonsense\r\n\r\n", cut(200, "{}"), cut(403, "{}")]
)
async def test_an_attempt_that_breaks_after_the_send_may_have_counted(
    transport: AiohttpTransport, impatient: AiohttpTransport, reply: bytes, step: Step
) -> None:
    async with RawServer([reply]) as server:
        error = await failure_of(impatient if reply == HANG else transport, post(server.url, step))

        assert (OutcomeUnknown, step, 1) == (type(error), error.step, len(server.requests))


async def test_a_read_that_breaks_after_the_send_is_transient(impatient: AiohttpTransport) -> None:
    async with RawServer([HANG]) as server:
        error = await failure_of(impatient, HttpRequest(Step.PREFLIGHT, "GET", server.url))

    assert (TransientBrokerError, Reason.BROKER_UNREACHABLE, Processed.UNKNOWN) == (
        type(error),
        error.reason,
        error.processed,
    )


async def test_a_reservation_that_is_lost_while_connecting_sends_no_byte(transport: AiohttpTransport) -> None:
    seen: list[int] = []

    async with RawServer([http(200)]) as server:

        def lose() -> None:
            seen.append(server.connections)
            raise ReservationLost("another process took over")

        with pytest.raises(ReservationLost):
            await transport.send(post(server.url), before_write=lose)

    assert (server.requests, len(seen)) == ([], 1)


@pytest.mark.parametrize(
    "reply", [HANG, RESET, cut(200, f'{{"password": "{PASSWORD}"'), f"{PASSWORD}\r\n\r\n".encode()]
)
async def test_no_error_holds_an_address_a_form_or_a_foreign_text(
    transport: AiohttpTransport, impatient: AiohttpTransport, reply: bytes
) -> None:
    async with RawServer([reply]) as server:
        error = await failure_of(impatient if reply == HANG else transport, post(f"{server.url}/{PASSWORD}"))

    assert leaks("".join(texts_of(error))) == []
    assert (error.__cause__, error.__context__) == (None, None)


async def test_a_transport_outside_of_its_block_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="async with"):
        await AiohttpTransport(PATIENT, FakeClock()).send(post("http://127.0.0.1:1"), before_write=go_on)
