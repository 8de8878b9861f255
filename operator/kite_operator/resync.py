"""The paginated LIST that makes good whatever a watch has missed: mark and sweep, at start and every few minutes."""

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Mapping
from typing import Any

from kite_operator.cluster.api import Cluster, credentials_path, secrets_path
from kite_operator.cluster.owned import GRANT
from kite_operator.desired import Change, Desired, Wish
from kite_operator.model.errors import OperatorError
from kite_operator.model.parse import parse_credential
from kite_operator.model.resource import CREDENTIAL_LABEL, ROLE_LABEL, Key

_log = logging.getLogger(__name__)


class Resync:
    """Lists into the desired state; `ask` brings the next list forward."""

    def __init__(self, cluster: Cluster, desired: Desired, namespaces: tuple[str, ...]) -> None:
        """`namespaces` to list; none means all of them."""
        self._cluster = cluster
        self._desired = desired
        self._namespaces = namespaces or ("",)
        self._asked = asyncio.Event()
        self._errands: set[asyncio.Task[None]] = set()

    async def list_all(self) -> Change:
        """List every KiteCredential and every login grant, and take what is not listed as gone."""
        self._asked.clear()
        self._desired.begin_list()
        wishes: list[Wish] = []
        grants: list[tuple[Key, str]] = []
        for namespace in self._namespaces:
            bodies = self._cluster.list(credentials_path(namespace))
            wishes += [Wish.of(parse_credential(body)) async for body in bodies]
            path = secrets_path(namespace) if namespace else "/api/v1/secrets"
            secrets = self._cluster.list(path, selector=f"{ROLE_LABEL}={GRANT},{CREDENTIAL_LABEL}")
            grants += [_grant_of(secret["metadata"]) async for secret in secrets]
        return self._desired.replace_all(wishes, grants)

    def ask(self) -> None:
        """List soon."""
        self._asked.set()

    async def wait(self, seconds: float) -> None:
        """Until the next list is due or asked for."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._asked.wait(), seconds)

    def spawn(self, errand: Coroutine[Any, Any, None]) -> None:
        """Run a small errand beside the rest; its failure is logged, and the next look makes good for it."""

        async def guarded() -> None:
            try:
                await errand
            except OperatorError as error:
                _log.warning("an errand failed: %s", error)

        task = asyncio.create_task(guarded())
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)


def _grant_of(metadata: Mapping[str, Any]) -> tuple[Key, str]:
    return Key(metadata["namespace"], metadata["labels"][CREDENTIAL_LABEL]), metadata["name"]
