"""Renewal by refresh_token: the request, and the meaning of each answer."""

import hashlib
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import pytest

from kite_operator.broker.apiclient import ApiSettings
from kite_operator.broker.session import KiteApi
from kite_operator.model.errors import BrokerError, BrokerRejection, SessionUnusable, Step
from kite_operator.model.expiry import IST
from kite_operator.model.reasons import Reason
from kite_operator.model.sensitive import Sensitive
from kite_operator.model.session import AppKeys, Session
from support.broker_fakes import ACCESS_TOKEN, API_KEY, API_SECRET, FakeClock, texts_of
from support.raw_server import RawServer, http

APP = AppKeys(Sensitive(API_KEY), Sensitive(API_SECRET))
REFRESH_TOKEN = "refreshtoken0123456789abcdefghij"
ROTATED = "rotatedtoken0123456789abcdefghij"
SECRETS = (API_SECRET, ACCESS_TOKEN, REFRESH_TOKEN, ROTATED)


def renewed_body(*drop: str, **changes: object) -> str:
    data = {"user_id": "AB1234", "api_key": API_KEY, "access_token": ACCESS_TOKEN, "refresh_token": ROTATED, **changes}
    return json.dumps({"status": "success", "data": {key: data[key] for key in data if key not in drop}})


def error_body(error_type: str, message: str = "no") -> str:
    return json.dumps({"status": "error", "message": message, "data": None, "error_type": error_type})


@asynccontextmanager
async def served(answer: bytes) -> AsyncIterator[tuple[KiteApi, RawServer]]:
    async with RawServer([answer]) as server:
        api = KiteApi(ApiSettings(root=server.url, threads=1, connect_seconds=2.0, read_seconds=0.3), FakeClock())
        try:
            yield api, server
        finally:
            api.close()


async def renewed(answer: bytes) -> Session:
    async with served(answer) as (api, _):
        return await api.renew(APP, Sensitive(REFRESH_TOKEN))


async def refused(answer: bytes) -> BrokerError:
    with pytest.raises(BrokerError) as caught:
        await renewed(answer)
    assert [] == [secret for secret in SECRETS if secret in "".join(texts_of(caught.value))]
    assert Step.RENEWAL is caught.value.step
    return caught.value


async def test_a_renewal_sends_the_documented_form() -> None:
    async with served(http(200, renewed_body())) as (api, server):
        await api.renew(APP, Sensitive(REFRESH_TOKEN))
    checksum = hashlib.sha256(f"{API_KEY}{REFRESH_TOKEN}{API_SECRET}".encode()).hexdigest()
    sent = server.requests[0].decode()
    assert sent.startswith("POST /session/refresh_token HTTP/1.1\r\n")
    assert sent.endswith(f"api_key={API_KEY}&refresh_token={REFRESH_TOKEN}&checksum={checksum}")
    assert API_SECRET not in sent


async def test_a_renewal_returns_the_session_and_the_new_refresh_token() -> None:
    session = await renewed(http(200, renewed_body(login_time="2026-03-02 07:36:01")))
    at = datetime(2026, 3, 2, 7, 36, 1, tzinfo=IST)
    assert Session("AB1234", APP.api_key, Sensitive(ACCESS_TOKEN), at) == session
    assert Sensitive(ROTATED) == session.refresh_token


@pytest.mark.parametrize("answered", ["", None, 7, "two words"])
async def test_without_a_usable_refresh_token_there_is_none(answered: object) -> None:
    assert (await renewed(http(200, renewed_body(refresh_token=answered)))).refresh_token is None


async def test_an_answer_that_does_not_name_the_app_is_of_the_app_that_asked() -> None:
    assert APP.api_key == (await renewed(http(200, renewed_body("api_key")))).api_key


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (403, error_body("TokenException", "Token is invalid or has expired."), Reason.REFRESH_TOKEN_REJECTED),
        (400, error_body("TokenException", ""), Reason.REFRESH_TOKEN_REJECTED),
        (403, error_body("TokenException", "Invalid `checksum`."), Reason.APP_SECRET_REJECTED),
        (400, error_body("TokenException", "Invalid CHECKSUM"), Reason.APP_SECRET_REJECTED),
        (403, error_body("TokenException", "Invalid API key or access token."), Reason.SUBSCRIPTION_INACTIVE),
        (400, error_body("InputException", "Missing api_key"), Reason.APP_REJECTED),
        (403, error_body("InputException", "The user is not enabled for the app."), Reason.USER_NOT_ENABLED),
        (403, error_body("PermissionException"), Reason.PERMISSION_DENIED),
        (200, renewed_body(api_key="another"), Reason.APP_REJECTED),
    ],
)
async def test_a_refusal_names_what_the_user_has_to_correct(status: int, body: str, reason: Reason) -> None:
    error = await refused(http(status, body))
    assert (BrokerRejection, reason) == (type(error), error.reason)


@pytest.mark.parametrize(
    ("body", "user_id", "refresh_token"),
    [
        (renewed_body("user_id"), None, ROTATED),
        (renewed_body("access_token"), "AB1234", ROTATED),
        (renewed_body(access_token=""), "AB1234", ROTATED),
        (renewed_body("access_token", "refresh_token"), "AB1234", None),
        (renewed_body("access_token", refresh_token=""), "AB1234", None),
        (renewed_body("access_token", user_id="ZZ9999"), "ZZ9999", ROTATED),
        ('{"status": "success", "data": null}', None, None),
    ],
)
async def test_a_session_that_cannot_be_used_is_an_unexpected_answer_and_keeps_its_refresh_token(
    body: str, user_id: str | None, refresh_token: str | None
) -> None:
    error = await refused(http(200, body))
    assert isinstance(error, SessionUnusable)
    assert (Reason.UNEXPECTED_ANSWER, user_id) == (error.reason, error.user_id)
    assert (Sensitive(refresh_token) if refresh_token else None) == error.refresh_token


async def test_no_log_shows_a_secret_even_when_everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        await renewed(http(200, renewed_body()))
    assert [] == [secret for secret in SECRETS if secret in caplog.text]
