"""The derived Secret that trading pods mount: what it holds, whose it is, and how it is written.

Created by POST, replaced by PUT with the uid and resourceVersion that were seen; a Conflict means: look again. It never
holds the api_secret. Server-side apply is not used: it cannot refuse to overwrite what somebody else made.
"""

import base64
import binascii
from collections.abc import Mapping

from kite_operator.cluster.api import Cluster, Manifest, secrets_path
from kite_operator.cluster.owned import ADOPT_ANNOTATION, TARGET, is_ours, owned_manifest, owner_of
from kite_operator.decide.observed import TargetView
from kite_operator.model.expiry import parse_rfc3339, rfc3339
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import CREDENTIAL_LABEL, GROUP, Credential
from kite_operator.model.sensitive import Sensitive
from kite_operator.model.session import Session
from kite_operator.model.sources import Problem

EXPIRES_ANNOTATION = f"{GROUP}/expires-at"
REFRESHED_ANNOTATION = f"{GROUP}/refreshed-at"
TOKEN_STATE_ANNOTATION = f"{GROUP}/token-state"
LIVE = "Live"
DEAD = "Dead"
TARGET_TYPE = "Opaque"


def view_target(
    secret: Manifest | None, credential: Credential, session: Session | None, prefixes: tuple[str, ...] = ()
) -> TargetView:
    """The derived Secret as the policies see it; `session` is the one that it ought to hold."""
    forbidden = _forbidden_metadata(credential, prefixes)
    if secret is None:
        return TargetView(problem=forbidden)
    problem = _problem(secret, credential) or forbidden
    if problem is not None:
        return TargetView(exists=True, problem=problem)
    annotations = secret["metadata"].get("annotations") or {}
    return TargetView(
        exists=True,
        session=_parse(secret),
        matches=session is not None and _matches(secret, credential, session),
        marked_dead=annotations.get(TOKEN_STATE_ANNOTATION) == DEAD,
    )


def _forbidden_metadata(credential: Credential, prefixes: tuple[str, ...]) -> Problem | None:
    """A prefixed label or annotation may make another controller act on the Secret, even copy it away (P4)."""
    for where, entries in (("labels", credential.target.labels), ("annotations", credential.target.annotations)):
        for key in sorted(entries):
            prefix, slash, _ = key.rpartition("/")
            if slash and prefix not in prefixes:
                return Problem(
                    Reason.INVALID_SPEC,
                    f"spec.target.{where} has {key!r}, and prefix {prefix!r} is not allowed on derived Secrets: use a "
                    "key without a prefix, or have the operator's administrator allow it (--target-metadata-prefixes)",
                )
    return None


def _problem(secret: Manifest, credential: Credential) -> Problem | None:
    name, metadata = credential.target.name, secret["metadata"]
    adopted = (metadata.get("annotations") or {}).get(ADOPT_ANNOTATION) == credential.key.name
    if not is_ours(secret, credential, TARGET) and not adopted:
        other = (metadata.get("labels") or {}).get(CREDENTIAL_LABEL)
        whose = f"belongs to KiteCredential {other!r}" if other else "was not made by the operator"
        return Problem(
            Reason.TARGET_NOT_OWNED,
            f"Secret {name!r} (spec.target.name) exists and {whose}: it is never overwritten. Choose another name, "
            f"delete it, or allow it by the annotation {ADOPT_ANNOTATION}={credential.key.name} on that Secret",
        )
    if secret.get("immutable"):
        return Problem(Reason.TARGET_UNWRITABLE, f"Secret {name!r} (spec.target.name) is immutable: delete it")
    if secret.get("type", TARGET_TYPE) != TARGET_TYPE:
        return Problem(
            Reason.TARGET_UNWRITABLE,
            f"Secret {name!r} (spec.target.name) is of another type than {TARGET_TYPE}, which never changes: delete it",
        )
    return None


def _contents(session: Session) -> dict[str, str]:
    values = {
        "api_key": session.api_key.reveal(),
        "access_token": session.access_token.reveal(),
        "user_id": session.user_id,
        "expires_at": rfc3339(session.expires_at),
    }
    return {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}


def _annotations(session: Session) -> dict[str, str]:
    return {
        EXPIRES_ANNOTATION: rfc3339(session.expires_at),
        REFRESHED_ANNOTATION: rfc3339(session.login_time),
        TOKEN_STATE_ANNOTATION: LIVE,
    }


def _matches(secret: Manifest, credential: Credential, session: Session) -> bool:
    """Whether nothing that we would write differs; the token's state is not compared, it follows by itself."""
    metadata = secret["metadata"]
    wanted = _manifest(credential, None, session)["metadata"]
    annotations = {key: value for key, value in wanted["annotations"].items() if key != TOKEN_STATE_ANNOTATION}
    uids = [owner.get("uid") for owner in metadata.get("ownerReferences") or ()]
    return (
        (secret.get("data") or {}) == _contents(session)
        and _contains(metadata.get("labels") or {}, wanted["labels"])
        and _contains(metadata.get("annotations") or {}, annotations)
        and uids == [owner_of(credential)["uid"]]
    )


def _contains(present: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    return all(present.get(key) == value for key, value in wanted.items())


def _parse(secret: Manifest) -> Session | None:
    """The session that a derived Secret of ours holds, or None when it is not whole."""
    data, annotations = secret.get("data") or {}, secret["metadata"].get("annotations") or {}
    login_time = parse_rfc3339(annotations.get(REFRESHED_ANNOTATION, ""))
    try:
        values = {
            key: base64.b64decode(data[key], validate=True).decode() for key in ("api_key", "access_token", "user_id")
        }
    except (KeyError, ValueError, binascii.Error):
        return None
    if login_time is None or not all(values.values()):
        return None
    return Session(
        user_id=values["user_id"],
        api_key=Sensitive(values["api_key"]),
        access_token=Sensitive(values["access_token"]),
        login_time=login_time,
    )


def _manifest(credential: Credential, existing: Manifest | None, session: Session) -> Manifest:
    manifest = owned_manifest(credential, existing, name=credential.target.name, role=TARGET)
    metadata = manifest["metadata"]
    metadata["labels"] = {**metadata["labels"], **credential.target.labels}
    metadata["annotations"] = {
        **metadata.get("annotations", {}),
        **credential.target.annotations,
        **_annotations(session),
    }
    manifest["type"] = TARGET_TYPE
    manifest["data"] = _contents(session)
    return manifest


async def publish(cluster: Cluster, credential: Credential, existing: Manifest | None, session: Session) -> Manifest:
    """Write the derived Secret and give it as written; Conflict or NotFound when it is not the one that was seen."""
    manifest = _manifest(credential, existing, session)
    namespace = credential.key.namespace
    if existing is None:
        return await cluster.create(secrets_path(namespace), manifest)
    return await cluster.replace(secrets_path(namespace, credential.target.name), manifest)


async def mark_dead(cluster: Cluster, credential: Credential, existing: Manifest) -> None:
    """Say on the derived Secret that its token is known to be dead; its data stays as it is."""
    metadata = existing["metadata"]
    annotations = {**(metadata.get("annotations") or {}), TOKEN_STATE_ANNOTATION: DEAD}
    marked = {**existing, "metadata": {**metadata, "annotations": annotations}}
    await cluster.replace(secrets_path(credential.key.namespace, credential.target.name), marked)
