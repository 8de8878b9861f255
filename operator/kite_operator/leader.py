"""Leader election among replicas: the holder of one coordination.k8s.io Lease works; the others stand by, warm.

The Lease decides only which replica works. The account Leases and preconditions ensure that two processes never submit
the same attempt, and that none overwrites another's writes. So a leader that does not know yet that it has lost the
lead, because it was frozen or cut off, does no harm (P1, P3).

No clock of another machine is trusted: a standby measures, by its own boot-time, how long the Lease has not changed.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from kite_operator.clock import Clock
from kite_operator.cluster.api import Cluster, Manifest, leases_path
from kite_operator.model.errors import Conflict, NotFound, OperatorError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Terms:
    """Times in seconds: a Lease holds for `lease`; it is renewed every `renew`, and checked by a standby every `look`.

    A leader gives up before its Lease expires. A new leader is found within `lease + look`.
    """

    lease: float = 10.0
    renew: float = 2.0
    give_up: float = 7.0
    look: float = 1.0


@dataclass(frozen=True, slots=True)
class ObservedLease:
    """The version of the Lease and the time, in seconds of our own boot-time, when it was first seen."""

    version: str
    at: float

    @classmethod
    def of(cls, lease: Manifest, previous: "ObservedLease | None", now: float) -> "ObservedLease":
        """Return the previous observation while the Lease has not changed, and a new one otherwise."""
        version = f"{lease['metadata']['uid']}/{lease['metadata']['resourceVersion']}"
        return previous if previous is not None and previous.version == version else cls(version, now)


def is_free(lease: Manifest, seen: ObservedLease, now: float, identity: str, terms: Terms) -> bool:
    """Return whether `identity` may take the Lease: it was released, or not renewed for as long as it holds.

    It may also take its own Lease: a write whose answer was lost may have been made.
    """
    spec = lease.get("spec") or {}
    holds_for = float(spec.get("leaseDurationSeconds") or terms.lease)
    return spec.get("holderIdentity") in (None, "", identity) or now - seen.at >= holds_for


class Leadership:
    """One candidate. `campaign` ends when it leads, `hold` when it has lost the lead; `resign` releases the Lease."""

    def __init__(self, cluster: Cluster, clock: Clock, path: tuple[str, str], identity: str) -> None:
        """Create a candidate for the Lease `path` (namespace, name). Without a name there is no Lease, and it leads."""
        self._cluster = cluster
        self._clock = clock
        self._namespace, self._name = path
        self._identity = identity
        self._held: Manifest | None = None
        self._renewed_at = 0.0
        self.terms = Terms()

    @property
    def is_shared(self) -> bool:
        """Return whether there is a Lease at all."""
        return bool(self._name)

    async def campaign(self, on_check: Callable[[], None]) -> None:
        """Return when this process leads; `on_check` is called at every check of the Lease."""
        seen: ObservedLease | None = None
        logged = False
        while self.is_shared:
            on_check()
            try:
                async with asyncio.timeout(self.terms.lease):
                    seen = await self._try_once(seen)
                logged = False
            except (OperatorError, TimeoutError) as error:
                if not logged:
                    _log.warning("leader Lease not readable", extra={"lease": self._name, "error": error})
                logged = True
            if self._held is not None:
                _log.info("leading", extra={"lease": self._name})
                return
            await self._clock.sleep(self.terms.look)

    async def hold(self) -> None:
        """Renew the Lease; return when it is lost, or could not be renewed for too long."""
        while not self.is_shared or await self._renew():
            await self._clock.sleep(self.terms.renew)
        self._held = None
        _log.warning("not leading any more", extra={"lease": self._name})

    async def resign(self) -> None:
        """Release the Lease, so that another replica leads at once."""
        if self._held is None:
            return
        held, self._held = self._held, None
        try:
            async with asyncio.timeout(self.terms.renew):
                await self._write(held, "")
        except (OperatorError, TimeoutError):
            _log.info("leader Lease not released: it expires", extra={"lease": self._name})

    async def _try_once(self, seen: ObservedLease | None) -> ObservedLease | None:
        """Check the Lease once, and try to take it when it is free."""
        asked_at = self._clock.boottime()
        lease = await self._cluster.find(leases_path(self._namespace, self._name))
        if lease is not None:
            seen = ObservedLease.of(lease, seen, asked_at)
            if not is_free(lease, seen, asked_at, self._identity, self.terms):
                return seen
        try:
            self._held = await self._write(lease, self._identity)
        except (Conflict, NotFound):
            return None  # another candidate took it first
        self._renewed_at = asked_at
        return None

    async def _renew(self) -> bool:
        """Return whether the Lease still belongs to this process for a while."""
        asked_at = self._clock.boottime()
        left = self._renewed_at + self.terms.give_up - asked_at
        if self._held is None or left <= 0:
            return False
        try:
            async with asyncio.timeout(left):
                self._held = await self._write_ours(self._held)
        except (Conflict, NotFound):
            return False
        except (OperatorError, TimeoutError) as error:
            _log.warning("leader Lease not renewed", extra={"lease": self._name, "error": error})
            return self._clock.boottime() - self._renewed_at < self.terms.give_up
        self._renewed_at = asked_at
        return True

    async def _write_ours(self, held: Manifest) -> Manifest:
        """Renew the Lease. If it has changed and still names us, we changed it: the answer to a renewal was lost."""
        try:
            return await self._write(held, self._identity)
        except Conflict:
            found = await self._cluster.find(leases_path(self._namespace, self._name))
            if found is None or (found.get("spec") or {}).get("holderIdentity") != self._identity:
                raise
            return await self._write(found, self._identity)

    async def _write(self, lease: Manifest | None, holder: str) -> Manifest:
        now = self._clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        before = (lease or {}).get("spec") or {}
        changed = before.get("holderIdentity") != holder
        spec = {
            "holderIdentity": holder,
            "leaseDurationSeconds": int(self.terms.lease),
            "acquireTime": now if changed else before.get("acquireTime", now),
            "renewTime": now,
            "leaseTransitions": int(before.get("leaseTransitions") or 0) + (1 if changed and holder else 0),
        }
        manifest = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": lease["metadata"] if lease is not None else {"name": self._name},
            "spec": spec,
        }
        if lease is None:
            return await self._cluster.create(leases_path(self._namespace), manifest)
        return await self._cluster.replace(leases_path(self._namespace, self._name), manifest)
