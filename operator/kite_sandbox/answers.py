"""Answers of the core, before HTTP: values that the shell renders and that faults may replace or edit."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

JSON = "application/json"
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer.

    `outcome` is the word for the journal. `body` is text as it is, or a value to be sent as JSON. A `content_type` of
    None leaves the header out. Whatever may carry a token is not part of the repr.
    """

    outcome: str
    status: int = 200
    body: str | Mapping[str, Any] = field(default="", repr=False)
    content_type: str | None = JSON
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    cookies: tuple[tuple[str, str], ...] = field(default=(), repr=False)


def success(data: object, *, outcome: str = "accepted") -> Answer:
    """Kite's envelope around `data`."""
    return Answer(outcome, body={"status": "success", "data": data})


def page(html: str, *, outcome: str, status: int = 200) -> Answer:
    """An HTML page, which no cache may keep: its forms serve once."""
    return Answer(outcome, status=status, body=html, content_type=HTML, headers=(("Cache-Control", "no-store"),))


def redirect(location: str, *, outcome: str) -> Answer:
    """A 302 to `location`."""
    return Answer(outcome, status=302, content_type=HTML, headers=(("Location", location),))
