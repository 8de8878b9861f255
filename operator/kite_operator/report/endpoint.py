"""The web app that takes reports: authenticate, authorise, and only then say anything about a credential."""

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
"""After how long to come back when the API server did not answer."""
_ELSEWHERE_SECONDS = 1
"""After how long to come back to a replica that stands by, or has just started: behind one Service is another."""


class Result(Enum):
    """What becomes of a report: the metric's label, the HTTP status, and a word for who reads the answer."""

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
    """What the endpoint asks of the operator.

    `ready` whether this process does the work, and knows every credential; `target_of` a credential's derived Secret,
    None when there is no such credential; `report` takes a report, False when there was one already; `count` hears of
    each result.
    """

    ready: Callable[[], bool]
    target_of: Callable[[Key], str | None]
    report: Callable[[Key], bool]
    count: Callable[[str], None]


def make_listener(settings: Settings, clock: Clock, cluster: Cluster, desk: ReportHandling) -> Listener | None:
    """The app on its own port, or None when no setting asks for it."""
    if not settings.report_listen:
        return None
    files = Path(settings.report_tls_cert), Path(settings.report_tls_key)
    return Listener(
        make_app(desk, Consumers(cluster, clock, settings.report_audience), Peers(clock)),
        settings.report_listen,
        clock,
        bounds=Bounds(),
        certificate=Certificate(*files) if settings.report_tls_cert else None,
    )


def make_app(desk: ReportHandling, consumers: Consumers, peers: Peers) -> web.Application:
    """The app; it is served on a port of its own."""
    endpoint = _Endpoint(desk, consumers, peers)
    app = web.Application(client_max_size=LARGEST_BODY, middlewares=[endpoint.answered])
    app.router.add_post(PATH, endpoint.report)
    return app


class _Endpoint:
    def __init__(self, desk: ReportHandling, consumers: Consumers, peers: Peers) -> None:
        self._desk = desk
        self._consumers = consumers
        self._peers = peers

    @web.middleware
    async def answered(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Whatever happens is counted, and answered in our own words; a connection serves one request."""
        try:
            self._peers.take(request.remote or "")
            answer = await handler(request)
        except Busy as busy:
            answer = self._answer(Result.RATE_LIMITED, retry_seconds=busy.seconds)
        except web.HTTPException as refusal:
            answer = self._answer(Result.INVALID, status=refusal.status)
            answer.headers.update({name: refusal.headers[name] for name in ("Allow",) if name in refusal.headers})
        except Exception as error:  # noqa: BLE001 - a fault of ours; only its kind is told, its text may hold a token
            _log.error("report failed", extra={"error": type(error).__name__})
            answer = self._answer(Result.UNAVAILABLE, status=HTTPStatus.INTERNAL_SERVER_ERROR)
        answer.force_close()
        return answer

    async def report(self, request: web.Request) -> web.Response:
        """POST …/dead-token."""
        key = Key(request.match_info["namespace"], request.match_info["name"])
        user: User | None = None
        try:
            if not self._desk.ready():
                return self._answer(Result.UNAVAILABLE, retry_seconds=_ELSEWHERE_SECONDS)
            if not await _has_small_body(request):
                return self._told(Result.TOO_LARGE, key, user)
            token = _bearer(request)
            user = await self._consumers.authenticate(token) if token else None
            if user is None:
                return self._told(Result.UNAUTHENTICATED, key, user)
            return self._told(await self._take(key, user), key, user)
        except ClusterError as error:
            _log.warning("report not checked", extra={"error": error})
            return self._told(Result.UNAVAILABLE, key, user)

    async def _take(self, key: Key, user: User) -> Result:
        """Judge a known user's report.

        Nobody learns whether a credential exists but who may read its Secret: for one that does not exist, who may read
        every Secret of the namespace. Both are one question to the API server.
        """
        target = self._desk.target_of(key)
        if not await self._consumers.may_report(user, key, AccessReview("get", key.namespace, target or "")):
            return Result.FORBIDDEN
        if target is None:
            return Result.NOT_FOUND
        return Result.ACCEPTED if self._desk.report(key) else Result.REPEATED

    def _told(self, result: Result, key: Key, user: User | None) -> web.Response:
        who = user.name if user is not None else "unknown"
        _log.info("token reported dead", extra={"credential": key, "user": who, "outcome": result.word})
        return self._answer(result)

    def _answer(self, result: Result, *, status: int = 0, retry_seconds: int = _RETRY_SECONDS) -> web.Response:
        self._desk.count(result.word)
        answer = web.json_response({"result": result.word, "message": result.message}, status=status or result.status)
        if result is Result.UNAUTHENTICATED:
            answer.headers["WWW-Authenticate"] = "Bearer"
        if result in (Result.RATE_LIMITED, Result.UNAVAILABLE):
            answer.headers["Retry-After"] = str(retry_seconds)
        return answer


async def _has_small_body(request: web.Request) -> bool:
    """Return whether the body is small and comes soon; what stands in it does not matter."""
    if (request.content_length or 0) > LARGEST_BODY:
        return False
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            await request.read()
    except (TimeoutError, web.HTTPRequestEntityTooLarge):
        return False
    return True


def _bearer(request: web.Request) -> Sensitive | None:
    """The one bearer token of a request."""
    values = request.headers.getall("Authorization", [])
    scheme, _, token = (values[0] if len(values) == 1 else "").partition(" ")
    usable = token.isascii() and token.isprintable() and " " not in token and len(token) <= _LONGEST_TOKEN
    return Sensitive(token) if scheme.lower() == "bearer" and token and usable else None
