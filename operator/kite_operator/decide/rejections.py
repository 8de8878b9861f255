"""What an account's record keeps of rejections: bounded, and no stranger pushes out what protects somebody else.

Anybody may name a client ID in a KiteCredential and be refused. So rejections of credentials that have proven nothing
have a room of their own, where one goes for another; those of credentials that have proven to hold the account have
another, and a revocation by one of them stays until a person acknowledges it, whatever is deleted and made again.
"""

from collections.abc import Sequence
from dataclasses import replace

from kite_operator.decide.claims import has_proven
from kite_operator.model.account import AttemptLedger, Rejection
from kite_operator.model.reasons import Reason

MOST_REJECTIONS = 32
"""In each of the two rooms: an annotation has place for so much, and each that goes costs one login, not an entry."""
MOST_REVOCATIONS = 8
"""Of one credential: the newest stands for those before it."""


def with_rejection(ledger: AttemptLedger, new: Rejection) -> AttemptLedger:
    """The record with one rejection more; a credential has one of each reason, and one revocation of each value."""
    new = replace(new, proven=new.proven or has_proven(ledger, new.by))
    others = [r for r in ledger.rejections if r.id != new.id and not _is_replaced(r, new)]
    going = {r.id for r in (*_own_revocations(others, new), *_crowded_out(ledger, others, new))}
    return replace(ledger, rejections=(*(r for r in others if r.id not in going), new))


def _is_revocation(rejection: Rejection) -> bool:
    return rejection.reason is Reason.REVOKED


def _is_replaced(former: Rejection, new: Rejection) -> bool:
    return not _is_revocation(new) and former.reason is new.reason and former.by.same_name(new.by)


def _own_revocations(others: Sequence[Rejection], new: Rejection) -> Sequence[Rejection]:
    """The oldest revocations of the same credential, when `new` is one too many of them."""
    own = [r for r in others if _is_revocation(new) and _is_revocation(r) and r.by.same_name(new.by)]
    return own[: max(0, len(own) + 1 - MOST_REVOCATIONS)]


def _crowded_out(ledger: AttemptLedger, others: Sequence[Rejection], new: Rejection) -> Sequence[Rejection]:
    """Which make place for `new`: the oldest of its own room, revocations last; a proven one's revocation never."""
    if new.proven and _is_revocation(new):
        return ()
    room = [r for r in others if (r.proven or has_proven(ledger, r.by)) == new.proven]
    room.sort(key=_is_revocation)
    movable = [r for r in room if not (new.proven and _is_revocation(r))]
    return movable[: max(0, len(movable) + 1 - MOST_REJECTIONS)]
