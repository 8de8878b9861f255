"""Ownership of Secrets by the operator, and the metadata that every Secret of ours carries.

A Secret is ours by its labels (role and credential) in the credential's namespace, not by a uid: a KiteCredential that
is deleted and created again inherits the Secrets of its predecessor, so that a living token costs no login.
"""

from collections.abc import Mapping
from typing import Any

from kite_operator.cluster.api import Manifest
from kite_operator.model.resource import API_VERSION, CREDENTIAL_LABEL, GROUP, KIND, ROLE_LABEL, Credential

MANAGED_BY = {"app.kubernetes.io/managed-by": "kite-operator"}
ADOPT_ANNOTATION = f"{GROUP}/adopt-by"

TARGET = "target"
STATE = "state"
GRANT = "grant"
SOURCE = "source"


def labels_of(credential: Credential, role: str) -> dict[str, str]:
    """Return the labels of a Secret of ours."""
    return {**MANAGED_BY, ROLE_LABEL: role, CREDENTIAL_LABEL: credential.key.name}


def owner_of(credential: Credential) -> dict[str, Any]:
    """Return the ownerReference for the Secret's collection after its KiteCredential; it blocks no deletion."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": credential.key.name,
        "uid": credential.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }


def is_ours(secret: Mapping[str, Any], credential: Credential, role: str) -> bool:
    """Return whether `secret` carries our labels for this credential and role."""
    labels = secret["metadata"].get("labels") or {}
    return labels.get(ROLE_LABEL) == role and labels.get(CREDENTIAL_LABEL) == credential.key.name


def owned_manifest(
    credential: Credential, existing: Manifest | None, *, name: str, role: str, collected: bool = True
) -> Manifest:
    """Return a Secret of ours without data: new, or with the identity and foreign metadata of the one that it replaces.

    Kubernetes collects it after its credential, unless `collected` is False.
    """
    metadata: dict[str, Any] = {"name": name, "namespace": credential.key.namespace}
    if existing is not None:
        seen = existing["metadata"]
        metadata |= {"uid": seen["uid"], "resourceVersion": seen["resourceVersion"]}
        metadata["labels"] = dict(seen.get("labels") or {})
        metadata["annotations"] = dict(seen.get("annotations") or {})
    metadata["labels"] = {**metadata.get("labels", {}), **labels_of(credential, role)}
    metadata["ownerReferences"] = [owner_of(credential)] if collected else []
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}
