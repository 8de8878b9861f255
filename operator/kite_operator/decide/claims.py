"""Who may act for a client ID through one app: pure rules over the account record.

The first credential that starts a login holds the claim; one of the same namespace/name inherits it, whatever its uid.
A claim is given back when its credential is deleted.
"""

from dataclasses import replace
from datetime import datetime

from kite_operator.model.account import AccountRecord, Claim, Ref
from kite_operator.model.errors import ReservationRefused
from kite_operator.model.reasons import Reason


def claim(record: AccountRecord, app: str, by: Ref, now: datetime, *, gone: Ref | None = None) -> AccountRecord:
    """The record with the claim on `app` held by `by`; ReservationRefused when somebody else holds it.

    `gone` is a holder that is known not to exist any more. A credential holds one app at a time: with a new one it
    gives the former back.
    """
    held = record.claim_for(app)
    if held is not None and not held.holder.same_name(by) and held.holder != gone:
        raise ReservationRefused(Reason.CONFLICT, f"this client ID and app are already handled by {held.holder}")
    inherited = held is not None and held.holder.same_name(by)
    mine = Claim(
        app,
        by,
        proven=held.proven if held is not None and inherited else False,
        since=held.since if held is not None and inherited else now,
    )
    others = tuple(c for c in record.claims if c.app != app and not c.holder.same_name(by))
    return replace(record, claims=(*others, mine))


def prove(record: AccountRecord, app: str, by: Ref) -> AccountRecord:
    """The record in which `by` has proven that it can log in as this client ID."""
    held = record.claim_for(app)
    if held is None or not held.holder.same_name(by) or held.proven:
        return record
    return _with(record, replace(held, proven=True))


def unclaim(record: AccountRecord, by: Ref) -> AccountRecord:
    """The record without the claims of exactly this credential: it is gone."""
    return replace(record, claims=tuple(c for c in record.claims if c.holder != by))


def _with(record: AccountRecord, new: Claim) -> AccountRecord:
    others = tuple(each for each in record.claims if each.app != new.app)
    return replace(record, claims=(*others, new))
