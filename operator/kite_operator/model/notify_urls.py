"""Notification Secret, parsed once; a problem names line and key, and never shows a URL (P4)."""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kite_operator.model.sensitive import Sensitive

URLS_KEY = "urls"
MOST_URLS = 8
LONGEST_URL = 1024


@dataclass(frozen=True, slots=True)
class Line:
    """One URL and the number of its line, counted from one."""

    number: int
    url: Sensitive


@dataclass(frozen=True, slots=True)
class NotifyUrls:
    """The usable lines, and the problems of the others."""

    lines: tuple[Line, ...] = ()
    problems: tuple[str, ...] = ()


def parse_notify_secret(data: Mapping[str, str] | None) -> NotifyUrls:
    """Parse the lines of a Secret's base64 `data` (None: the Secret does not exist)."""
    if data is None:
        return _only("there is no such Secret in this namespace: create it, with one URL a line")
    if URLS_KEY not in data:
        return _only("there is no such key: add it, with one URL a line")
    try:
        text = base64.b64decode(data[URLS_KEY] or "", validate=True).decode("utf-8")
    except ValueError:  # not base64, or not UTF-8
        return _only("it is not text (binary data): write one URL a line")
    return _read(text)


def _read(text: str) -> NotifyUrls:
    lines: list[Line] = []
    problems: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        url = line.strip()
        if not url or url.startswith("#"):
            continue
        if len(lines) + len(problems) == MOST_URLS:
            problems.append(place(number, f"and what follows it is not used: {MOST_URLS} URLs are at most"))
            break
        problem = _problem(url)
        if problem:
            problems.append(place(number, problem))
        else:
            lines.append(Line(number, Sensitive(url)))
    if not lines and not problems:
        problems.append("it has no URL: write one a line")
    return NotifyUrls(tuple(lines), tuple(problems))


def place(number: int, problem: str) -> str:
    """Return the message for a problem of one line."""
    return f"line {number} {problem}"


def told(name: str, problems: Iterable[str]) -> str:
    """Return all problems in one sentence that names Secret and key."""
    return f"key {URLS_KEY!r} of Secret {name!r} (spec.notifySecretRef): {'; '.join(problems)}"


def _problem(url: str) -> str:
    if len(url) > LONGEST_URL:
        return f"is too long: a URL has at most {LONGEST_URL} characters"
    if not url.isascii() or not url.isprintable() or " " in url:
        return "has characters that a URL cannot have: encode them as %XX"
    return ""


def _only(problem: str) -> NotifyUrls:
    return NotifyUrls(problems=(problem,))
