"""Revocation of a token by a user: the block that it makes, and the end of that block.

The block is a rejection in the attempt ledger. No changed input lifts it, only a user's acknowledgement. Its id is
derived from the annotation's value: a value that stays in Git does nothing twice, even to a re-created credential.
"""

import hashlib
from dataclasses import replace
from datetime import datetime

from kite_operator.decide.observed import Observed
from kite_operator.decide.plan import RefuseGrant, Revoke, Wait
from kite_operator.decide.rejections import with_rejection
from kite_operator.decide.standing import RECHECK, paused, standing_rejection
from kite_operator.model.account import AttemptLedger, Rejection
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Credential
from kite_operator.model.session import Session

_MESSAGE = (
    "the token was revoked by a person (annotation kite-operator.dev/revoke): no login and no probe before this block "
    "is acknowledged"
)


def block_id(credential: Credential) -> str:
    """Return the name of the block that the annotation's present value makes."""
    text = f"{credential.key}\0{credential.revoke}"
    return f"revoked-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def is_asked(observed: Observed) -> bool:
    """Return whether a requested revocation was neither handled nor, under this value, acknowledged before."""
    credential = observed.credential
    if not credential.revoke or credential.revoke == credential.status.last_handled_revoke:
        return False
    account = observed.account
    return account is None or all(block_id(credential) != a.block_id for a in account.acknowledgements)


def sessions_to_end(observed: Observed) -> tuple[Session, ...]:
    """Return the known sessions: the held one, and another one that the derived Secret still holds."""
    held = observed.held.session if observed.held is not None else None
    known = [session for session in (held, observed.target.session) if session is not None]
    return tuple({session.access_token: session for session in known}.values())


def with_revocation(
    ledger: AttemptLedger, credential: Credential, now: datetime, *, proven: bool = False
) -> AttemptLedger:
    """Return the ledger in which the revocation blocks this credential, whatever its inputs.

    `proven` when the broker has confirmed its session, whatever the ledger says.
    """
    new = Rejection(block_id(credential), Reason.REVOKED, _MESSAGE, credential.ref, now, {}, proven=proven)
    return with_rejection(ledger, new)


def revoke_asked(observed: Observed) -> Revoke | Wait | None:
    """End a leaked token before any other rule, and while the credential is suspended too."""
    if not is_asked(observed):
        return None
    name = block_id(observed.credential)
    begun = observed.account is not None and any(r.id == name for r in observed.account.rejections)
    waiting = paused(observed) if begun else None  # a backoff of something else is not waited for
    if waiting is not None:
        message = f"the token was revoked, and the broker could not be asked to end the session: {waiting.message}"
        return replace(waiting, message=message, block_id=name)
    return Revoke(Reason.REVOKED, "a person revoked the token", sessions_to_end(observed))


def revoked(observed: Observed) -> RefuseGrant | Wait | None:
    """Make no probe and no login, and refuse manual logins, while a revocation stands."""
    standing = standing_rejection(observed)
    if standing is None or standing.reason is not Reason.REVOKED:
        return None
    if observed.grants:
        grant = observed.grants[0]
        message = f"login grant {grant.name!r} was not used: {standing.message}"
        return RefuseGrant(Reason.REVOKED, message, grant)
    message = f"{standing.message} ({standing.id})"
    return Wait(Reason.REVOKED, message, wake_at=observed.now + RECHECK, block_id=standing.id)
