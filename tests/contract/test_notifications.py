"""Reminders by the real Apprise to a real receiver: what arrives, where it may not go, and what is logged."""

import asyncio
import base64
import json
import logging

import pytest

from kite_operator.allow_list import parse_allow_list
from kite_operator.logs import set_up_logging
from kite_operator.model.sensitive import Sensitive
from kite_operator.notify.sender import Sender
from kite_operator.notify.services import Service, UrlRefused, open_service
from support.raw_server import HANG, RESET, RawServer, http

TITLE, BODY = "Kite: desk/alpha needs you before 08:45 IST", "AB1234: Somebody has to log in to Kite.\n<b> & more"
TOKEN = "made-up-and-wrong-token"
OK = http(200, "{}")


def address(server: RawServer) -> str:
    return server.url.removeprefix("http://")


def service(server: RawServer, url: str) -> Service:
    return open_service(Sensitive(url.format(address(server))), parse_allow_list(f"http://{address(server)}"))


async def send(server: RawServer, url: str) -> bool:
    return await Sender().send(service(server, url), TITLE, BODY)


def parts(request: bytes) -> tuple[str, str]:
    head, _, body = request.decode().partition("\r\n\r\n")
    return head, body


async def test_a_webhook_gets_json_with_title_and_message() -> None:
    async with RawServer([OK]) as server:
        assert await send(server, f"http://{{}}/kite/{TOKEN}?desk=a%20b")
    head, body = parts(server.requests[0])
    assert head.startswith(f"POST /kite/{TOKEN}?desk=a+b HTTP/1.1\r\n")
    assert (TITLE, BODY, "warning") == tuple(json.loads(body)[name] for name in ("title", "message", "type"))
    assert [] == json.loads(body)["attachments"]


async def test_a_webhook_can_have_a_header_and_a_password_of_its_own() -> None:
    async with RawServer([OK]) as server:
        assert await send(server, f"json://me:pass%40word@{{}}/?+X-Token={TOKEN}")
    head, _ = parts(server.requests[0])
    assert f"x-token: {TOKEN}" in head.lower()
    assert f"Basic {base64.b64encode(b'me:pass@word').decode()}" in head


async def test_a_form_gets_fields() -> None:
    async with RawServer([OK]) as server:
        assert await send(server, "form://{}/kite")
    head, body = parts(server.requests[0])
    assert "application/x-www-form-urlencoded" in head
    assert "title=Kite%3A+desk%2Falpha" in body


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_to_another_host_is_not_followed_and_counts_as_a_failure(status: int) -> None:
    async with RawServer([OK]) as other:
        moved = http(status, "", f"Location: {other.url}/latest/meta-data/{TOKEN}")
        async with RawServer([moved, OK]) as server:
            assert not await send(server, "http://{}/kite")
        assert 1 == len(server.requests)
    assert [] == other.requests


@pytest.mark.parametrize("answer", [http(404), http(500, TOKEN), http(429), RESET, b"nonsense\r\n\r\n"])
async def test_a_service_that_refuses_or_breaks_is_a_failure_and_asked_once(answer: bytes) -> None:
    async with RawServer([answer, OK]) as server:
        assert not await send(server, "http://{}/kite")
    assert 1 == server.connections


async def test_a_service_that_does_not_answer_is_given_up() -> None:
    async with RawServer([HANG]) as server:
        made = service(server, "http://{}/kite")
        made._plugin.socket_read_timeout = 0.2
        assert not await Sender().send(made, TITLE, BODY)


async def test_a_service_that_is_not_there_is_a_failure() -> None:
    async with RawServer([]) as server:
        made = service(server, "http://{}/kite")
    assert not await Sender().send(made, TITLE, BODY)


async def test_a_service_that_is_not_allowed_is_not_even_connected_to() -> None:
    async with RawServer([OK]) as server:
        with pytest.raises(UrlRefused):
            open_service(Sensitive(f"{server.url}/kite"), parse_allow_list("http://hooks.example.com"))
    assert 0 == server.connections


MALFORMED = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nno colon here\r\n: empty\r\nConnection: close\r\n\r\n{}"


@pytest.mark.parametrize("answer", [OK, http(500, TOKEN), RESET, http(302, "", f"Location: /{TOKEN}"), MALFORMED])
async def test_nothing_of_a_url_is_logged_at_the_most_talkative_level(
    answer: bytes, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        set_up_logging("debug")
        root.addHandler(caplog.handler)
        async with RawServer([answer]) as server:
            await send(server, f"json://me:{TOKEN}@{{}}/{TOKEN}?+X-Token={TOKEN}")
        assert 1 == len(server.requests)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    logged = capfd.readouterr()
    assert TOKEN not in f"{caplog.text}{logged.out}{logged.err}"


async def test_a_mail_goes_to_the_server_that_is_allowed() -> None:
    said: list[str] = []

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers = {"data": b"354 go on\r\n", ".": b"250 taken\r\n", "quit": b"221 bye\r\n"}
        writer.write(b"220 here\r\n")
        mail = False
        while line := (await reader.readline()).decode():
            word = line.rstrip("\r\n")
            said.append(word)
            if not mail or word == ".":
                writer.write(answers.get(word.lower(), b"250 fine\r\n"))
            mail = word.lower() == "data" or (mail and word != ".")
        writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        url = f"mailto://127.0.0.1:{port}?from=kite@example.com&to=desk@example.com"
        made = open_service(Sensitive(url), parse_allow_list(f"mailto://127.0.0.1:{port}"))
        assert await Sender().send(made, TITLE, BODY)
    assert "rcpt TO:<desk@example.com>" in said
    assert f"Subject: {TITLE}" in said
