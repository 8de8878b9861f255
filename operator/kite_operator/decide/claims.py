"""Claims: which credential may act for a client ID through one app, as pure rules over the attempt ledger.

The first credential that starts a login holds the claim; one of the same namespace/name inherits it, whatever its uid.
A credential that has proven to hold the account (the broker has answered that its session belongs to the client ID)
keeps the claim against every other, and takes it from one that has not. Among credentials that have proven nothing the
older one comes first. A claim is released when its credential is deleted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from kite_operator.model.account import AttemptLedger, Claim, Ref
from kite_operator.model.errors import ReservationRefused
from kite_operator.model.reasons import Reason

MOST_UNPROVEN = 64
"""Most unproven claims in a Lease: any user may make one for each app name that they invent."""


@dataclass(frozen=True, slots=True)
class Claimant:
    """A credential that wants a claim.

    `created` is its creationTimestamp, `proven` whether the broker has confirmed its session.
    """

    ref: Ref
    created: str = ""
    proven: bool = False


@dataclass(frozen=True, slots=True)
class Holder:
    """The observed holder of a claim: `created` is its creationTimestamp, empty when it is not known.

    `gone` when it does not exist any more, is of another client now, or may not act for this one.
    """

    ref: Ref
    created: str = ""
    gone: bool = False


def may_hold(ledger: AttemptLedger, app: str, by: Claimant, holder: Holder | None) -> bool:
    """Return whether the claim on `app` is free for `by`, its own, or one that it may take from `holder`.

    `holder` counts only while it is still the holder in the ledger.
    """
    held = ledger.claim_for(app)
    if held is None or held.holder.same_name(by.ref):
        return True
    seen = holder if holder is not None and holder.ref == held.holder else Holder(held.holder)
    if seen.gone:
        return True
    return not held.proven and (by.proven or _is_older(by, seen))


def _is_older(by: Claimant, holder: Holder) -> bool:
    """Return whether `by` is older; a tie within a second is decided by name, so two never displace each other."""
    if not by.created or not holder.created:
        return False
    return (by.created, str(by.ref)) < (holder.created, str(holder.ref))


def claim(
    ledger: AttemptLedger, app: str, by: Claimant, now: datetime, *, holder: Holder | None = None
) -> AttemptLedger:
    """Return the ledger with the claim on `app` held by `by`; raise ReservationRefused when another keeps it.

    A credential holds one app at a time: with a new one it releases the previous one.
    """
    held = ledger.claim_for(app)
    if held is not None and not may_hold(ledger, app, by, holder):
        raise ReservationRefused(Reason.CONFLICT, f"this client ID and app are already handled by {held.holder}")
    inherited = held if held is not None and held.holder.same_name(by.ref) else None
    mine = Claim(
        app,
        by.ref,
        proven=inherited.proven if inherited is not None else False,
        since=inherited.since if inherited is not None else now,
    )
    others = [c for c in ledger.claims if c.app != app and not c.holder.same_name(by.ref)]
    return replace(ledger, claims=(*_that_stay(others), mine))


def _that_stay(others: Sequence[Claim]) -> list[Claim]:
    """Return all proven claims, and the most recently used of the unproven ones.

    A dropped claim is made again at its credential's next login, unless another credential holds the app by then.
    """
    unproven = [c for c in others if not c.proven]
    dropped = unproven[: max(0, len(unproven) + 1 - MOST_UNPROVEN)]
    return [c for c in others if c not in dropped]


def prove(ledger: AttemptLedger, app: str, by: Ref, now: datetime) -> AttemptLedger:
    """Return the ledger in which `by` has proven that it can log in as this client ID.

    It then holds the claim, unless another credential has proven the same before.
    """
    held = ledger.claim_for(app)
    mine = held is not None and held.holder.same_name(by)
    if held is not None and held.proven:
        return ledger
    proof = replace(held, proven=True) if held is not None and mine else Claim(app, by, proven=True, since=now)
    others = tuple(c for c in ledger.claims if c.app != app and not c.holder.same_name(by))
    return replace(ledger, claims=(*others, proof))


def has_proven(ledger: AttemptLedger, by: Ref) -> bool:
    """Return whether a credential of this name has proven to hold the account, through whichever app."""
    return any(each.proven and each.holder.same_name(by) for each in ledger.claims)


def unclaim(ledger: AttemptLedger, by: Ref) -> AttemptLedger:
    """Return the ledger without the claims of exactly this credential, which is gone."""
    return replace(ledger, claims=tuple(c for c in ledger.claims if c.holder != by))
