"""The account Lease: one per client ID, in the account namespace; every change is a compare-and-swap.

The Lease object's own fields show people who is logging in (holderIdentity, renewTime); the record that the rules in
`decide/budget.py` work on is one annotation. A Lease is created before a first attempt only.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from kite_operator.clock import Clock
from kite_operator.cluster.api import Cluster, Manifest, leases_path
from kite_operator.model.account import AttemptLedger, dump, load
from kite_operator.model.errors import Conflict, NotFound, OperatorError, ReservationLost, ReservationRefused
from kite_operator.model.reasons import Reason

RECORD_ANNOTATION = "kite-operator.dev/account"
ACCOUNT_LABEL = "kite-operator.dev/account"
_MOST_RACES = 20
_MOST_REMEMBERED = 256

Change = Callable[[AttemptLedger], AttemptLedger]


def lease_name(client_id: str) -> str:
    """`kite-account-<lowercased client ID>`."""
    return f"kite-account-{client_id.lower()}"


class Accounts:
    """Reads and changes account records. `seed` of a call is what a missing Lease starts from.

    The Leases that were written last are remembered, so that a login's next change needs no read before its write: a
    stale one fails its compare-and-swap, and whatever would be refused because of one is judged anew on a fresh read.
    """

    def __init__(self, cluster: Cluster, clock: Clock, namespace: str) -> None:
        """`namespace` is the account namespace."""
        self.cluster = cluster
        self.clock = clock
        self.namespace = namespace
        self._remembered: OrderedDict[str, Manifest] = OrderedDict()

    async def read(self, client_id: str) -> AttemptLedger | None:
        """The record, or None when there is no Lease; ReservationRefused when it cannot be understood."""
        lease = await self.cluster.find(leases_path(self.namespace, lease_name(client_id)))
        return None if lease is None else ledger_of(lease, client_id)

    async def change(self, client_id: str, change: Change, *, seed: AttemptLedger) -> AttemptLedger:
        """Apply `change` by compare-and-swap; what it raises goes through, and nothing is written then.

        `change` may run several times, each time on the newest record: it must be pure.
        """
        remembered = self._remembered.pop(client_id, None)
        if remembered is not None:
            changed = await self._change_remembered(remembered, client_id, change)
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

    async def _change_remembered(self, lease: Manifest, client_id: str, change: Change) -> AttemptLedger | None:
        """The change made on a remembered Lease, or None when only a fresh read can tell."""
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
        self._remembered[ledger.client_id] = written
        while len(self._remembered) > _MOST_REMEMBERED:
            self._remembered.popitem(last=False)

    def _manifest(self, lease: Manifest, ledger: AttemptLedger) -> Manifest:
        now = self.clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        metadata: dict[str, Any] = dict(lease.get("metadata") or {"name": lease_name(ledger.client_id)})
        metadata["annotations"] = {**(metadata.get("annotations") or {}), RECORD_ANNOTATION: dump(ledger)}
        metadata["labels"] = {**(metadata.get("labels") or {}), ACCOUNT_LABEL: ledger.client_id}
        holder = {"holderIdentity": ledger.locks[0].by} if ledger.locks else {}
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": metadata,
            "spec": {"renewTime": now, **holder},
        }


def ledger_of(lease: Manifest, client_id: str) -> AttemptLedger:
    """The record that a Lease holds; ReservationRefused when it cannot be understood: then nothing is submitted."""
    annotations = lease["metadata"].get("annotations") or {}
    try:
        ledger = load(annotations[RECORD_ANNOTATION])
    except (KeyError, ValueError):
        ledger = None
    if ledger is None or ledger.client_id != client_id:
        raise ReservationRefused(
            Reason.ATTEMPT_BUDGET_EXHAUSTED,
            f"the attempt ledger (annotation {RECORD_ANNOTATION} of Lease {lease['metadata']['name']}) cannot be read: "
            "nothing is submitted. Restore it, or delete the Lease after logging in once by hand at the broker",
        )
    return ledger
