"""Log lines with their fields, as pytest shows them to a test: a pytest plugin.

Nothing is redacted here: a test that searches `caplog.text` for a secret sees what the operator handed to its log.
"""

import logging
from collections.abc import Iterable

import pytest

from kite_operator.logs import fields_of


class WithFields(logging.Formatter):
    """What another formatter makes of a line, with ` key=value …` behind the first line of its text."""

    def __init__(self, other: logging.Formatter | None = None) -> None:
        super().__init__()
        self._other = other or logging.Formatter()

    def format(self, record: logging.LogRecord) -> str:
        first, *rest = self._other.format(record).split("\n")
        return "\n".join([" ".join([first, *(f"{name}={value}" for name, value in fields_of(record).items())]), *rest])


@pytest.fixture
def caplog(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Pytest's own, whose text has the fields too."""
    caplog.handler.setFormatter(WithFields(caplog.handler.formatter))
    return caplog


def lines(records: Iterable[logging.LogRecord], logger: str = "kite_operator") -> list[str]:
    """The lines of our own loggers, or of those below `logger`."""
    return [WithFields().format(record) for record in records if record.name.startswith(logger)]
