"""Adapter over the official client: a recorder replaces its HTTP session, and the recorded answer is judged.

kiteconnect collapses its answers: an HTML page and a broken body become one exception that quotes the whole body, a
missing `error_type`, `message` or content type a TypeError or KeyError, and a missing `login_time` a KeyError *after*
the broker has spent the request_token and issued a session. So its return values and exceptions are not used: the
recorder keeps the real status, headers and body, and nothing that the broker issued is lost.
"""

import io
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import requests
import urllib3.exceptions
from kiteconnect import KiteConnect
from requests.adapters import HTTPAdapter

from kite_operator.broker.verdicts import answer_lost, unreachable
from kite_operator.broker.wire import HttpResponse
from kite_operator.clock import Clock
from kite_operator.model.clockoffset import ClockOffset
from kite_operator.model.errors import BrokerError, Step
from kite_operator.observers import notify_observer

_CHUNK_BYTES = 16 * 1024
_NEVER_CONNECTED = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.SSLError,
    urllib3.exceptions.ProxyError,
)


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """Settings of the API: `root` is its base address; timeouts in seconds: for connecting, each read, a whole body."""

    root: str = "https://api.kite.trade"
    threads: int = 8
    connect_seconds: float = 5.0
    read_seconds: float = 10.0
    body_seconds: float = 20.0
    most_body_bytes: int = 64 * 1024


class _BodyTooSlow(Exception):
    """Error for a body that did not end in time."""


class RecordingSession(requests.Session):
    """A requests session for one call: it follows no redirects, bounds the body, and keeps the answer.

    It holds no cookies of another call; its adapter, and so the pool of connections, is shared and outlives it.
    """

    def __init__(self, adapter: HTTPAdapter, settings: ApiSettings, clock: Clock) -> None:
        """`clock` dates the answer and bounds the body's duration."""
        super().__init__()
        self.adapters.clear()
        self.mount("https://", adapter)
        self.mount("http://", adapter)
        self.auth = _leave_headers_alone
        self.answer: HttpResponse | None = None
        self._settings = settings
        self._clock = clock

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002 - requests' own signature
        """Return None: a redirect is an answer like any other, and credentials never follow it."""
        return None

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send and record the request; return an answer whose body is read and bounded."""
        asked_at = self._clock.now()
        streamed = super().send(request, **{**kwargs, "stream": True})
        received_at = self._clock.now()
        try:
            body = self._read(streamed)
        finally:
            streamed.close()
        self.answer = HttpResponse.of(streamed.status_code, streamed.headers, body, received_at, asked_at)
        return _replayed(streamed, body)

    def _read(self, response: requests.Response) -> bytes:
        """Return the body up to the limit; raise when it takes longer than its time."""
        started = self._clock.boottime()
        body = bytearray()
        while len(body) < self._settings.most_body_bytes:
            chunk = response.raw.read1(_CHUNK_BYTES, decode_content=True)
            if not chunk:
                break
            body += chunk
            if self._clock.boottime() - started > self._settings.body_seconds:
                raise _BodyTooSlow
        return bytes(body[: self._settings.most_body_bytes])


def _measure_nothing(_offset: ClockOffset) -> None:
    """Default for `on_offset`: ignore the offset between the clocks."""


class ApiClient:
    """Calls of the official client in a bounded pool of threads, over one shared pool of connections."""

    def __init__(
        self, settings: ApiSettings, clock: Clock, on_offset: Callable[[ClockOffset], None] = _measure_nothing
    ) -> None:
        """Starts no thread until the first call. `on_offset` gets the offset of the clocks, in those threads."""
        _silence_request_lines()
        self._settings = settings
        self._clock = clock
        self._on_offset = on_offset
        self._adapter = HTTPAdapter(pool_connections=2, pool_maxsize=settings.threads, max_retries=0)
        self.executor = ThreadPoolExecutor(max_workers=settings.threads, thread_name_prefix="kite-api")

    def close(self) -> None:
        """Release threads and connections; calls in progress end by their timeouts."""
        self.executor.shutdown(wait=False, cancel_futures=True)
        self._adapter.close()

    def call(self, step: Step, api_key: str, make: Callable[[KiteConnect], object]) -> HttpResponse:
        """Make one call and return the broker's answer, success or error; blocks the calling thread.

        Raises `unreachable` when no connection was made and `answer_lost` for anything after that.
        """
        session = RecordingSession(self._adapter, self._settings, self._clock)
        client = KiteConnect(
            api_key=api_key,
            root=self._settings.root,
            timeout=(self._settings.connect_seconds, self._settings.read_seconds),
        )
        client.reqsession = session
        failure: BrokerError | None = None
        try:
            make(client)
        except Exception as error:  # noqa: BLE001 - the client raises nearly anything; the recorded answer is judged
            failure = unreachable(step) if _never_connected(error) else answer_lost(step)
        if session.answer is not None:
            if (offset := session.answer.clock_offset) is not None:
                notify_observer(self._on_offset, offset)
            return session.answer
        # Raised outside of the handler: the foreign exception may quote a body or an address, and must be no context.
        raise failure or answer_lost(step)


def _never_connected(error: BaseException) -> bool:
    """Return whether `error` means that nothing reached the broker: a wrong, refusing or unreachable address."""
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.ProxyError):
        return True
    if isinstance(error, requests.exceptions.SSLError | requests.exceptions.InvalidURL):
        return True
    reason = error.args[0] if isinstance(error, requests.exceptions.ConnectionError) and error.args else None
    if isinstance(reason, urllib3.exceptions.MaxRetryError):
        reason = reason.reason
    return isinstance(reason, _NEVER_CONNECTED)


def _replayed(response: requests.Response, body: bytes) -> requests.Response:
    """Return `response` with `body` in memory, for the official client to read."""
    replayed = requests.Response()
    replayed.status_code = response.status_code
    replayed.headers = response.headers
    replayed.url = response.url
    replayed.request = response.request
    replayed.encoding = response.encoding
    replayed.raw = io.BytesIO(body)
    return replayed


def _leave_headers_alone(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Return the request as it is: without an auth, requests lets a .netrc file replace the client's Authorization."""
    return request


def _drop_debug(record: logging.LogRecord) -> bool:
    return record.levelno > logging.DEBUG


def _silence_request_lines() -> None:
    """Keep urllib3's DEBUG request lines out of every log: the logout's holds the access_token in its query (P4)."""
    logging.getLogger("urllib3.connectionpool").addFilter(_drop_debug)
