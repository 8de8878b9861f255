"""Derived Secret that trading pods mount: its contents, its ownership, and its writes.

Created by POST, replaced by PUT with the uid and resourceVersion that were read; a Conflict means: reconcile again. It
never holds the api_secret. Server-side apply is not used: it cannot refuse to overwrite another client's Secret.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from kite_operator.cluster.api import Cluster, Manifest, secrets_path
from kite_operator.cluster.contents import contents, parse_claim, parse_contents
from kite_operator.cluster.owned import ADOPT_ANNOTATION, TARGET, is_ours, labels_of, owned_manifest
from kite_operator.decide.observed import TargetView
from kite_operator.model.expiry import IST, parse_rfc3339, rfc3339
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import CREDENTIAL_LABEL, DELETE, GROUP, Credential
from kite_operator.model.sensitive import Sensitive
from kite_operator.model.session import AppKeys, Session
from kite_operator.model.sources import Problem

EXPIRES_ANNOTATION = f"{GROUP}/expires-at"
REFRESHED_ANNOTATION = f"{GROUP}/refreshed-at"
TOKEN_STATE_ANNOTATION = f"{GROUP}/token-state"
APP_TYPE_ANNOTATION = f"{GROUP}/app-type"
MANAGED_ANNOTATION = f"{GROUP}/managed-metadata"
REPLACED_ANNOTATION = f"{GROUP}/replaced-by"
LIVE = "Live"
DEAD = "Dead"
TARGET_TYPE = "Opaque"


@dataclass(frozen=True, slots=True)
class Managed:
    """Record, in an annotation of the Secret, of the `spec.target` that it was written for.

    `labels` and `annotations` are the keys that came from there: without them in the spec they are removed again, while
    foreign ones stay. `version` distinguishes one `spec.target` from another.
    """

    labels: tuple[str, ...] = ()
    annotations: tuple[str, ...] = ()
    version: str = ""

    @classmethod
    def of(cls, credential: Credential) -> Self:
        """Return the record for a Secret that is written now."""
        target = credential.target
        whole = [target.name, target.deletion_policy, target.formats, {**target.labels}, {**target.annotations}]
        whole += [credential.app_type] if credential.app_type else []
        digest = hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()
        return cls(tuple(sorted(target.labels)), tuple(sorted(target.annotations)), digest[:16])

    @classmethod
    def on(cls, secret: Manifest) -> Self:
        """Return the record of this Secret; an empty one when the annotation is missing or not in our form."""
        try:
            raw = json.loads((secret["metadata"].get("annotations") or {})[MANAGED_ANNOTATION])
            return cls(_names(raw["labels"]), _names(raw["annotations"]), str(raw["version"]))
        except (KeyError, TypeError, ValueError):
            return cls()

    def dump(self) -> str:
        """Return the annotation's value."""
        raw = {"annotations": self.annotations, "labels": self.labels, "version": self.version}
        return json.dumps(raw, sort_keys=True)


def _names(raw: Iterable[object]) -> tuple[str, ...]:
    return tuple(str(name) for name in raw)


def view_target(
    secret: Manifest | None, credential: Credential, session: Session | None, prefixes: tuple[str, ...] = ()
) -> TargetView:
    """Return the derived Secret as the policies see it; `session` is the one that it should hold."""
    forbidden = _forbidden_metadata(credential, prefixes)
    if secret is None:
        return TargetView(problem=forbidden, outdated=credential.status.secret_name not in ("", credential.target.name))
    problem = _problem(secret, credential) or forbidden
    if problem is not None:
        return TargetView(exists=True, problem=problem)
    annotations = secret["metadata"].get("annotations") or {}
    return TargetView(
        exists=True,
        session=session_of(secret),
        matches=session is not None and _matches(secret, credential, session),
        marked_dead=annotations.get(TOKEN_STATE_ANNOTATION) == DEAD,
        outdated=Managed.on(secret).version not in ("", Managed.of(credential).version),
    )


def _forbidden_metadata(credential: Credential, prefixes: tuple[str, ...]) -> Problem | None:
    """Return a problem for a forbidden prefix: another controller may act on the Secret, even copy it away (P4)."""
    for where, entries in (("labels", credential.target.labels), ("annotations", credential.target.annotations)):
        for key in sorted(entries):
            prefix, slash, _ = key.rpartition("/")
            if slash and prefix not in prefixes:
                return Problem(
                    Reason.INVALID_SPEC,
                    f"spec.target.{where} has {key!r}, and the prefix {prefix!r} is not allowed on derived Secrets",
                    "Use a key without a prefix, or ask the operator's administrator to allow this one "
                    "(--target-metadata-prefixes).",
                )
    return None


def _problem(secret: Manifest, credential: Credential) -> Problem | None:
    name, metadata = credential.target.name, secret["metadata"]
    if not is_ours(secret, credential, TARGET) and not _may_adopt(secret, credential):
        other = (metadata.get("labels") or {}).get(CREDENTIAL_LABEL)
        whose = f"belongs to KiteCredential {other!r}" if other else "was not made by the operator"
        return Problem(
            Reason.TARGET_NOT_OWNED,
            f"Secret {name!r} (spec.target.name) exists and {whose}: it is never overwritten",
            f"Choose another name, delete the Secret, or set the annotation {ADOPT_ANNOTATION}={credential.key.name} "
            "on it, so that the operator takes it over.",
        )
    if secret.get("immutable"):
        return Problem(Reason.TARGET_UNWRITABLE, f"Secret {name!r} (spec.target.name) is immutable", "Delete it.")
    if secret.get("type", TARGET_TYPE) != TARGET_TYPE:
        return Problem(
            Reason.TARGET_UNWRITABLE,
            f"Secret {name!r} (spec.target.name) is of another type than {TARGET_TYPE}, which never changes",
            "Delete it.",
        )
    return None


def _may_adopt(secret: Manifest, credential: Credential) -> bool:
    """Return whether the annotation on the Secret allows this credential to adopt it."""
    return (secret["metadata"].get("annotations") or {}).get(ADOPT_ANNOTATION) == credential.key.name


def _annotations(credential: Credential, session: Session) -> dict[str, str]:
    return {
        **({APP_TYPE_ANNOTATION: credential.app_type} if credential.app_type else {}),
        MANAGED_ANNOTATION: Managed.of(credential).dump(),
        EXPIRES_ANNOTATION: rfc3339(session.expires_at),
        REFRESHED_ANNOTATION: rfc3339(session.login_time),
        TOKEN_STATE_ANNOTATION: LIVE,
    }


def _matches(secret: Manifest, credential: Credential, session: Session) -> bool:
    """Return whether the Secret has no drift; the token's state is not compared, it is written on its own."""
    metadata = secret["metadata"]
    present = metadata.get("annotations") or {}
    wanted = _manifest(credential, None, session)["metadata"]
    annotations = {key: value for key, value in wanted["annotations"].items() if key != TOKEN_STATE_ANNOTATION}
    uids = [owner.get("uid") for owner in metadata.get("ownerReferences") or ()]
    return (
        (secret.get("data") or {}) == contents(session, credential.target.formats)
        and _contains(metadata.get("labels") or {}, wanted["labels"])
        and _contains(present, annotations)
        and REPLACED_ANNOTATION not in present
        and uids == [owner["uid"] for owner in wanted["ownerReferences"]]
    )


def _contains(present: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    return all(present.get(key) == value for key, value in wanted.items())


def session_of(secret: Manifest) -> Session | None:
    """Return the session that a derived Secret of ours holds, or None when it is incomplete."""
    annotations = secret["metadata"].get("annotations") or {}
    login_time = parse_rfc3339(annotations.get(REFRESHED_ANNOTATION, ""))
    return None if login_time is None else parse_contents(secret.get("data") or {}, login_time)


def adoptable_session(
    secret: Manifest | None, credential: Credential, app: AppKeys | Problem, now: datetime
) -> Session | None:
    """Return the session in a Secret that this credential may adopt; the broker has not been asked about it.

    Its owner, and its app if the Secret does not name one, are taken from the credential: the proof verifies them. Its
    login time is now, unless the annotation gives one: a token that works dies at the next 06:00, or in the present
    flush, whenever it was minted.
    """
    if secret is None or isinstance(app, Problem) or not _may_adopt(secret, credential) or _problem(secret, credential):
        return None
    if is_ours(secret, credential, TARGET) and session_of(secret) is not None:
        return None
    claim = parse_claim(secret.get("data") or {})
    if claim is None:
        return None
    stated = parse_rfc3339((secret["metadata"].get("annotations") or {}).get(REFRESHED_ANNOTATION, ""))
    token, api_key = claim
    return Session(
        user_id=credential.client_id,
        api_key=Sensitive(api_key) if api_key else app.api_key,
        access_token=Sensitive(token),
        login_time=stated if stated is not None and stated <= now else now.astimezone(IST).replace(microsecond=0),
    )


def _manifest(credential: Credential, existing: Manifest | None, session: Session) -> Manifest:
    target = credential.target
    collected = target.deletion_policy == DELETE
    manifest = owned_manifest(credential, existing, name=target.name, role=TARGET, collected=collected)
    metadata = manifest["metadata"]
    previous = Managed() if existing is None else Managed.on(existing)
    labels = _without(metadata["labels"], previous.labels)
    ours = (*previous.annotations, REPLACED_ANNOTATION, APP_TYPE_ANNOTATION)
    annotations = _without(metadata.get("annotations", {}), ours)
    metadata["labels"] = {**labels, **labels_of(credential, TARGET), **target.labels}
    metadata["annotations"] = {**annotations, **target.annotations, **_annotations(credential, session)}
    manifest["type"] = TARGET_TYPE
    manifest["data"] = contents(session, target.formats)
    return manifest


def _without(entries: Mapping[str, str], gone: Iterable[str]) -> dict[str, str]:
    names = set(gone)
    return {key: value for key, value in entries.items() if key not in names}


async def publish(cluster: Cluster, credential: Credential, existing: Manifest | None, session: Session) -> Manifest:
    """Write the derived Secret and return it as written; Conflict or NotFound when it is not the one that was read."""
    manifest = _manifest(credential, existing, session)
    namespace = credential.key.namespace
    if existing is None:
        return await cluster.create(secrets_path(namespace), manifest)
    return await cluster.replace(secrets_path(namespace, credential.target.name), manifest)


async def mark_dead(
    cluster: Cluster, credential: Credential, existing: Manifest, session: Session | None = None
) -> Manifest:
    """Mark the derived Secret's token as known to be dead, and return it as written; its data stays as it is.

    With `session`, the Secret also gets the form that `spec.target` asks for.
    """
    marked = existing if session is None else _manifest(credential, existing, session)
    metadata = marked["metadata"]
    annotations = {**(metadata.get("annotations") or {}), TOKEN_STATE_ANNOTATION: DEAD}
    marked = {**marked, "metadata": {**metadata, "annotations": annotations}}
    return await cluster.replace(secrets_path(credential.key.namespace, credential.target.name), marked)
