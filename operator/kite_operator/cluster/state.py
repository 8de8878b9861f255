"""State Secret `<name>-kite-state`: the session is kept here from the moment the broker has answered it (P3).

A session is *staged* here before it is proven, and stays here, marked as published, after it has been proven. A derived
Secret that was deleted or changed is restored from it without a login, after a restart too. It is never for mounting.

In mode RefreshToken the refresh_token is kept beside the session, and outlives it. It is written together with its
session, and stays until another one replaces it or the broker refuses it.
"""

import base64
import binascii
import json
from datetime import datetime
from typing import Any

from kite_operator.cluster.api import Cluster, Manifest, secrets_path
from kite_operator.cluster.owned import STATE, is_ours, owned_manifest
from kite_operator.decide.observed import Held, Renewal
from kite_operator.model.expiry import parse_rfc3339
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Credential
from kite_operator.model.sensitive import Sensitive
from kite_operator.model.session import Session
from kite_operator.model.sources import Problem

STATE_TYPE = "kite-operator.dev/state"
SESSION_KEY = "session"
RENEWAL_KEY = "renewal"


def state_problem(secret: Manifest | None, credential: Credential) -> Problem | None:
    """Return the reason why the state Secret cannot be written: it is another client's, or ours but immutable."""
    if secret is None:
        return None
    if not _is_state(secret, credential):
        return Problem(
            Reason.STATE_SECRET_NOT_OWNED,
            f"Secret {credential.state_secret!r} exists and is not the operator's, which keeps new sessions under this "
            "name",
            "Rename or delete it.",
        )
    if secret.get("immutable"):
        what = f"Secret {credential.state_secret!r} is immutable: the operator cannot keep a new session in it"
        return Problem(Reason.STATE_SECRET_NOT_OWNED, what, "Delete it.")
    return None


def _is_state(secret: Manifest, credential: Credential) -> bool:
    return is_ours(secret, credential, STATE) and secret.get("type") == STATE_TYPE


def parse_state(secret: Manifest | None, credential: Credential) -> Held | None:
    """Return the held session; None when there is none, when it does not parse, or when it is another client's."""
    if secret is None or not _is_state(secret, credential):
        return None
    try:
        raw = json.loads(base64.b64decode((secret.get("data") or {})[SESSION_KEY], validate=True))
        session = Session(
            user_id=str(raw["user_id"]),
            api_key=Sensitive(str(raw["api_key"])),
            access_token=Sensitive(str(raw["access_token"])),
            login_time=_moment(raw["login_time"]),
        )
        held = Held(session, bool(raw["published"]), _moment(raw["staged_at"]))
    except (KeyError, TypeError, ValueError, binascii.Error):
        return None
    return held if session.user_id == credential.client_id and session.access_token else None


def parse_renewal(secret: Manifest | None, credential: Credential) -> Renewal | None:
    """Return the kept refresh_token; None when there is none, or when it is another client's."""
    if secret is None or not _is_state(secret, credential):
        return None
    try:
        raw = json.loads(base64.b64decode((secret.get("data") or {})[RENEWAL_KEY], validate=True))
        renewal = Renewal(Sensitive(str(raw["api_key"])), Sensitive(str(raw["refresh_token"])))
        mine = str(raw["user_id"]) == credential.client_id
    except (KeyError, TypeError, ValueError, binascii.Error):
        return None
    return renewal if mine and renewal.refresh_token else None


async def write_state(
    cluster: Cluster, credential: Credential, existing: Manifest | None, held: Held | None
) -> Manifest:
    """Write (or with None clear) the held session; Conflict when the Secret is not the one that was read.

    A refresh_token that is kept there stays, unless the session has a new one.
    """
    manifest = owned_manifest(credential, existing, name=credential.state_secret, role=STATE)
    manifest["type"] = STATE_TYPE
    manifest["data"] = {} if held is None else {SESSION_KEY: base64.b64encode(_dump(held)).decode()}
    manifest["data"] |= _renewal(credential, existing, held)
    namespace = credential.key.namespace
    if existing is None:
        return await cluster.create(secrets_path(namespace), manifest)
    return await cluster.replace(secrets_path(namespace, credential.state_secret), manifest)


async def rehearse_state(cluster: Cluster, credential: Credential, existing: Manifest) -> None:
    """Check a write of the state Secret by a dry run at the API server, and raise its error."""
    manifest = owned_manifest(credential, existing, name=credential.state_secret, role=STATE)
    manifest["type"] = STATE_TYPE
    manifest["data"] = dict(existing.get("data") or {})
    path = secrets_path(credential.key.namespace, credential.state_secret)
    await cluster.replace(path, manifest, dry_run=True)


async def keep_renewal(
    cluster: Cluster, credential: Credential, existing: Manifest | None, renewal: Renewal
) -> Manifest:
    """Write a refresh_token and leave the session as it is; Conflict when the Secret is not the one that was read."""
    manifest = owned_manifest(credential, existing, name=credential.state_secret, role=STATE)
    manifest["type"] = STATE_TYPE
    manifest["data"] = dict((existing or {}).get("data") or {}) | _entry(credential.client_id, renewal)
    namespace = credential.key.namespace
    if existing is None:
        return await cluster.create(secrets_path(namespace), manifest)
    return await cluster.replace(secrets_path(namespace, credential.state_secret), manifest)


async def drop_renewal(cluster: Cluster, credential: Credential, existing: Manifest) -> Manifest:
    """Remove the refresh_token and nothing else; Conflict when the Secret is not the one that was read."""
    manifest = owned_manifest(credential, existing, name=credential.state_secret, role=STATE)
    manifest["type"] = STATE_TYPE
    manifest["data"] = {key: value for key, value in (existing.get("data") or {}).items() if key != RENEWAL_KEY}
    return await cluster.replace(secrets_path(credential.key.namespace, credential.state_secret), manifest)


def _renewal(credential: Credential, existing: Manifest | None, held: Held | None) -> dict[str, str]:
    """Return the entry of the refresh_token: the session's own or the present one; empty in a mode without renewals."""
    if not credential.renews:
        return {}
    session = held.session if held is not None else None
    if session is not None and session.refresh_token is not None:
        return _entry(session.user_id, Renewal(session.api_key, session.refresh_token))
    if existing is None or parse_renewal(existing, credential) is None:
        return {}
    return {RENEWAL_KEY: existing["data"][RENEWAL_KEY]}


def _entry(user_id: str, renewal: Renewal) -> dict[str, str]:
    """Return the refresh_token in its stored form."""
    raw = {
        "user_id": user_id,
        "api_key": renewal.api_key.reveal(),
        "refresh_token": renewal.refresh_token.reveal(),
    }
    return {RENEWAL_KEY: base64.b64encode(json.dumps(raw).encode()).decode()}


def _dump(held: Held) -> bytes:
    session = held.session
    raw: dict[str, Any] = {
        "user_id": session.user_id,
        "api_key": session.api_key.reveal(),
        "access_token": session.access_token.reveal(),
        "login_time": session.login_time.isoformat(),
        "staged_at": held.staged_at.isoformat(),
        "published": held.published,
    }
    return json.dumps(raw).encode()


def _moment(text: str) -> datetime:
    moment = parse_rfc3339(text)
    if moment is None:
        raise ValueError("a time without a zone")
    return moment
