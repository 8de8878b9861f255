"""Collection of account Leases that are not needed any more: clean ledger, no credential, unchanged for 30 days."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from kite_operator.clock import Clock
from kite_operator.cluster.account import ACCOUNT_LABEL, ledger_of
from kite_operator.cluster.api import Cluster, Manifest, leases_path
from kite_operator.model.errors import Conflict, OperatorError, ReservationRefused

_log = logging.getLogger(__name__)

KEPT_FOR = timedelta(days=30)
SWEEP_SECONDS = 6 * 3600.0


class Janitor:
    """Deletes unused account Leases; `in_use` returns whether a client ID has a credential."""

    def __init__(self, cluster: Cluster, clock: Clock, namespace: str, in_use: Callable[[str], bool]) -> None:
        """`namespace` is the account namespace."""
        self._cluster = cluster
        self._clock = clock
        self._namespace = namespace
        self._in_use = in_use

    async def run(self) -> None:
        """Sweep every six hours, until cancelled."""
        while True:
            try:
                await self.sweep()
            except OperatorError as error:
                _log.warning("account Leases not cleaned up", extra={"error": error})
            await asyncio.sleep(SWEEP_SECONDS)

    async def sweep(self) -> int:
        """Delete the Leases that may be collected now, exactly as they were read; return their number."""
        swept = 0
        async for lease in self._cluster.list(leases_path(self._namespace), selector=ACCOUNT_LABEL):
            if not self._may_go(lease):
                continue
            metadata = lease["metadata"]
            path = leases_path(self._namespace, metadata["name"])
            try:
                await self._cluster.delete(path, uid=metadata["uid"], resource_version=metadata["resourceVersion"])
            except Conflict:
                continue
            swept += 1
            _log.info("account Lease deleted", extra={"lease": metadata["name"]})
        return swept

    def _may_go(self, lease: Manifest) -> bool:
        client_id = lease["metadata"]["labels"][ACCOUNT_LABEL]
        touched = _moment((lease.get("spec") or {}).get("renewTime", ""))
        if touched is None or self._clock.now() - touched < KEPT_FOR or self._in_use(client_id):
            return False
        try:
            return ledger_of(lease, client_id).is_clean
        except ReservationRefused:
            return False


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
