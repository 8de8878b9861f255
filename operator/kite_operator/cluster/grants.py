"""Login grants: Secrets by which a user's login reaches the operator.

Every user whom Kubernetes lets create Secrets in the namespace may make one: type `kite-operator.dev/login-grant`, our
labels (role grant, credential), key `request_token`. It is marked as taken before its exchange, and deleted after it.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from kite_operator.cluster.api import Cluster, Manifest, secrets_path
from kite_operator.cluster.owned import GRANT, is_ours, owned_manifest
from kite_operator.decide.observed import Grant
from kite_operator.model.expiry import parse_rfc3339, rfc3339
from kite_operator.model.resource import GROUP, Credential
from kite_operator.model.sensitive import Sensitive

GRANT_TYPE = "kite-operator.dev/login-grant"
REQUEST_TOKEN_KEY = "request_token"  # noqa: S105 - the name of a key
TAKEN_ANNOTATION = f"{GROUP}/taken-at"
_REQUEST_TOKEN = re.compile(r"[A-Za-z0-9_-]{8,128}")


async def read_grants(cluster: Cluster, credential: Credential, names: Iterable[str]) -> tuple[Grant, ...]:
    """Return the existing grants of these names for this credential, oldest first, misfits included."""
    namespace = credential.key.namespace
    secrets = [await cluster.find(secrets_path(namespace, name)) for name in sorted(names)]
    grants = [_grant(secret) for secret in secrets if secret is not None and _is_grant(secret, credential)]
    return tuple(sorted(grants, key=lambda grant: (grant.created, grant.name)))


def _is_grant(secret: Manifest, credential: Credential) -> bool:
    """Return whether it is labelled as a grant; False for a used one that a finalizer of another client keeps."""
    if secret["metadata"].get("deletionTimestamp"):
        return False
    return is_ours(secret, credential, GRANT)


def _grant(secret: Manifest) -> Grant:
    metadata, misfit = secret["metadata"], secret.get("type") != GRANT_TYPE
    return Grant(
        name=metadata["name"],
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        request_token=None if misfit else _request_token(secret),
        taken_at=_taken_at(metadata.get("annotations") or {}),
        created=metadata.get("creationTimestamp", ""),
        misfit=misfit,
    )


def _taken_at(annotations: Mapping[str, str]) -> datetime | None:
    """Return the start of its exchange; an unreadable time, changed by another client, counts as long ago."""
    if TAKEN_ANNOTATION not in annotations:
        return None
    return parse_rfc3339(annotations[TAKEN_ANNOTATION]) or datetime(1970, 1, 1, tzinfo=UTC)


def _request_token(secret: Manifest) -> Sensitive | None:
    try:
        text = base64.b64decode((secret.get("data") or {})[REQUEST_TOKEN_KEY], validate=True).decode("ascii").strip()
    except (KeyError, ValueError, binascii.Error):
        return None
    return Sensitive(text) if _REQUEST_TOKEN.fullmatch(text) else None


async def take(cluster: Cluster, credential: Credential, grant: Grant, now: datetime) -> None:
    """Mark the grant as being exchanged; Conflict when another process was faster."""
    path = secrets_path(credential.key.namespace, grant.name)
    patch = {
        "metadata": {
            "uid": grant.uid,
            "resourceVersion": grant.resource_version,
            "annotations": {TAKEN_ANNOTATION: rfc3339(now)},
        }
    }
    await cluster.merge_patch(path, patch)


async def create_grant(cluster: Cluster, credential: Credential, name: str, request_token: Sensitive) -> None:
    """Write the grant of a user's login; Conflict when a grant of this name exists already.

    Kubernetes collects it after its credential, if it is never taken.
    """
    manifest = owned_manifest(credential, None, name=name, role=GRANT)
    manifest["type"] = GRANT_TYPE
    manifest["data"] = {REQUEST_TOKEN_KEY: base64.b64encode(request_token.reveal().encode()).decode()}
    await cluster.create(secrets_path(credential.key.namespace), manifest)


async def drop(cluster: Cluster, credential: Credential, grant: Grant) -> None:
    """Delete the grant: it has been used or refused."""
    await cluster.delete(secrets_path(credential.key.namespace, grant.name), uid=grant.uid)
