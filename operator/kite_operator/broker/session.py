"""Session, renewal, profile and logout at the broker: the meaning of each answer of the documented API.

Only a 403 TokenException on a read says that a token is dead. A rate limit, an outage, a page of HTML or a lost
connection says nothing about it, and a working token is never dropped for one (P2).
"""

import asyncio
import re
from collections.abc import Callable
from datetime import datetime
from functools import partial
from http import HTTPStatus

from kiteconnect import KiteConnect

from kite_operator.broker.apiclient import ApiClient, ApiSettings
from kite_operator.broker.verdicts import malformed, passing, says_not_enabled, user_not_enabled
from kite_operator.broker.wire import HttpResponse, parse_http_date
from kite_operator.clock import Clock
from kite_operator.model.clockoffset import ClockOffset
from kite_operator.model.errors import BrokerRejection, Processed, SessionUnusable, Step, TokenDead
from kite_operator.model.expiry import IST
from kite_operator.model.reasons import Reason
from kite_operator.model.sensitive import Sensitive
from kite_operator.model.session import AppKeys, Session

_TOKEN = re.compile(r"[A-Za-z0-9_.~+/=-]{8,512}")
_USER_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_LOGIN_TIME = "%Y-%m-%d %H:%M:%S"
_HINT_LAPSED = "api key"
_NOT_PROCESSED = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


class KiteApi:
    """The documented API through the official client; safe to share between tasks of one event loop."""

    def __init__(
        self, settings: ApiSettings, clock: Clock, on_offset: Callable[[ClockOffset], None] | None = None
    ) -> None:
        """`clock` dates answers, and stands in for a session's missing login time; `on_offset`: see `ApiClient`."""
        self._client = ApiClient(settings, clock, *([on_offset] if on_offset is not None else []))
        self._clock = clock

    def close(self) -> None:
        """Release threads and connections."""
        self._client.close()

    async def exchange(self, app: AppKeys, request_token: Sensitive) -> Session:
        """Turn a request_token into a session (POST /session/token); the token is spent with any answer.

        Raises BrokerRejection (REQUEST_TOKEN_REJECTED, APP_SECRET_REJECTED, APP_REJECTED, USER_NOT_ENABLED,
        PERMISSION_DENIED) and TransientBrokerError.
        """
        asked_at = self._clock.now()
        answer = await self._call(
            Step.EXCHANGE,
            app.api_key,
            lambda client: client.generate_session(request_token.reveal(), app.api_secret.reveal()),
        )
        if not answer.succeeded:
            raise _refused(Step.EXCHANGE, answer)
        return parse_session(answer, app, asked_at)

    async def renew(self, app: AppKeys, refresh_token: Sensitive) -> Session:
        """Turn a refresh_token into a session (POST /session/refresh_token); a new refresh_token may replace the old.

        Raises BrokerRejection (REFRESH_TOKEN_REJECTED, APP_SECRET_REJECTED, APP_REJECTED, USER_NOT_ENABLED,
        PERMISSION_DENIED, SUBSCRIPTION_INACTIVE) and TransientBrokerError.
        """
        asked_at = self._clock.now()
        answer = await self._call(
            Step.RENEWAL,
            app.api_key,
            lambda client: client.renew_access_token(refresh_token.reveal(), app.api_secret.reveal()),
        )
        if not answer.succeeded:
            raise _refused(Step.RENEWAL, answer)
        return parse_session(answer, app, asked_at, Step.RENEWAL)

    async def profile(self, api_key: Sensitive, access_token: Sensitive) -> str:
        """Return the user_id to which `access_token` belongs (GET /user/profile): the probe.

        Raises TokenDead for a 403 TokenException, and TransientBrokerError for all that says nothing about the token.
        """
        answer = await self._call(Step.PROFILE, api_key, partial(_read_profile, access_token))
        if _is_dead_token(answer):
            hint = answer.envelope is not None and _HINT_LAPSED in answer.envelope.message.lower()
            raise TokenDead("the broker no longer accepts the access_token", reads_like_lapse=hint)
        if not answer.succeeded:
            raise passing(Step.PROFILE, answer, _processed(answer))
        data = answer.envelope.data if answer.envelope is not None else None
        user_id = data.get("user_id") if isinstance(data, dict) else None
        if not isinstance(user_id, str) or not _USER_ID.fullmatch(user_id):
            raise malformed(Step.PROFILE, "without a usable user_id")
        return user_id

    async def logout(self, api_key: Sensitive, access_token: Sensitive) -> None:
        """End the session (DELETE /session/token); a token that is dead already is no error.

        Raises TransientBrokerError: the session may live on.
        """
        answer = await self._call(
            Step.LOGOUT, api_key, lambda client: client.invalidate_access_token(access_token.reveal())
        )
        if not answer.succeeded and not _is_dead_token(answer):
            raise passing(Step.LOGOUT, answer, _processed(answer))

    async def _call(self, step: Step, api_key: Sensitive, make: Callable[[KiteConnect], object]) -> HttpResponse:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._client.executor, self._client.call, step, api_key.reveal(), make)


def parse_session(answer: HttpResponse, app: AppKeys, asked_at: datetime, step: Step = Step.EXCHANGE) -> Session:
    """Return the session of a successful answer; `asked_at` (aware) is the last resort for its login time.

    `enctoken` and `public_token` are dropped; so is an empty `refresh_token`, which retail apps get. A renewal need not
    name the app: its answer is not documented beyond the tokens. Raises BrokerRejection (APP_REJECTED) for a session of
    another app and SessionUnusable for one that cannot be used.
    """
    data = answer.envelope.data if answer.envelope is not None else None
    if not isinstance(data, dict):
        raise SessionUnusable("the broker answered without data", step=step)
    unnamed = step is Step.RENEWAL and "api_key" not in data
    if data.get("api_key") != app.api_key.reveal() and not unnamed:
        raise BrokerRejection(Reason.APP_REJECTED, "the broker answered with a session of another app", step=step)
    user_id, access_token = data.get("user_id"), data.get("access_token")
    refresh_token = _refresh_token(data.get("refresh_token"))
    if not isinstance(user_id, str) or not _USER_ID.fullmatch(user_id):
        message = "the broker answered a session without a usable user_id"
        raise SessionUnusable(message, step=step, refresh_token=refresh_token)
    if not isinstance(access_token, str) or not _TOKEN.fullmatch(access_token):
        message = "the broker answered a session without a usable access_token"
        raise SessionUnusable(message, step=step, user_id=user_id, refresh_token=refresh_token)
    return Session(
        user_id=user_id,
        api_key=app.api_key,
        access_token=Sensitive(access_token),
        login_time=_login_time(data.get("login_time"), answer, asked_at),
        refresh_token=refresh_token,
    )


def _refresh_token(answered: object) -> Sensitive | None:
    """Return the refresh_token of an answer; retail apps get an empty text."""
    return Sensitive(answered) if isinstance(answered, str) and _TOKEN.fullmatch(answered) else None


def _read_profile(access_token: Sensitive, client: KiteConnect) -> object:
    client.set_access_token(access_token.reveal())
    return client.profile()


def _login_time(answered: object, answer: HttpResponse, asked_at: datetime) -> datetime:
    """Return the broker's own login time (IST without a zone); else its Date header, else our own clock.

    A session without a login time is as good as any: to drop it would cost a login.
    """
    if isinstance(answered, str):
        try:
            return datetime.strptime(answered, _LOGIN_TIME).replace(tzinfo=IST)
        except ValueError:  # not in the documented form: the next best source is used
            pass
    return (parse_http_date(answer.header("date")) or asked_at).astimezone(IST)


def _is_dead_token(answer: HttpResponse) -> bool:
    envelope = answer.envelope
    return (
        answer.status == HTTPStatus.FORBIDDEN
        and envelope is not None
        and envelope.is_error
        and envelope.error_type == "TokenException"
    )


def _processed(answer: HttpResponse) -> Processed:
    """Return whether the broker may have acted: not when it refused the call unread."""
    refused_unread = answer.status in _NOT_PROCESSED or (answer.status == HTTPStatus.FORBIDDEN and answer.is_page)
    return Processed.NO if refused_unread else Processed.UNKNOWN


def _refused(step: Step, answer: HttpResponse) -> Exception:
    """Return the error of a failed exchange or renewal: the type decides, the text only splits errors of one type."""
    envelope = answer.envelope
    kind = envelope.error_type if answer.refused and envelope is not None else None
    if kind == "TokenException" and envelope is not None:
        return _rejected(step, _refused_token(step, envelope.message.lower()), answer)
    if kind == "InputException":
        return user_not_enabled(step) if says_not_enabled(answer) else _rejected(step, Reason.APP_REJECTED, answer)
    if kind == "PermissionException":
        return _rejected(step, Reason.PERMISSION_DENIED, answer)
    return passing(step, answer, _processed(answer))


def _refused_token(step: Step, text: str) -> Reason:
    """Return the reason (one of three) of a TokenException for an exchange or renewal; the plain one for new text.

    A lapsed subscription refuses every call with "Invalid API key or access token.", and neither names an access_token
    otherwise.
    """
    if "checksum" in text:
        return Reason.APP_SECRET_REJECTED
    if _HINT_LAPSED in text:
        return Reason.SUBSCRIPTION_INACTIVE
    return Reason.REFRESH_TOKEN_REJECTED if step is Step.RENEWAL else Reason.REQUEST_TOKEN_REJECTED


def _rejected(step: Step, reason: Reason, answer: HttpResponse) -> BrokerRejection:
    words = {
        Reason.APP_SECRET_REJECTED: "the checksum was wrong: check the api_secret",
        Reason.REQUEST_TOKEN_REJECTED: "the request_token is used, expired or of another app",
        Reason.REFRESH_TOKEN_REJECTED: "the refresh_token is used, ended or of another app, and is not tried again",
        Reason.SUBSCRIPTION_INACTIVE: "the app's Kite Connect subscription has lapsed, or the api_key is wrong. Renew "
        "it in the developer console; a login is tried again tomorrow, or when this block is acknowledged",
        Reason.APP_REJECTED: "check the api_key and whether the app is active",
        Reason.PERMISSION_DENIED: "the app may not do this",
    }
    what = "the session renewal" if step is Step.RENEWAL else "the session exchange"
    return BrokerRejection(reason, f"{what} answered {answer.describe()}: {words[reason]}", step=step)
