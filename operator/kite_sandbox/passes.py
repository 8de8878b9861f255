"""Short-lived passes of the login: what a request_id, a cookie, a sess_id or a request_token stands for."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from kite_sandbox.confidential import fingerprint

RETENTION = timedelta(days=1)
"""A spent pass is remembered this long, so that a call that presents it still counts for its account."""


class Issued(Protocol):
    """Anything with a time of issue."""

    @property
    def issued_at(self) -> datetime:
        """Return when it was issued."""


PassT = TypeVar("PassT", bound=Issued)


@dataclass(frozen=True, slots=True)
class PendingLogin:
    """A password was accepted; the second factor is awaited."""

    client_id: str
    issued_at: datetime


@dataclass(frozen=True, slots=True)
class WebSession:
    """A completed login in a browser, valid while the account's epoch has not moved on."""

    client_id: str
    epoch: int
    issued_at: datetime


@dataclass(frozen=True, slots=True)
class Connecting:
    """A browser on its way through /connect for one app; `extra` are the decoded redirect_params."""

    client_id: str
    api_key: str
    extra: tuple[tuple[str, str], ...]
    issued_at: datetime


@dataclass(frozen=True, slots=True)
class RequestToken:
    """A login that may be exchanged once for a session."""

    client_id: str
    api_key: str
    issued_at: datetime
    used: bool = False

    def usable(self, now: datetime, ttl_s: float) -> bool:
        """Return whether it can still be exchanged at `now`."""
        return not self.used and now < self.issued_at + timedelta(seconds=ttl_s)


class PassBook(Generic[PassT]):
    """Passes by their token; old ones fall off the front, which costs nothing per request."""

    def __init__(self) -> None:
        self._passes: dict[str, PassT] = {}

    def add(self, token: str, value: PassT) -> None:
        """Enter a pass and drop those past their retention."""
        self._passes[fingerprint(token)] = value
        while (oldest := next(iter(self._passes))) and self._passes[oldest].issued_at < value.issued_at - RETENTION:
            del self._passes[oldest]

    def find(self, token: str) -> PassT | None:
        """The pass of a token, spent or not."""
        return self._passes.get(fingerprint(token))

    def update(self, token: str, change: Callable[[PassT], PassT]) -> None:
        """Replace the value of a known pass."""
        mark = fingerprint(token)
        self._passes[mark] = change(self._passes[mark])

    def drop(self, token: str) -> None:
        """Forget a pass."""
        self._passes.pop(fingerprint(token), None)
