"""Logging: one line per decision on standard error, in UTC, as text or JSON; other libraries log warnings only.

The last defence against leaks is here (P4): every secret that the process holds at that moment is removed from each
formatted line, of our own or of a library, and so is any text that looks like a secret in an address or header.
"""

import json
import logging
import re
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TextIO

from kite_operator import correlation
from kite_operator.model.sensitive import HIDDEN, hide

_log = logging.getLogger(__name__)

_QUIETER = "urllib3"
"""The library whose warnings show whole URLs, secret ones of webhooks too: `Failed to parse headers (url=…)`."""
_SILENT = "opentelemetry"
"""The library that quotes addresses and answers; `tracing.py` logs the problems of a collector."""
FORMATS = ("text", "json")

_SECONDS = "%Y-%m-%dT%H:%M:%S"
_LOUD = ("kopf", "kubernetes", "aiohttp", "urllib3", "kiteconnect", "asyncio")
_FIRST = ("credential", "client", "action", "reason", "decision", "step", "outcome")
"""The fields that come first, in this order; the others follow in the order of the call."""
_OF_LOGGING = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime"})
"""Attributes of every record: any other attribute was given with `extra`."""
_LOOKS_SECRET = re.compile(
    r"""(?ix)
    (?:\b|(?<=%[\da-f]{2}))
    (request_token|access_token|refresh_token|enctoken|public_token|api_key|api_secret|password|totp_secret|twofa_value
       |checksum|sess_id|kf_session)
    (?: (["']?\s*(?:=|%3D|:)\s*(["'])) (?:\\.|(?!\3).)*
      | (\s*(?:=|%3D)\s* | ["']?\s*:\s*(?=[^\s"'&;,]*\d)) [^\s"'&;,]+
    )
    | \b(authorization["']?\s*[=:]\s*["']?) (?:token|bearer|basic)? \s* [^\s"'&;,]+
    """
)
"""Pattern of a value that looks secret.

A value in quotes is hidden up to the closing quote. A value without quotes after a colon is hidden only if it has a
digit: `password: success` is a sentence of ours.
"""


def set_up_logging(level: str, form: str = "text") -> None:
    """Log from `level` up; libraries log warnings and worse, never at debug, where some of them show secrets (P4)."""
    logging.raiseExceptions = False  # a line that cannot be formatted would be printed with its arguments
    handler = _StandardError()
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _LOUD:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger(_QUIETER).setLevel(logging.ERROR)
    logging.getLogger(_SILENT).setLevel(logging.CRITICAL + 1)
    logging.getLogger("kopf").addFilter(_expected)
    logging.getLogger("kopf._core.reactor.running").addFilter(_expected)


class _StandardError(logging.StreamHandler[TextIO]):
    """The handler for standard error. A line that cannot be formatted is our defect, reported without its values."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Write a short line for a record that failed; logging calls this inside its `except`."""
        kind = type(sys.exc_info()[1]).__name__
        with suppress(OSError, ValueError):  # standard error is closed
            self.stream.write(f"a line of {record.name} ({record.filename}:{record.lineno}) is missing: {kind}\n")


def redacted(text: str) -> str:
    """Return `text` without the secrets that the process holds now, and without values that look secret."""
    return _LOOKS_SECRET.sub(_hidden, hide(text))


def _hidden(match: re.Match[str]) -> str:
    name, quoted, _, sign, header = match.groups()
    return f"{header}{HIDDEN}" if header else f"{name}{quoted or sign}{HIDDEN}"


class TextFormatter(logging.Formatter):
    """Formats `time level logger message key=value…`, redacted."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s", datefmt=f"{_SECONDS}Z")
        self.converter = time.gmtime

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, and the lines of a traceback where there is one."""
        first, *more_lines = super().format(record).split("\n")
        pairs = "".join(f" {name}={_quoted(value)}" for name, value in fields_of(record).items())
        return redacted("\n".join([first + pairs, *more_lines]))


class JsonFormatter(logging.Formatter):
    """Formats one object a line: time, level, logger, message, fields, and the traceback where there is one."""

    def __init__(self) -> None:
        super().__init__()
        self.converter = time.gmtime

    def format(self, record: logging.LogRecord) -> str:
        """Return one line of JSON; every text in it is redacted before it is quoted."""
        whole = {
            "time": f"{self.formatTime(record, _SECONDS)}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **fields_of(record),
        }
        if record.exc_info:
            whole["traceback"] = self.formatException(record.exc_info)
        return json.dumps({name: redacted(value) for name, value in whole.items()}, ensure_ascii=False)


def fields_of(record: logging.LogRecord) -> dict[str, str]:
    """Return the fields of the line's task and those given with the line; None and empty values are left out."""
    given = {name: value for name, value in vars(record).items() if name not in _OF_LOGGING}
    known: dict[str, Any] = {**correlation.fields(), **given}
    ordered = {name: known[name] for name in _FIRST if name in known} | known
    return {name: str(value) for name, value in ordered.items() if value is not None and value != ""}


def _quoted(value: str) -> str:
    """Return the value of a `key=value` pair, in quotes where it would not be one word."""
    return json.dumps(value, ensure_ascii=False) if re.search(r"[\s\"=]", value) or not value else value


def log_loop_error(_: object, context: Mapping[str, Any]) -> None:
    """Log an error that the event loop did not handle: type and place only, since a repr may hold a secret."""
    error = context.get("exception")
    message = str(context.get("message", "")).partition("(")[0].strip()
    _log.error("uncaught exception: %s", _kind_and_place(error), extra={"detail": message})


def set_up_hooks() -> None:
    """Log uncaught exceptions of every thread, and those raised in destructors, by type and place."""
    sys.excepthook = lambda _kind, error, _frames: _log.critical("uncaught exception: %s", _kind_and_place(error))
    threading.excepthook = lambda raised: _log.critical("uncaught exception: %s", _kind_and_place(raised.exc_value))
    sys.unraisablehook = lambda raised: _log.error("unraisable exception: %s", _kind_and_place(raised.exc_value))


def _kind_and_place(error: object) -> str:
    """Return the types of an exception and its causes, each with its frames; their texts may hold anything."""
    chain, seen = [], set[int]()
    while isinstance(error, BaseException) and id(error) not in seen:
        seen.add(id(error))
        chain.append(f"{type(error).__name__}\n{''.join(traceback.format_tb(error.__traceback__))}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "caused by ".join(chain) or "unknown"


def _expected(record: logging.LogRecord) -> bool:
    """Return False for Kopf's warning about signals: it runs in a thread on purpose, and we handle signals."""
    return "OS signals are ignored" not in record.getMessage()
