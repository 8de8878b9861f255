"""The paginated LIST that corrects missed watch events: mark and sweep, at start and every few minutes."""

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Mapping
from typing import Any

from kite_operator.cluster.api import Cluster, credentials_path, secrets_path
from kite_operator.cluster.owned import GRANT
from kite_operator.desired import Change, Desired, DesiredCredential
from kite_operator.model.errors import Forbidden, OperatorError
from kite_operator.model.parse import parse_credential
from kite_operator.model.resource import CREDENTIAL_LABEL, ROLE_LABEL, Key

_log = logging.getLogger(__name__)


class Resync:
    """Lists into the desired state; `ask` requests the next list soon."""

    def __init__(self, cluster: Cluster, desired: Desired, namespaces: tuple[str, ...]) -> None:
        """Create a resync of `namespaces`; none means all of them."""
        self._cluster = cluster
        self._desired = desired
        self._namespaces = namespaces or ("",)
        self.refused: frozenset[str] = frozenset()
        self._asked = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def list_all(self) -> Change:
        """List every KiteCredential and every login grant; unlisted ones count as deleted.

        A namespace in which that is `refused` (it was deleted and its Role with it, or the Role is missing) stops none
        of the others, and its known objects are kept. Raises Forbidden when it is refused everywhere.
        """
        self._asked.clear()
        self._desired.begin_list()
        credentials: list[DesiredCredential] = []
        grants: list[tuple[Key, str]] = []
        refused: dict[str, Forbidden] = {}
        for namespace in self._namespaces:
            try:
                found = await self._list(namespace)
            except Forbidden as error:
                refused[namespace] = error
                continue
            credentials += found[0]
            grants += found[1]
        if len(refused) == len(self._namespaces):
            raise next(iter(refused.values()))
        self._log_refused(frozenset(refused))
        return self._desired.replace_all(credentials, grants, unlisted=self.refused)

    async def _list(self, namespace: str) -> tuple[list[DesiredCredential], list[tuple[Key, str]]]:
        bodies = self._cluster.list(credentials_path(namespace))
        credentials = [DesiredCredential.of(parse_credential(body)) async for body in bodies]
        path = secrets_path(namespace) if namespace else "/api/v1/secrets"
        secrets = self._cluster.list(path, selector=f"{ROLE_LABEL}={GRANT},{CREDENTIAL_LABEL}")
        return credentials, [_grant_of(secret["metadata"]) async for secret in secrets]

    def _log_refused(self, refused: frozenset[str]) -> None:
        """Log the namespaces that are not served any more, and those that are served again."""
        before, self.refused = self.refused, refused
        for namespace in sorted(refused - before):
            _log.error("namespace not served: the API server refuses to list it", extra={"namespace": namespace})
        for namespace in sorted(before - refused):
            _log.info("namespace served again", extra={"namespace": namespace})

    def ask(self) -> None:
        """Request a list soon."""
        self._asked.set()

    async def wait(self, seconds: float) -> None:
        """Wait until the next list is due or requested."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._asked.wait(), seconds)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a small task in the background; its failure is logged, and corrected by the next reconcile."""

        async def guarded() -> None:
            try:
                await work
            except OperatorError as error:
                _log.warning("background task failed", extra={"error": error})

        task = asyncio.create_task(guarded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _grant_of(metadata: Mapping[str, Any]) -> tuple[Key, str]:
    return Key(metadata["namespace"], metadata["labels"][CREDENTIAL_LABEL]), metadata["name"]
