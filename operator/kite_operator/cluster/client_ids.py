"""Client ID list of a namespace: the annotation on the Namespace that limits the client IDs of its credentials.

Without it, a user who may create KiteCredentials in a namespace could claim another user's client ID, and use up the
login attempts of that account. Users of a namespace cannot, as a rule, edit the Namespace itself.
"""

import re
from dataclasses import dataclass, field

from kite_operator.clock import Clock
from kite_operator.cluster.api import Cluster, Manifest, namespaces_path
from kite_operator.model.errors import Forbidden
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import GROUP
from kite_operator.model.sources import Problem

CLIENT_IDS_ANNOTATION = f"{GROUP}/client-ids"
OFF = "off"
REQUIRED = "required"
CACHE_SECONDS = 20.0
"""Shortest time between two reads of a Namespace; a blocked credential is requeued after 30 s, and sees the change."""
_SEPARATORS = re.compile(r"[,\s]+")


@dataclass(slots=True)
class ClientIDList:
    """Check of client IDs against the Namespaces; `rule` is off, optional (if the annotation is set) or required."""

    cluster: Cluster
    clock: Clock
    rule: str = "optional"
    _known: dict[str, tuple[float, Manifest | None]] = field(default_factory=dict)

    async def problem(self, namespace: str, client_id: str) -> Problem | None:
        """Return the reason why a credential in `namespace` may not act for `client_id`, or None when it may."""
        if self.rule == OFF:
            return None
        try:
            found = await self._namespace(namespace)
        except Forbidden:
            return Problem(
                Reason.CLIENT_NOT_ALLOWED,
                f"the operator may not read Namespace {namespace!r}, whose annotation {CLIENT_IDS_ANNOTATION} may "
                "limit the client IDs",
                "Give the operator the right get on namespaces, or run it with --namespace-client-ids off.",
            )
        listed = ((found or {}).get("metadata", {}).get("annotations") or {}).get(CLIENT_IDS_ANNOTATION)
        if listed is None and self.rule != REQUIRED:
            return None
        if client_id in _SEPARATORS.split(listed or ""):
            return None
        return Problem(
            Reason.CLIENT_NOT_ALLOWED,
            f"client ID {client_id} is not in the annotation {CLIENT_IDS_ANNOTATION} of Namespace {namespace!r}",
            "Ask the owner of the Namespace to add it, or correct spec.clientID in a new KiteCredential.",
        )

    async def _namespace(self, name: str) -> Manifest | None:
        now = self.clock.boottime()
        read_at, found = self._known.get(name, (-CACHE_SECONDS, None))
        if now - read_at >= CACHE_SECONDS:
            found = await self.cluster.find(namespaces_path(name))
            self._known = {other: seen for other, seen in self._known.items() if now - seen[0] < CACHE_SECONDS}
            self._known[name] = now, found
        return found
