"""Account Lease: one per client ID, in the account namespace; every change is a compare-and-swap.

The Lease's own fields show which process is logging in (holderIdentity, renewTime). The attempt ledger that the rules
in `decide/budget.py` work on is one annotation. A Lease is created only before a first attempt.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from kite_operator.clock import Clock
from kite_operator.cluster.api import Cluster, Manifest, leases_path
from kite_operator.model.account import AttemptLedger, dump, load
from kite_operator.model.errors import Conflict, NotFound, OperatorError, ReservationLost, ReservationRefused
from kite_operator.model.reasons import Reason

LEDGER_ANNOTATION = "kite-operator.dev/account"
ACCOUNT_LABEL = "kite-operator.dev/account"
_MOST_RACES = 20
_MOST_CACHED = 256

Change = Callable[[AttemptLedger], AttemptLedger]


def lease_name(client_id: str) -> str:
    """Return `kite-account-<lowercased client ID>`."""
    return f"kite-account-{client_id.lower()}"


class Accounts:
    """Reads and changes attempt ledgers. `seed` of a call is the initial ledger of a missing Lease.

    The Leases that were written last are cached, so that a login's next change needs no read before its write. A stale
    one fails its compare-and-swap, and a refusal based on a cached Lease is decided again on a fresh read.
    """

    def __init__(self, cluster: Cluster, clock: Clock, namespace: str) -> None:
        """`namespace` is the account namespace."""
        self.cluster = cluster
        self.clock = clock
        self.namespace = namespace
        self._cached: OrderedDict[str, Manifest] = OrderedDict()

    async def read(self, client_id: str) -> AttemptLedger | None:
        """Return the ledger, or None when there is no Lease; ReservationRefused when it cannot be parsed."""
        lease = await self.cluster.find(leases_path(self.namespace, lease_name(client_id)))
        return None if lease is None else ledger_of(lease, client_id)

    async def change(self, client_id: str, change: Change, *, seed: AttemptLedger) -> AttemptLedger:
        """Apply `change` by compare-and-swap; its exceptions propagate, and nothing is written then.

        `change` may run several times, each time on the newest ledger: it must be pure.
        """
        cached = self._cached.pop(client_id, None)
        if cached is not None:
            changed = await self._change_cached(cached, client_id, change)
            if changed is not None:
                return changed
        path = leases_path(self.namespace, lease_name(client_id))
        for _ in range(_MOST_RACES):
            lease = await self.cluster.find(path)
            before = seed if lease is None else ledger_of(lease, client_id)
            after = change(before)
            if lease is not None and after == before:
                return after
            try:
                await self._write(lease, after)
            except (Conflict, NotFound):
                continue
            return after
        raise OperatorError(f"account Lease {lease_name(client_id)} changed {_MOST_RACES} times under our hands")

    async def _change_cached(self, lease: Manifest, client_id: str, change: Change) -> AttemptLedger | None:
        """Apply the change to a cached Lease; None when a fresh read is needed."""
        try:
            before = ledger_of(lease, client_id)
            after = change(before)
            if after == before:
                return None
            await self._write(lease, after)
        except (Conflict, NotFound, ReservationRefused, ReservationLost):
            return None
        return after

    async def _write(self, lease: Manifest | None, ledger: AttemptLedger) -> None:
        if lease is None:
            written = await self.cluster.create(leases_path(self.namespace), self._manifest({}, ledger))
        else:
            path = leases_path(self.namespace, lease["metadata"]["name"])
            written = await self.cluster.replace(path, self._manifest(lease, ledger))
        self._cached[ledger.client_id] = written
        while len(self._cached) > _MOST_CACHED:
            self._cached.popitem(last=False)

    def _manifest(self, lease: Manifest, ledger: AttemptLedger) -> Manifest:
        now = self.clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        metadata: dict[str, Any] = dict(lease.get("metadata") or {"name": lease_name(ledger.client_id)})
        metadata["annotations"] = {**(metadata.get("annotations") or {}), LEDGER_ANNOTATION: dump(ledger)}
        metadata["labels"] = {**(metadata.get("labels") or {}), ACCOUNT_LABEL: ledger.client_id}
        holder = {"holderIdentity": ledger.locks[0].by} if ledger.locks else {}
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": metadata,
            "spec": {"renewTime": now, **holder},
        }


def ledger_of(lease: Manifest, client_id: str) -> AttemptLedger:
    """Return the ledger that a Lease holds; ReservationRefused when it cannot be parsed: nothing is submitted then."""
    annotations = lease["metadata"].get("annotations") or {}
    try:
        ledger = load(annotations[LEDGER_ANNOTATION])
    except (KeyError, ValueError):
        ledger = None
    if ledger is None or ledger.client_id != client_id:
        raise ReservationRefused(
            Reason.ATTEMPT_BUDGET_EXHAUSTED,
            f"the attempt ledger (annotation {LEDGER_ANNOTATION} of Lease {lease['metadata']['name']}) cannot be read, "
            "so that nothing is submitted. Restore it, or log in once by hand at Kite and then delete the Lease",
        )
    return ledger
