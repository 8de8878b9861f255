"""Previous targets: Secrets that were the target before `spec.target.name` was changed; removed, kept or marked.

Only Secrets with our labels for this credential are read. Their data is never written: a previous target keeps the
token that it held.
"""

import asyncio
from collections.abc import Iterable

from kite_operator.cluster.api import Cluster, Manifest, secrets_path
from kite_operator.cluster.owned import TARGET, is_ours
from kite_operator.cluster.target import DEAD, REPLACED_ANNOTATION, TOKEN_STATE_ANNOTATION, session_of
from kite_operator.decide.observed import PreviousTarget
from kite_operator.model.resource import Credential


async def read_previous(cluster: Cluster, credential: Credential, hinted: Iterable[str]) -> tuple[Manifest, ...]:
    """Return our Secrets that were the target: the one of `status.secretName`, and those that the watch knows."""
    names = {credential.status.secret_name, *hinted} - {"", credential.target.name}
    reads = (cluster.find(secrets_path(credential.key.namespace, name)) for name in sorted(names))
    found = await asyncio.gather(*reads)
    return tuple(secret for secret in found if secret is not None and is_ours(secret, credential, TARGET))


def view_previous(secret: Manifest, credential: Credential) -> PreviousTarget:
    """Return a previous target as the policies see it."""
    metadata = secret["metadata"]
    annotations = metadata.get("annotations") or {}
    return PreviousTarget(
        name=metadata["name"],
        session=session_of(secret),
        owned=any(owner.get("uid") == credential.uid for owner in metadata.get("ownerReferences") or ()),
        marked_dead=annotations.get(TOKEN_STATE_ANNOTATION) == DEAD,
        replaced_by=annotations.get(REPLACED_ANNOTATION, ""),
    )


async def remove_previous(cluster: Cluster, credential: Credential, secret: Manifest) -> None:
    """Delete exactly the Secret that was read; Conflict when it has changed since."""
    seen = secret["metadata"]
    path = secrets_path(credential.key.namespace, seen["name"])
    await cluster.delete(path, uid=seen["uid"], resource_version=seen["resourceVersion"])


async def keep_previous(cluster: Cluster, credential: Credential, secret: Manifest) -> None:
    """Let the Secret outlive the credential, and annotate it with the name of the Secret that replaces it."""
    owners = [owner for owner in secret["metadata"].get("ownerReferences") or () if owner.get("uid") != credential.uid]
    await _annotate(cluster, credential, secret, {REPLACED_ANNOTATION: credential.target.name}, owners)


async def mark_previous_dead(cluster: Cluster, credential: Credential, secret: Manifest) -> None:
    """Mark the Secret's token as known to be dead."""
    owners = secret["metadata"].get("ownerReferences") or []
    await _annotate(cluster, credential, secret, {TOKEN_STATE_ANNOTATION: DEAD}, owners)


async def _annotate(
    cluster: Cluster, credential: Credential, secret: Manifest, annotations: dict[str, str], owners: list[Manifest]
) -> None:
    metadata = secret["metadata"]
    changed = {
        **metadata,
        "annotations": {**(metadata.get("annotations") or {}), **annotations},
        "ownerReferences": owners,
    }
    path = secrets_path(credential.key.namespace, metadata["name"])
    await cluster.replace(path, {**secret, "metadata": changed})
