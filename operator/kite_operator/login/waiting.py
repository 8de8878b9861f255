"""The list of credentials that wait for a login: read from the API server, and never with a secret."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

from kite_operator.clock import Clock
from kite_operator.cluster.api import Cluster, credentials_path
from kite_operator.decide import timing
from kite_operator.login.outcome import indian_time
from kite_operator.model.conditions import BLOCKED, LOGIN_REQUIRED, READY
from kite_operator.model.errors import Forbidden
from kite_operator.model.parse import parse_credential
from kite_operator.model.resource import Credential, Key
from kite_operator.model.trading_days import TradingCalendar

_KEPT_SECONDS = 1.0
"""Shortest time between two lists, however many visitors there are."""
_KEPT_TIMES = 10.0
"""Factor of a list's duration: at most a tenth of the time is spent on lists, however many credentials exist."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One row of the list; times are texts."""

    key: Key
    client_id: str
    reason: str
    expires: str
    ready_by: str
    late: bool
    order: tuple[datetime, str]


def needs_login(credential: Credential) -> bool:
    """Return whether a login by a user would help: one is requested, or the operator's own logins are blocked."""
    status = credential.status
    wanted = [status.condition(kind) for kind in (LOGIN_REQUIRED, BLOCKED)]
    return any(each is not None and each.status == "True" for each in wanted)


def waiting_of(credential: Credential, now: datetime) -> Waiting:
    """Return the row of one credential."""
    deadline = timing.deadline(credential.timing, now)
    ready = credential.status.condition(READY)
    return Waiting(
        key=credential.key,
        client_id=credential.client_id,
        reason=ready.reason if ready is not None else "",
        expires=indian_time(credential.status.expires_time),
        ready_by=f"{credential.timing.ready_by:%H:%M} Indian time" if deadline is not None else "",
        late=deadline is not None and now >= deadline,
        order=(deadline or timing.day_end(now), str(credential.key)),
    )


@dataclass(frozen=True, slots=True)
class Watched:
    """The credentials that this operator handles: those of its namespaces (all if none are given) and its class."""

    namespaces: tuple[str, ...] = ()
    class_name: str = ""

    def has_namespace(self, namespace: str) -> bool:
        """Return whether credentials of this namespace may be handled."""
        return not self.namespaces or namespace in self.namespaces

    def has(self, credential: Credential) -> bool:
        """Return whether this operator handles the credential."""
        mine = self.has_namespace(credential.key.namespace) and credential.class_name == self.class_name
        return mine and not credential.deleting


@dataclass(slots=True)
class Waitlist:
    """Lists the watched credentials that wait for a login, the most urgent first."""

    cluster: Cluster
    clock: Clock
    watched: Watched
    calendar: TradingCalendar
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _kept: tuple[Waiting, ...] = ()
    _kept_until: float | None = None

    async def rows(self) -> tuple[Waiting, ...]:
        """Return the credentials that wait for a login, from a list that is reused for some seconds."""
        async with self._lock:
            began = self.clock.boottime()
            if self._kept_until is None or began >= self._kept_until:
                self._kept = await self._listed()
                took = self.clock.boottime() - began
                self._kept_until = began + took + max(_KEPT_SECONDS, took * _KEPT_TIMES)
            return self._kept

    async def _listed(self) -> tuple[Waiting, ...]:
        """Return the rows of every namespace except the refused ones; raise Forbidden when all are refused."""
        found: list[Waiting] = []
        namespaces, refusals = self.watched.namespaces or ("",), 0
        for namespace in namespaces:
            try:
                found += await self._listed_in(namespace)
            except Forbidden:
                refusals += 1
                if refusals == len(namespaces):
                    raise
        return tuple(sorted(found, key=lambda row: row.order))

    async def _listed_in(self, namespace: str) -> list[Waiting]:
        found, now = [], self.clock.now()
        async for body in self.cluster.list(credentials_path(namespace)):
            credential = parse_credential(body).with_calendar(self.calendar)
            if self.watched.has(credential) and needs_login(credential):
                found.append(waiting_of(credential, now))
        return found
