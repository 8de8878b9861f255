"""The audit log: one line of JSON for each submission, and for each session that was made or ended.

A failure of the audit log never blocks a login: a line that cannot be written is counted, and written to the ordinary
log instead.
"""

import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from io import TextIOWrapper
from logging.handlers import WatchedFileHandler

from kite_operator.logs import JsonFormatter
from kite_operator.observers import notify_observer

_log = logging.getLogger(__name__)
_audit = logging.getLogger("kite_operator.audit")

AUDITED = ("password", "totp", "exchange", "renewal", "logout")
"""Steps that an account's owner may want to audit: submissions, and calls that made or ended a session."""

_OWNER_ONLY = 0o600


def set_up_audit(file: str) -> None:
    """Write audit lines to `file` from now on, none when it is empty; OSError when it cannot be opened."""
    for previous in list(_audit.handlers):
        _audit.removeHandler(previous)
        previous.close()
    _audit.setLevel(logging.INFO)
    _audit.propagate = False
    _audit.disabled = not file
    if file:
        handler = _AuditFile(file, mode="a", encoding="utf-8")
        handler.setFormatter(JsonFormatter())
        _audit.addHandler(handler)


class _AuditFile(WatchedFileHandler):
    """A log file in append mode, which is opened again after it was moved. Its errors are raised, not printed."""

    def _open(self) -> TextIOWrapper:
        """Open the file. A new file is readable by its owner only; an existing one keeps its permissions."""
        return open(self.baseFilename, self.mode, encoding=self.encoding, opener=_for_owner)  # type: ignore[return-value]  # opened as text

    def handleError(self, _record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Close the file and raise the error; logging calls this in its `except`. Buffered lines count as lost."""
        error, stream = sys.exc_info()[1], self.stream
        self.stream = None  # opened again for the next line
        with suppress(OSError):
            if stream is not None:
                stream.close()
        if error is not None:
            raise error


def _for_owner(path: str, flags: int) -> int:
    return os.open(path, flags, _OWNER_ONLY)


@dataclass(slots=True)
class AuditLog:
    """The audit lines of this process, which is `operator` in them; `on_lost` is called for each line not written."""

    operator: str
    on_lost: Callable[[], None]
    _written: bool = True

    def add(self, step: str, outcome: str) -> None:
        """Write a line for the broker call `step`, if it is one of AUDITED; raises nothing."""
        if step not in AUDITED or _audit.disabled:
            return
        beside = {"step": str(step), "outcome": outcome, "operator": self.operator}
        try:
            _audit.info("broker call", extra=beside)
        except Exception as error:  # noqa: BLE001 - a disk error must not stop a login
            self._lose(error)
            _log.info("broker call, not in the audit log", extra=beside)
        else:
            self._find()

    def _lose(self, error: Exception) -> None:
        notify_observer(self.on_lost)
        if self._written:
            _log.warning("audit log not writable: its lines are written here", extra={"error": _text_of(error)})
        self._written = False

    def _find(self) -> None:
        if not self._written:
            _log.warning("audit log writable again")
        self._written = True


def _text_of(error: Exception) -> str:
    """Return the system's text for the error, or its type; the error's own text is not shown."""
    number = error.errno if isinstance(error, OSError) else None
    return os.strerror(number) if number is not None else type(error).__name__


def audited(observe: Callable[[str, str, float], None], audit: AuditLog) -> Callable[[str, str, float], None]:
    """Return `observe` with an audit line for each broker call; a failure of one does not prevent the other."""

    def observe_and_audit(step: str, outcome: str, seconds: float) -> None:
        notify_observer(observe, step, outcome, seconds)
        audit.add(step, outcome)

    return observe_and_audit
