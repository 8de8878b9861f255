"""Client of the Kubernetes API: plain JSON in and out, typed errors, bounded time, a count of every call.

It drives the official client's own transport (`kubernetes.aio`: configuration, TLS, tokens and their renewal) with
plain dictionaries instead of its generated models: those refuse what a newer API server sends, and cost memory.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from typing import Any, Self
from urllib.parse import quote

import aiohttp
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import load_incluster_config, load_kube_config

from kite_operator.model.errors import ClusterError, ClusterUnavailable, Conflict, Forbidden, NotFound, Unprocessable
from kite_operator.model.resource import API_VERSION, PLURAL
from kite_operator.observers import notify_observer

Manifest = dict[str, Any]
PAGE = 500
"""Objects per page of a LIST."""

MERGE_PATCH = "application/merge-patch+json"


async def connect(kubeconfig: str | None, *, timeout_seconds: float, connections: int) -> "Cluster":
    """Return a Cluster from the given kubeconfig file, or from the pod's service account when there is none."""
    configuration = Configuration()
    if kubeconfig or not os.environ.get("KUBERNETES_SERVICE_HOST"):
        await load_kube_config(config_file=kubeconfig, client_configuration=configuration)  # type: ignore[no-untyped-call]  # upstream
    else:
        load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]  # upstream
    configuration.connection_pool_maxsize = connections
    return Cluster(ApiClient(configuration=configuration), timeout_seconds=timeout_seconds)


class Cluster:
    """Client that sends requests to the API server.

    `observe` is called with (verb, resource, HTTP status; 0 for no answer, seconds) for each, by the clock `boottime`.
    """

    def __init__(self, client: ApiClient, *, timeout_seconds: float) -> None:
        """`timeout_seconds` bounds one request in all."""
        self._client = client
        self._timeout = timeout_seconds
        self.observe: Callable[[str, str, int, float], None] = lambda _verb, _resource, _status, _seconds: None
        self.boottime: Callable[[], float] = lambda: 0.0

    @property
    def configuration(self) -> Configuration:
        """Address and authentication of the API server: Kopf's watches use the same."""
        configuration: Configuration = self._client.configuration
        return configuration

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()  # type: ignore[no-untyped-call]  # upstream

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def get(self, path: str) -> Manifest:
        """Return one object; NotFound when it is absent."""
        return await self._request("GET", path)

    async def find(self, path: str) -> Manifest | None:
        """Return one object, or None."""
        try:
            return await self._request("GET", path)
        except NotFound:
            return None

    async def list(self, path: str, *, selector: str = "") -> AsyncIterator[Manifest]:
        """Yield all objects under `path`, page by page. A list that expired half-way starts again (410)."""
        token = ""
        while True:
            query = {"limit": str(PAGE)} | ({"labelSelector": selector} if selector else {})
            try:
                page = await self._request("GET", path, query=query | ({"continue": token} if token else {}))
            except ClusterError as error:
                if error.status != GONE or not token:
                    raise
                token = ""
                continue
            for item in page.get("items") or ():
                yield item
            token = (page.get("metadata") or {}).get("continue", "")
            if not token:
                return

    async def create(self, path: str, manifest: Mapping[str, Any]) -> Manifest:
        """Send a POST; Conflict when the name is taken."""
        return await self._request("POST", path, body=manifest)

    async def replace(self, path: str, manifest: Mapping[str, Any], *, dry_run: bool = False) -> Manifest:
        """Send a PUT with uid and resourceVersion, so that only the version that was read is replaced (else Conflict).

        With `dry_run` the API server checks rights, admission and the object as usual, and writes nothing.
        """
        metadata = manifest["metadata"]
        if not metadata.get("resourceVersion") or not metadata.get("uid"):
            raise ValueError("a replacement names the uid and resourceVersion that it replaces")
        return await self._request("PUT", path, query={"dryRun": "All"} if dry_run else None, body=manifest)

    async def merge_patch(self, path: str, patch: Mapping[str, Any]) -> Manifest:
        """Send a PATCH (RFC 7396)."""
        return await self._request("PATCH", path, body=patch, content_type=MERGE_PATCH)

    async def delete(self, path: str, *, uid: str, resource_version: str = "") -> None:
        """Send a DELETE for exactly the object that was read; an absent one is no error."""
        preconditions = {"uid": uid} | ({"resourceVersion": resource_version} if resource_version else {})
        body = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": preconditions}
        with suppress(NotFound):
            await self._request("DELETE", path, body=body)

    async def _request(
        self,
        verb: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> Manifest:
        what = f"{verb} {path}"
        status, started = 0, self.boottime()
        try:
            async with asyncio.timeout(self._timeout):
                method, url, headers, payload, form = await self._client.param_serialize(
                    verb,
                    path,
                    query_params=list((query or {}).items()),
                    header_params={"Accept": "application/json", "Content-Type": content_type},
                    body=body,
                    auth_settings=["BearerToken"],
                )
                response = await self._client.call_api(method, url, headers, payload, form)
                status = response.status
                text = await response.read()  # type: ignore[no-untyped-call]  # upstream
        except (aiohttp.ClientError, TimeoutError, OSError):
            # The foreign exception's text may hold a URL or a body: only the missing answer is reported.
            raise ClusterUnavailable(what, status=0) from None
        finally:
            resource = path.rsplit("/", maxsplit=1)[-1] if verb == "POST" else _resource(path)
            notify_observer(self.observe, verb, resource, status, self.boottime() - started)
        return _answer(what, status, text)


GONE = 410
_ERRORS: Mapping[int, type[ClusterError]] = {
    400: Unprocessable,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    422: Unprocessable,
}


def _answer(what: str, status: int, text: bytes) -> Manifest:
    if 200 <= status < 300:  # noqa: PLR2004 - the range of success
        try:
            return dict(json.loads(text))
        except ValueError:
            raise ClusterUnavailable(what, status=status) from None
    if status in _ERRORS:
        raise _ERRORS[status](what, status=status)
    if status == GONE:
        raise ClusterError(what, status=status)
    raise ClusterUnavailable(what, status=status)


def _resource(path: str) -> str:
    """Return the plural that a path is about: bounded, for metrics."""
    parts = path.strip("/").split("/")
    if "namespaces" not in parts:
        return parts[-1]
    inside = parts[parts.index("namespaces") + 2 :]
    return inside[0] if inside else "namespaces"


def secrets_path(namespace: str, name: str = "") -> str:
    """Return the path of the Secrets of a namespace, or of one of them."""
    return _join(f"/api/v1/namespaces/{quote(namespace, safe='')}/secrets", name)


def events_path(namespace: str) -> str:
    """Return the path of the core Events of a namespace."""
    return f"/api/v1/namespaces/{quote(namespace, safe='')}/events"


def leases_path(namespace: str, name: str = "") -> str:
    """Return the path of the Leases of a namespace, or of one of them."""
    return _join(f"/apis/coordination.k8s.io/v1/namespaces/{quote(namespace, safe='')}/leases", name)


def namespaces_path(name: str) -> str:
    """Return the path of one Namespace."""
    return f"/api/v1/namespaces/{quote(name, safe='')}"


def credentials_path(namespace: str, name: str = "") -> str:
    """Return the path of the KiteCredentials of a namespace (or of all, when it is empty), or of one of them."""
    if not namespace:
        return f"/apis/{API_VERSION}/{PLURAL}"
    return _join(f"/apis/{API_VERSION}/namespaces/{quote(namespace, safe='')}/{PLURAL}", name)


def workload_path(namespace: str, kind: str, name: str) -> str:
    """Return the path of a Deployment, StatefulSet or DaemonSet."""
    return _join(f"/apis/apps/v1/namespaces/{quote(namespace, safe='')}/{quote(kind.lower(), safe='')}s", name)


def _join(path: str, name: str) -> str:
    return f"{path}/{quote(name, safe='')}" if name else path
