"""What a notification Secret holds, parsed once; a problem names line and key, and never shows a URL (P4)."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from kite_operator.model.sensitive import Sensitive

URLS_KEY = "urls"
MOST_URLS = 8
LONGEST_URL = 2048


@dataclass(frozen=True, slots=True)
class Line:
    """One URL and the number of its line, counted from one."""

    number: int
    url: Sensitive


@dataclass(frozen=True, slots=True)
class NotifyUrls:
    """The usable lines, and what is wrong with the rest."""

    lines: tuple[Line, ...] = ()
    problems: tuple[str, ...] = ()


def parse_notify_secret(name: str, data: Mapping[str, str] | None) -> NotifyUrls:
    """The lines of a Secret's base64 `data` (None: the Secret does not exist)."""
    if data is None:
        return _only(
            f"Secret {name!r} (spec.notifySecretRef) does not exist in this namespace: create it with the key urls"
        )
    if URLS_KEY not in data:
        return _only(f"Secret {name!r} has no key {URLS_KEY!r}: add it, with one URL a line")
    try:
        text = base64.b64decode(data[URLS_KEY] or "", validate=True).decode("utf-8")
    except ValueError:  # not base64, or not UTF-8
        return _only(f"key {URLS_KEY!r} of Secret {name!r} is not text (binary data): write one URL a line")
    lines: list[Line] = []
    problems: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        url = line.strip()
        if not url or url.startswith("#"):
            continue
        problem = _problem(url, len(lines))
        if problem:
            problems.append(place(name, number, problem))
        else:
            lines.append(Line(number, Sensitive(url)))
    if not lines and not problems:
        return _only(f"key {URLS_KEY!r} of Secret {name!r} has no URL: write one a line")
    return NotifyUrls(tuple(lines), tuple(problems))


def place(name: str, number: int, problem: str) -> str:
    """A problem of one line, as people are told it."""
    return f"line {number} of key {URLS_KEY!r} of Secret {name!r} {problem}"


def _problem(url: str, before: int) -> str:
    if before >= MOST_URLS:
        return f"is one URL too many: {MOST_URLS} are used at most"
    if len(url) > LONGEST_URL:
        return f"is too long: a URL has at most {LONGEST_URL} characters"
    if not url.isascii() or not url.isprintable() or " " in url:
        return "has characters that a URL cannot have: encode them as %XX"
    return ""


def _only(problem: str) -> NotifyUrls:
    return NotifyUrls(problems=(problem,))
