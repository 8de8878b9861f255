"""The web app for reports: it authenticates and authorises before an answer depends on a credential."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from pathlib import Path

from aiohttp import web

from kite_operator.clock import Clock
from kite_operator.cluster.api import Cluster
from kite_operator.cluster.reviews import AccessReview, User
from kite_operator.listener import Bounds, Certificate, Listener
from kite_operator.model.errors import ClusterError
from kite_operator.model.resource import Key
from kite_operator.model.sensitive import Sensitive
from kite_operator.report.consumers import Consumers
from kite_operator.report.limits import Busy, Peers
from kite_operator.settings import Settings

_log = logging.getLogger(__name__)

PATH = "/v1/namespaces/{namespace:[a-z0-9-]{1,63}}/kitecredentials/{name:[a-z0-9.-]{1,63}}/dead-token"
LARGEST_BODY = 4096
_BODY_SECONDS = 5.0
_LONGEST_TOKEN = 8192
_RETRY_SECONDS = 10
"""Retry-After when the API server did not answer."""
_ELSEWHERE_SECONDS = 1
"""Retry-After of a standby replica, or one that has just started: another replica is behind the same Service."""


class Result(Enum):
    """The result of a report: the metric's label, the HTTP status, and a message for the client."""

    ACCEPTED = ("accepted", HTTPStatus.ACCEPTED, "the token is checked within a minute, unless it just was")
    REPEATED = ("repeated", HTTPStatus.ACCEPTED, "reported before: the token is checked within a minute")
    UNAUTHENTICATED = (
        "unauthenticated",
        HTTPStatus.UNAUTHORIZED,
        "send a ServiceAccount token that was made for the operator's audience as bearer token",
    )
    FORBIDDEN = (
        "forbidden",
        HTTPStatus.FORBIDDEN,
        "the ServiceAccount needs the verb get on the credential's derived Secret",
    )
    NOT_FOUND = ("not-found", HTTPStatus.NOT_FOUND, "there is no such KiteCredential")
    TOO_LARGE = ("too-large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "a report needs no body")
    INVALID = ("invalid", HTTPStatus.BAD_REQUEST, "POST to this path: see the HTTP API in docs/reference.md")
    RATE_LIMITED = ("rate-limited", HTTPStatus.TOO_MANY_REQUESTS, "too many reports: come back later")
    UNAVAILABLE = ("unavailable", HTTPStatus.SERVICE_UNAVAILABLE, "the operator cannot tell now: come back later")

    def __init__(self, word: str, status: HTTPStatus, message: str) -> None:
        self.word = word
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class ReportHandling:
    """The operator's functions that the endpoint calls.

    `ready` returns whether this process leads and knows every credential; `target_of` returns a credential's derived
    Secret, None when there is no such credential; `report` accepts a report, False when there was one already; `count`
    is called with each result.
    """

    ready: Callable[[], bool]
    target_of: Callable[[Key], str | None]
    report: Callable[[Key], bool]
    count: Callable[[str], None]


def make_listener(settings: Settings, clock: Clock, cluster: Cluster, handling: ReportHandling) -> Listener | None:
    """Return the app on its own port, or None when no setting asks for it."""
    if not settings.report_listen:
        return None
    files = Path(settings.report_tls_cert), Path(settings.report_tls_key)
    return Listener(
        make_app(handling, Consumers(cluster, clock, settings.report_audience), Peers(clock)),
        settings.report_listen,
        clock,
        bounds=Bounds(),
        certificate=Certificate(*files) if settings.report_tls_cert else None,
    )


def make_app(handling: ReportHandling, consumers: Consumers, peers: Peers) -> web.Application:
    """Return the app; it is served on a port of its own."""
    endpoint = _Endpoint(handling, consumers, peers)
    app = web.Application(client_max_size=LARGEST_BODY, middlewares=[endpoint.answered])
    app.router.add_post(PATH, endpoint.report)
    return app


class _Endpoint:
    def __init__(self, handling: ReportHandling, consumers: Consumers, peers: Peers) -> None:
        self._handling = handling
        self._consumers = consumers
        self._peers = peers

    @web.middleware
    async def answered(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Count every result, and answer in our own words; a connection serves one request."""
        try:
            self._peers.take(request.remote or "")
            answer = await handler(request)
        except Busy as busy:
            answer = self._answer(Result.RATE_LIMITED, retry_seconds=busy.seconds)
        except web.HTTPException as refusal:
            answer = self._answer(Result.INVALID, status=refusal.status)
            answer.headers.update({name: refusal.headers[name] for name in ("Allow",) if name in refusal.headers})
        except Exception as error:  # noqa: BLE001 - a fault of ours; only its type is logged, its text may hold a token
            _log.error("report failed", extra={"error": type(error).__name__})
            answer = self._answer(Result.UNAVAILABLE, status=HTTPStatus.INTERNAL_SERVER_ERROR)
        answer.force_close()
        return answer

    async def report(self, request: web.Request) -> web.Response:
        """Handle POST …/dead-token."""
        key = Key(request.match_info["namespace"], request.match_info["name"])
        user: User | None = None
        try:
            if not self._handling.ready():
                return self._answer(Result.UNAVAILABLE, retry_seconds=_ELSEWHERE_SECONDS)
            if not await _has_small_body(request):
                return self._log_and_answer(Result.TOO_LARGE, key, user)
            token = _bearer(request)
            user = await self._consumers.authenticate(token) if token else None
            if user is None:
                return self._log_and_answer(Result.UNAUTHENTICATED, key, user)
            return self._log_and_answer(await self._take(key, user), key, user)
        except ClusterError as error:
            _log.warning("report not checked", extra={"error": error})
            return self._log_and_answer(Result.UNAVAILABLE, key, user)

    async def _take(self, key: Key, user: User) -> Result:
        """Return the result of an authenticated user's report.

        A credential's existence is shown only to users who may read its Secret; that there is no such credential only
        to users who may read every Secret of the namespace. Both take one question to the API server.
        """
        target = self._handling.target_of(key)
        if not await self._consumers.may_report(user, key, AccessReview("get", key.namespace, target or "")):
            return Result.FORBIDDEN
        if target is None:
            return Result.NOT_FOUND
        return Result.ACCEPTED if self._handling.report(key) else Result.REPEATED

    def _log_and_answer(self, result: Result, key: Key, user: User | None) -> web.Response:
        user_name = user.name if user is not None else "unknown"
        _log.info("token reported dead", extra={"credential": key, "user": user_name, "outcome": result.word})
        return self._answer(result)

    def _answer(self, result: Result, *, status: int = 0, retry_seconds: int = _RETRY_SECONDS) -> web.Response:
        self._handling.count(result.word)
        answer = web.json_response({"result": result.word, "message": result.message}, status=status or result.status)
        if result is Result.UNAUTHENTICATED:
            answer.headers["WWW-Authenticate"] = "Bearer"
        if result in (Result.RATE_LIMITED, Result.UNAVAILABLE):
            answer.headers["Retry-After"] = str(retry_seconds)
        return answer


async def _has_small_body(request: web.Request) -> bool:
    """Return whether the body is small and arrives soon; its content does not matter."""
    if (request.content_length or 0) > LARGEST_BODY:
        return False
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            await request.read()
    except (TimeoutError, web.HTTPRequestEntityTooLarge):
        return False
    return True


def _bearer(request: web.Request) -> Sensitive | None:
    """Return the bearer token of a request, if it has exactly one."""
    values = request.headers.getall("Authorization", [])
    scheme, _, token = (values[0] if len(values) == 1 else "").partition(" ")
    usable = token.isascii() and token.isprintable() and " " not in token and len(token) <= _LONGEST_TOKEN
    return Sensitive(token) if scheme.lower() == "bearer" and token and usable else None
