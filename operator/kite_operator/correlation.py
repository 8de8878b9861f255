"""Correlation fields of log lines: they belong to everything a task does, from a decision to its last broker call.

They are a context variable of the task. So no function passes them on, and a line of a library has them as well.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_NOTHING: Mapping[str, str] = {}
_fields: ContextVar[Mapping[str, str]] = ContextVar("correlation", default=_NOTHING)


def fields() -> Mapping[str, str]:
    """Return the fields of the current task: credential, client, action, decision; only names and ids, no secret."""
    return _fields.get()


@contextmanager
def about(**more: str) -> Iterator[None]:
    """Add fields to every log line inside the context."""
    token = _fields.set({**_fields.get(), **more})
    try:
        yield
    finally:
        _fields.reset(token)
