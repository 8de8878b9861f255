"""An API server in memory behind the one door: POST, PUT, PATCH and DELETE with their preconditions, and a journal."""

import copy
import itertools
from collections.abc import Callable, Mapping
from typing import Any

from kite_operator.cluster.api import Cluster, Manifest
from kite_operator.model.errors import Conflict, NotFound


class MemoryCluster(Cluster):
    """Objects by path, without subresources of their own; a list is one page.

    `before` is called with verb and path ahead of each request: there a test can meddle.
    """

    def __init__(self) -> None:
        self.objects: dict[str, Manifest] = {}
        self.journal: list[tuple[str, str]] = []
        self.before: Callable[[str, str], None] = lambda _verb, _path: None
        self._versions = itertools.count(1)

    def put(self, path: str, manifest: Mapping[str, Any]) -> Manifest:
        """Somebody else's write, without preconditions."""
        return self._store(path, copy.deepcopy(dict(manifest)))

    async def _request(
        self,
        verb: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> Manifest:
        assert content_type
        self.before(verb, path)
        self.journal.append((verb, path))
        sent: dict[str, Any] = copy.deepcopy(dict(body or {}))
        path = path if path in self.objects else path.removesuffix("/status")
        match verb:
            case "POST":
                named = sent["metadata"]
                named.setdefault("name", f"{named.get('generateName', '')}{next(self._versions)}")
                path = f"{path}/{named['name']}"
                if path in self.objects:
                    raise Conflict(f"{verb} {path}", status=409)
                return self._store(path, sent)
            case "PUT" | "PATCH":
                self._check(verb, path, sent.get("metadata", {}))
                if query == {"dryRun": "All"}:
                    return sent
                return self._store(path, sent if verb == "PUT" else _merged(self.objects[path], sent))
            case "DELETE":
                self._check(verb, path, sent["preconditions"])
                return self.objects.pop(path)
        if query:
            return {"items": [copy.deepcopy(each) for name, each in self.objects.items() if _lists(path, name)]}
        self._check(verb, path, {})
        return copy.deepcopy(self.objects[path])

    def _check(self, verb: str, path: str, wanted: Mapping[str, Any]) -> None:
        if path not in self.objects:
            raise NotFound(f"{verb} {path}", status=404)
        present = self.objects[path]["metadata"]
        if any(wanted.get(name, present[name]) != present[name] for name in ("uid", "resourceVersion")):
            raise Conflict(f"{verb} {path}", status=409)

    def _store(self, path: str, manifest: Manifest) -> Manifest:
        version = str(next(self._versions))
        metadata = manifest.setdefault("metadata", {})
        metadata["uid"] = self.objects.get(path, {}).get("metadata", {}).get("uid") or f"uid-{version}"
        metadata["resourceVersion"] = version
        self.objects[path] = manifest
        return copy.deepcopy(manifest)


def _lists(path: str, name: str) -> bool:
    """Whether a list of `path` has the object `name`: of one namespace, or of all."""
    collection, _, plural = path.rpartition("/")
    parent = name.rpartition("/")[0]
    return parent == path or (parent.startswith(f"{collection}/namespaces/") and parent.endswith(f"/{plural}"))


def _merged(present: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    whole = dict(present) if isinstance(present, dict) else {}
    for name, value in patch.items():
        if value is None:
            whole.pop(name, None)
        else:
            whole[name] = _merged(whole.get(name), value)
    return whole
