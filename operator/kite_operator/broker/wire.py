"""HTTP requests and answers as values: their `repr` shows neither addresses nor contents.

The web login and the adapter over the official client judge the same kind of answer, so that a 429, an HTML page or a
broken body means the same in both.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from kite_operator.model.clockoffset import ClockOffset, measured
from kite_operator.model.errors import Step

LONGEST_RETRY_AFTER_SECONDS = 3600.0
"""Longest Retry-After; a longer one is cut: a broken proxy must not stop a credential for a day."""

ERROR_TYPES = frozenset(
    {
        "DataException",
        "GeneralException",
        "HoldingException",
        "InputException",
        "MarginException",
        "NetworkException",
        "OrderException",
        "PermissionException",
        "TokenException",
        "TwoFAException",
        "UserException",
    },
)
"""The `error_type`s of Kite's documentation and login pages: only these are ever shown to users."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request of a login; `url` holds the api_key and `form` may hold a factor, so that neither is shown."""

    step: Step
    method: str
    url: str = field(repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Envelope:
    """Kite's JSON answer: `{"status": …, "data": …}` or `{"status": "error", "message": …, "error_type": …}`."""

    is_success: bool
    is_error: bool
    error_type: str | None = field(repr=False)
    message: str = field(repr=False)
    data: object = field(repr=False)

    @property
    def known_type(self) -> str | None:
        """The `error_type` when it is one of Kite's own; anything else is foreign text and never shown."""
        return self.error_type if self.error_type in ERROR_TYPES else None


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """One answer. `headers` has lower-case names; `body` may be cut at a limit.

    `received_at` (aware) is the time at which its headers were there, `asked_at` the time just before its request was
    written; None when that is not known.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    received_at: datetime
    asked_at: datetime | None = None

    @classmethod
    def of(
        cls,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        received_at: datetime,
        asked_at: datetime | None = None,
    ) -> "HttpResponse":
        """Return an answer from headers of any case; of a repeated header the last one counts."""
        return cls(status, {name.lower(): value for name, value in headers.items()}, body, received_at, asked_at)

    def header(self, name: str) -> str | None:
        """Return the header `name` in any case, or None."""
        return self.headers.get(name.lower())

    @property
    def content_type(self) -> str:
        """The media type without parameters, in lower case; empty when the answer names none."""
        return (self.header("content-type") or "").partition(";")[0].strip().lower()

    @property
    def is_page(self) -> bool:
        """True for a page for browsers (HTML, plain text), as gateways and firewalls answer in Kite's place."""
        return self.envelope is None and self.content_type.startswith("text/")

    @property
    def envelope(self) -> Envelope | None:
        """Kite's JSON envelope, or None for anything else.

        The body decides, not the content type: an answer about a wrong password must count as one, even when the header
        is missing or wrong.
        """
        try:
            document = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        if not isinstance(document, dict):
            return None
        kind, message = document.get("error_type"), document.get("message")
        return Envelope(
            is_success=document.get("status") == "success" and not kind,
            is_error=document.get("status") == "error" or bool(kind),
            error_type=kind if isinstance(kind, str) else None,
            message=message if isinstance(message, str) else "",
            data=document.get("data"),
        )

    @property
    def succeeded(self) -> bool:
        """True for a 200 with an envelope that reports success."""
        envelope = self.envelope
        return self.status == HTTPStatus.OK and envelope is not None and envelope.is_success

    @property
    def refused(self) -> bool:
        """True when the broker understood and refused: an error envelope outside of 429 and 5xx."""
        envelope = self.envelope
        understood = self.status != HTTPStatus.TOO_MANY_REQUESTS and self.status < HTTPStatus.INTERNAL_SERVER_ERROR
        return understood and envelope is not None and envelope.is_error

    @property
    def retry_after_seconds(self) -> float | None:
        """Seconds that the broker asks to wait, in [0, `LONGEST_RETRY_AFTER_SECONDS`]; None when it names none."""
        return parse_retry_after(self.header("retry-after"), self.received_at)

    @property
    def clock_offset(self) -> ClockOffset | None:
        """Offset of our clock from the one that dated this answer; None when the answer does not give it.

        An answer out of a cache (`Age`, RFC 9111 section 5.1) has the date of an earlier request.
        """
        dated = parse_http_date(self.header("date"))
        if dated is None or self.asked_at is None or (self.header("age") or "0").strip() != "0":
            return None
        return measured(dated=dated.timestamp(), asked=self.asked_at.timestamp(), answered=self.received_at.timestamp())

    def describe(self) -> str:
        """Return the status, and the error type when it is a known one: nothing else of an answer may be shown."""
        envelope = self.envelope
        kind = envelope.known_type if envelope is not None else None
        return f"HTTP {self.status} {kind}" if kind else f"HTTP {self.status}"


def parse_retry_after(text: str | None, now: datetime) -> float | None:
    """Return the seconds of a Retry-After header (delta-seconds or HTTP date, RFC 9110 section 10.2.3), at most 1 h."""
    if text is None:
        return None
    stripped = text.strip()
    if stripped.isascii() and stripped.isdigit():
        seconds = float(stripped)
    else:
        moment = parse_http_date(stripped)
        if moment is None:
            return None
        seconds = (moment - now).total_seconds()
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER_SECONDS)


def parse_http_date(text: str | None) -> datetime | None:
    """Return an aware datetime from an HTTP date; None for anything that is not one."""
    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
