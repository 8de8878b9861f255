"""What one user has asked of an API server, by the server's own audit log."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.helm import Manifest, grants

Right = tuple[str, str, str]
"""Group, resource (with its subresource) and verb, as a rule of RBAC has them."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One kind of request: a right, in a namespace; empty for what is of the whole cluster."""

    right: Right
    namespace: str
    allowed: bool


def asked_by(user: str, log: Path) -> set[Asked]:
    """Every kind of request about resources that this user has made."""
    entries = (json.loads(line) for line in log.read_text().splitlines())
    return {asked(each) for each in entries if each["user"]["username"] == user and "objectRef" in each}


def asked(entry: dict[str, Any]) -> Asked:
    """The kind of request that an entry of the log is about."""
    about = entry["objectRef"]
    resource = "/".join(part for part in (about["resource"], about.get("subresource")) if part)
    decision = (entry.get("annotations") or {}).get("authorization.k8s.io/decision")
    return Asked(
        (about.get("apiGroup", ""), resource, entry["verb"]), about.get("namespace", ""), allowed=decision == "allow"
    )


@dataclass(frozen=True, slots=True)
class Grant:
    """A right that a Role gives in its namespace, or a ClusterRole (`namespace` empty) everywhere."""

    right: Right
    namespace: str

    def covers(self, asked: Asked) -> bool:
        """Whether the request is one that this right is for."""
        return self.right == asked.right and self.namespace in ("", asked.namespace)


def granted_to(account: str, manifests: Iterable[Manifest]) -> set[Grant]:
    """What the bindings among the manifests give to a ServiceAccount of this name."""
    everything = list(manifests)
    roles = {
        (each["kind"], each["metadata"]["name"], each["metadata"].get("namespace", "")): each for each in everything
    }
    found = set()
    for each in everything:
        if each["kind"] not in ("RoleBinding", "ClusterRoleBinding"):
            continue
        if account not in [subject["name"] for subject in each["subjects"]]:
            continue
        namespace = each["metadata"].get("namespace", "")
        ref = each["roleRef"]
        role = roles[ref["kind"], ref["name"], namespace if ref["kind"] == "Role" else ""]
        found |= {Grant(right, namespace) for right in grants(role["rules"])}
    return found
