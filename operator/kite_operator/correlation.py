"""What a log line is about: fields that belong to everything a task does, from a decision to its last broker call.

They travel with the task (a context variable), so that nobody has to hand them on, and a line that a library writes in
the middle of it bears them as well.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_NOTHING: Mapping[str, str] = {}
_fields: ContextVar[Mapping[str, str]] = ContextVar("correlation", default=_NOTHING)


def fields() -> Mapping[str, str]:
    """The fields of the present task: credential, client, action, decision; names and ids only, never a secret."""
    return _fields.get()


@contextmanager
def about(**more: str) -> Iterator[None]:
    """Everything inside is about this too."""
    token = _fields.set({**_fields.get(), **more})
    try:
        yield
    finally:
        _fields.reset(token)
