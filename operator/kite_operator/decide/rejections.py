"""Rejections in the attempt ledger: bounded, so that no credential displaces one that protects another.

Any user may name a client ID in a KiteCredential and be refused. So rejections of credentials that have proven nothing
have a quota of their own, in which a new one displaces an old one. Rejections of credentials that have proven to hold
the account have another quota. A revocation in it stays until a user acknowledges it, whatever is re-created.
"""

from collections.abc import Sequence
from dataclasses import replace

from kite_operator.decide.claims import has_proven
from kite_operator.model.account import AttemptLedger, Rejection
from kite_operator.model.reasons import Reason

MOST_REJECTIONS = 32
"""Most rejections in each quota: an annotation holds that many; a displaced one costs one login, not an entry."""
MOST_REVOCATIONS = 8
"""Most revocations of one credential: the newest replaces the earlier ones."""


def with_rejection(ledger: AttemptLedger, new: Rejection) -> AttemptLedger:
    """Return the ledger with `new`; a credential has one rejection of each reason, one revocation of each value."""
    new = replace(new, proven=new.proven or has_proven(ledger, new.by))
    others = [r for r in ledger.rejections if r.id != new.id and not _is_replaced(r, new)]
    dropped = {r.id for r in (*_own_revocations(others, new), *_displaced(ledger, others, new))}
    return replace(ledger, rejections=(*(r for r in others if r.id not in dropped), new))


def _is_revocation(rejection: Rejection) -> bool:
    return rejection.reason is Reason.REVOKED


def _is_replaced(old: Rejection, new: Rejection) -> bool:
    return not _is_revocation(new) and old.reason is new.reason and old.by.same_name(new.by)


def _own_revocations(others: Sequence[Rejection], new: Rejection) -> Sequence[Rejection]:
    """Return the oldest revocations of the same credential, when `new` exceeds their number."""
    own = [r for r in others if _is_revocation(new) and _is_revocation(r) and r.by.same_name(new.by)]
    return own[: max(0, len(own) + 1 - MOST_REVOCATIONS)]


def _displaced(ledger: AttemptLedger, others: Sequence[Rejection], new: Rejection) -> Sequence[Rejection]:
    """Return what `new` displaces: the oldest of its quota, revocations last; never one of a proven credential."""
    if new.proven and _is_revocation(new):
        return ()
    quota = [r for r in others if (r.proven or has_proven(ledger, r.by)) == new.proven]
    quota.sort(key=_is_revocation)
    removable = [r for r in quota if not (new.proven and _is_revocation(r))]
    return removable[: max(0, len(removable) + 1 - MOST_REJECTIONS)]
