"""The documented API: the meaning of each answer to an exchange, a profile read and a logout."""

import hashlib
import json
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest

from kite_operator.broker.apiclient import ApiSettings
from kite_operator.broker.session import KiteApi
from kite_operator.model.clockoffset import ClockOffset
from kite_operator.model.errors import BrokerError, BrokerRejection, Processed, TokenDead, TransientBrokerError
from kite_operator.model.expiry import IST
from kite_operator.model.reasons import Reason
from kite_operator.model.sensitive import Sensitive
from kite_operator.model.session import AppKeys, Session
from support.broker_fakes import ACCESS_TOKEN, API_KEY, API_SECRET, NOW, REQUEST_TOKEN, FakeClock, leaks, texts_of
from support.raw_server import HANG, RESET, RawServer, cut, http

APP = AppKeys(Sensitive(API_KEY), Sensitive(API_SECRET))
REFRESH_TOKEN = "refreshtoken0123456789abcdefghij"
PAGE = f"<html>{API_KEY} {ACCESS_TOKEN} {REQUEST_TOKEN} {API_SECRET} {REFRESH_TOKEN}</html>"
Call = Callable[[KiteApi], Awaitable[object]]


def session_body(drop: Sequence[str] = (), **changes: object) -> str:
    data: dict[str, object] = {
        "user_id": "AB1234",
        "api_key": API_KEY,
        "access_token": ACCESS_TOKEN,
        "public_token": "public",
        "enctoken": "enc",
        "refresh_token": "",
        "login_time": "2026-03-02 07:35:14",
    }
    kept = {key: value for key, value in {**data, **changes}.items() if key not in drop}
    return json.dumps({"status": "success", "data": kept})


def error_body(error_type: str | None, message: str = "no") -> str:
    kind = {} if error_type is None else {"error_type": error_type}
    return json.dumps({"status": "error", "message": message, "data": None, **kind})


@asynccontextmanager
async def served(*answers: bytes, clock: FakeClock | None = None) -> AsyncIterator[tuple[KiteApi, RawServer]]:
    async with RawServer(list(answers)) as server:
        settings = ApiSettings(
            root=server.url, threads=2, connect_seconds=2.0, read_seconds=0.3, body_seconds=5.0, most_body_bytes=4000
        )
        api = KiteApi(settings, clock or FakeClock())
        try:
            yield api, server
        finally:
            api.close()


async def exchange(api: KiteApi) -> Session:
    return await api.exchange(APP, Sensitive(REQUEST_TOKEN))


async def renewal(api: KiteApi) -> Session:
    return await api.renew(APP, Sensitive(REFRESH_TOKEN))


async def profile(api: KiteApi) -> str:
    return await api.profile(APP.api_key, Sensitive(ACCESS_TOKEN))


async def logout(api: KiteApi) -> None:
    await api.logout(APP.api_key, Sensitive(ACCESS_TOKEN))


async def failure_of(reply: bytes, call: Call) -> BrokerError:
    async with served(reply) as (api, _):
        with pytest.raises(BrokerError) as caught:
            await call(api)
        return caught.value


async def login_time_of(reply: bytes) -> datetime:
    async with served(reply) as (api, _):
        return (await exchange(api)).login_time


async def test_an_exchange_gives_the_session_with_its_login_time_in_ist() -> None:
    async with served(http(200, session_body())) as (api, _):
        session = await exchange(api)

    assert session == Session(
        "AB1234", APP.api_key, Sensitive(ACCESS_TOKEN), datetime(2026, 3, 2, 7, 35, 14, tzinfo=IST)
    )


async def test_an_exchange_sends_the_documented_form() -> None:
    async with served(http(200, session_body())) as (api, server):
        await exchange(api)

    checksum = hashlib.sha256(f"{API_KEY}{REQUEST_TOKEN}{API_SECRET}".encode()).hexdigest()
    sent = server.requests[0].decode()
    assert sent.startswith("POST /session/token HTTP/1.1\r\n")
    assert "X-Kite-Version: 3\r\n" in sent
    assert sent.endswith(f"api_key={API_KEY}&request_token={REQUEST_TOKEN}&checksum={checksum}")
    assert API_SECRET not in sent


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (403, error_body("TokenException", "Token is invalid or has expired."), Reason.REQUEST_TOKEN_REJECTED),
        (400, error_body("TokenException", "Token is invalid or has expired."), Reason.REQUEST_TOKEN_REJECTED),
        (403, error_body("TokenException", ""), Reason.REQUEST_TOKEN_REJECTED),
        (403, error_body("TokenException", "Invalid `checksum`."), Reason.APP_SECRET_REJECTED),
        (400, error_body("TokenException", "Invalid CHECKSUM"), Reason.APP_SECRET_REJECTED),
        (400, error_body("InputException", "Missing api_key"), Reason.APP_REJECTED),
        (403, error_body("InputException", "The user is not enabled for the app."), Reason.USER_NOT_ENABLED),
        (403, error_body("PermissionException"), Reason.PERMISSION_DENIED),
        (200, error_body("TokenException"), Reason.REQUEST_TOKEN_REJECTED),
        (200, session_body(api_key="another"), Reason.APP_REJECTED),
        (200, session_body(drop=["api_key"]), Reason.APP_REJECTED),
    ],
)
async def test_a_rejected_exchange_names_what_the_user_has_to_correct(status: int, body: str, reason: Reason) -> None:
    error = await failure_of(http(status, body), exchange)

    assert (BrokerRejection, reason) == (type(error), error.reason)


@pytest.mark.parametrize(
    ("reply", "reason", "processed"),
    [
        (http(429, error_body("NetworkException", "Too many requests")), Reason.RATE_LIMITED, Processed.NO),
        (http(429, PAGE, content_type="text/html"), Reason.RATE_LIMITED, Processed.NO),
        (http(503, PAGE, content_type="text/html"), Reason.BROKER_UNAVAILABLE, Processed.NO),
        (http(403, PAGE, content_type="text/html"), Reason.BROKER_UNAVAILABLE, Processed.NO),
        (http(502, PAGE, content_type="text/html"), Reason.BROKER_UNAVAILABLE, Processed.UNKNOWN),
        (http(500, error_body("GeneralException")), Reason.BROKER_UNAVAILABLE, Processed.UNKNOWN),
        (http(502, error_body("TokenException")), Reason.BROKER_UNAVAILABLE, Processed.UNKNOWN),
        (http(200, PAGE, content_type="text/html"), Reason.BROKER_UNAVAILABLE, Processed.UNKNOWN),
        (http(200, ""), Reason.UNEXPECTED_ANSWER, Processed.UNKNOWN),
        (http(200, "[]"), Reason.UNEXPECTED_ANSWER, Processed.UNKNOWN),
        (http(200, "{"), Reason.UNEXPECTED_ANSWER, Processed.UNKNOWN),
        (http(403, error_body(None)), Reason.UNEXPECTED_ANSWER, Processed.UNKNOWN),
        (http(404, error_body("GeneralException", "Route not found")), Reason.UNEXPECTED_ANSWER, Processed.UNKNOWN),
        (http(302, "", "Location: /elsewhere"), Reason.UNEXPECTED_ANSWER, Processed.UNKNOWN),
        (HANG, Reason.BROKER_UNREACHABLE, Processed.UNKNOWN),
        (RESET, Reason.BROKER_UNREACHABLE, Processed.UNKNOWN),
        (b"", Reason.BROKER_UNREACHABLE, Processed.UNKNOWN),
        (b"nonsense\r\n\r\n", Reason.BROKER_UNREACHABLE, Processed.UNKNOWN),
        (cut(200, session_body()), Reason.BROKER_UNREACHABLE, Processed.UNKNOWN),
        (cut(403, error_body("TokenException")), Reason.BROKER_UNREACHABLE, Processed.UNKNOWN),
    ],
)
@pytest.mark.parametrize("call", [exchange, renewal, profile, logout])
async def test_an_outage_is_transient_at_every_call_and_its_content_is_not_shown(
    reply: bytes, reason: Reason, processed: Processed, call: Call
) -> None:
    error = await failure_of(reply, call)

    assert (TransientBrokerError, reason, processed) == (type(error), error.reason, error.processed)
    assert leaks("".join(texts_of(error))) == []
    assert REFRESH_TOKEN not in "".join(texts_of(error))
    assert (error.__cause__, error.__context__) == (None, None)


@pytest.mark.parametrize("call", [exchange, renewal, profile, logout])
async def test_a_broker_that_cannot_be_reached_has_processed_nothing(call: Call) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        api = KiteApi(ApiSettings(root=f"http://127.0.0.1:{unused.getsockname()[1]}", threads=1), FakeClock())
        with pytest.raises(TransientBrokerError) as caught:
            await call(api)
        api.close()

    error = caught.value
    assert (error.reason, error.processed) == (Reason.BROKER_UNREACHABLE, Processed.NO)
    assert leaks("".join(texts_of(error))) == []


@pytest.mark.parametrize("root", ["http://name.invalid", "https://127.0.0.1:1"])
async def test_an_address_that_leads_nowhere_has_processed_nothing(root: str) -> None:
    api = KiteApi(ApiSettings(root=root, threads=1), FakeClock())
    with pytest.raises(TransientBrokerError) as caught:
        await profile(api)
    api.close()

    assert caught.value.processed == Processed.NO


@pytest.mark.parametrize(("header", "seconds"), [("21", 21.0), ("Mon, 02 Mar 2026 02:05:21 GMT", 21.0)])
async def test_the_brokers_wish_to_wait_is_kept(header: str, seconds: float) -> None:
    error = await failure_of(http(429, error_body("NetworkException"), f"Retry-After: {header}"), profile)

    assert isinstance(error, TransientBrokerError)
    assert seconds == error.retry_after_seconds


@pytest.mark.parametrize(
    "reply",
    [
        http(200, session_body(drop=["login_time"]), "Date: Mon, 02 Mar 2026 02:05:21 GMT"),
        http(200, session_body(login_time=None), "Date: Mon, 02 Mar 2026 02:05:21 GMT"),
        http(200, session_body(login_time="yesterday"), "Date: Mon, 02 Mar 2026 02:05:21 GMT"),
        http(200, session_body(login_time="9999-99-99 99:99:99"), "Date: Mon, 02 Mar 2026 02:05:21 GMT"),
        http(200, session_body(login_time=1772417114), "Date: Mon, 02 Mar 2026 02:05:21 GMT"),
    ],
)
async def test_a_session_without_a_usable_login_time_is_kept_and_dated_by_the_answer(reply: bytes) -> None:
    assert NOW + timedelta(seconds=21) == await login_time_of(reply)


@pytest.mark.parametrize("headers", [(), ("Date: some day",)])
async def test_a_session_without_any_date_is_dated_by_the_time_of_asking(headers: tuple[str, ...]) -> None:
    assert await login_time_of(http(200, session_body(drop=["login_time"]), *headers)) == NOW


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        ("Invalid API key or access token.", True),
        ("Incorrect `api_key` or `access_token`.", False),
        ("Token is invalid or has expired.", False),
        ("", False),
    ],
)
async def test_a_refused_token_says_whether_it_reads_like_a_lapsed_subscription(message: str, *, hint: bool) -> None:
    error = await failure_of(http(403, error_body("TokenException", message)), profile)
    assert isinstance(error, TokenDead)
    assert hint == error.reads_like_lapse


async def test_an_answer_with_a_date_gives_the_offset_of_the_clocks() -> None:
    offsets: list[ClockOffset] = []
    async with RawServer([http(403, "", "Date: Mon, 02 Mar 2026 02:03:30 GMT"), http(403)]) as server:
        api = KiteApi(ApiSettings(root=server.url, threads=1), FakeClock(), offsets.append)
        for _ in range(2):
            with pytest.raises(BrokerError):
                await api.profile(Sensitive(API_KEY), Sensitive(ACCESS_TOKEN))
        api.close()

    assert [ClockOffset(89.5, 0.5)] == offsets


async def test_a_session_without_a_content_type_is_kept() -> None:
    assert datetime(2026, 3, 2, 7, 35, 14, tzinfo=IST) == await login_time_of(
        http(200, session_body(), content_type=None)
    )


@pytest.mark.parametrize(
    "body",
    [
        session_body(drop=["user_id"]),
        session_body(user_id=""),
        session_body(user_id="AB 1234"),
        session_body(user_id=1234),
        session_body(drop=["access_token"]),
        session_body(access_token=""),
        session_body(access_token="short"),
        session_body(access_token="line\nbreak-in-it"),
        session_body(access_token=["x"]),
        '{"status": "success"}',
        '{"status": "success", "data": []}',
    ],
)
async def test_a_session_that_cannot_be_used_is_an_unexpected_answer(body: str) -> None:
    error = await failure_of(http(200, body), exchange)

    assert (error.reason, error.processed) == (Reason.UNEXPECTED_ANSWER, Processed.YES)


async def test_a_profile_gives_the_user_id_and_sends_both_halves_of_the_token() -> None:
    async with served(http(200, '{"status": "success", "data": {"user_id": "AB1234"}}')) as (api, server):
        user_id = await profile(api)

    assert user_id == "AB1234"
    assert f"Authorization: token {API_KEY}:{ACCESS_TOKEN}\r\n".encode() in server.requests[0]


async def test_a_403_token_exception_on_a_profile_means_a_dead_token() -> None:
    error = await failure_of(http(403, error_body("TokenException")), profile)

    assert (TokenDead, Reason.TOKEN_DEAD) == (type(error), error.reason)


@pytest.mark.parametrize(
    "reply",
    [
        http(401, error_body("TokenException")),
        http(400, error_body("TokenException")),
        http(200, error_body("TokenException")),
        http(403, error_body("PermissionException")),
        http(403, error_body("GeneralException")),
        http(403, '{"error_type": ["TokenException"], "status": "error"}'),
        http(403, "TokenException", content_type="text/plain"),
        http(200, '{"status": "success", "data": {}}'),
        http(200, '{"status": "success", "data": {"user_id": 7}}'),
        http(200, '{"status": "success", "data": null}'),
    ],
)
async def test_nothing_else_on_a_profile_says_that_the_token_is_dead(reply: bytes) -> None:
    assert TransientBrokerError is type(await failure_of(reply, profile))


@pytest.mark.parametrize(
    "reply", [http(200, '{"status": "success", "data": true}'), http(403, error_body("TokenException"))]
)
async def test_a_logout_is_done_when_the_token_is_dead(reply: bytes) -> None:
    async with served(reply) as (api, server):
        await logout(api)

    assert server.requests[0].startswith(
        f"DELETE /session/token?api_key={API_KEY}&access_token={ACCESS_TOKEN} HTTP/1.1\r\n".encode()
    )


async def test_no_cookie_of_one_call_goes_with_another() -> None:
    reply = http(200, '{"status": "success", "data": {"user_id": "AB1234"}}', "Set-Cookie: a=b; Path=/")
    async with served(reply, reply) as (api, server):
        await profile(api)
        await profile(api)

    assert [b"cookie" in request.lower() for request in server.requests] == [False, False]


async def test_a_body_beyond_the_limit_is_not_read() -> None:
    body = json.dumps({"status": "success", "data": {"user_id": "AB1234", "padding": "x" * 100_000}})
    error = await failure_of(http(200, body), profile)

    assert error.reason == Reason.UNEXPECTED_ANSWER


async def test_a_body_that_takes_too_long_is_given_up() -> None:
    async with served(http(200, session_body()), clock=FakeClock(step_per_reading=10.0)) as (api, _):
        with pytest.raises(TransientBrokerError) as caught:
            await exchange(api)

    assert (caught.value.reason, caught.value.processed) == (Reason.BROKER_UNREACHABLE, Processed.UNKNOWN)


@pytest.mark.parametrize("call", [exchange, renewal, profile, logout])
async def test_no_log_shows_a_secret_even_when_everything_is_logged(
    call: Call, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        await failure_of(http(500, PAGE, content_type="text/html"), call)

    assert leaks("".join(record.getMessage() for record in caplog.records)) == []


async def test_a_netrc_file_does_not_replace_the_token(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    netrc = tmp_path_factory.mktemp("home") / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    async with served(http(200, '{"status": "success", "data": {"user_id": "AB1234"}}')) as (api, server):
        await profile(api)

    assert b"Authorization: token " in server.requests[0]
