"""The claim of a credential whose session the broker has confirmed: mark it as proven, and write it again if lost."""

from kite_operator.act.context import Context
from kite_operator.act.ledger import change_ledger, claimant
from kite_operator.act.services import Services
from kite_operator.decide.claims import claim, may_hold, prove
from kite_operator.decide.phase import is_of_other_app
from kite_operator.model.account import AttemptLedger


async def hold_claim(services: Services, context: Context, *, fresh: bool = False) -> None:
    """Record that this credential has proven to hold the account; written once.

    A `fresh` session, and the claim on it, are newer than the gathered ledger: the ledger is read again then. A claim,
    or a whole account Lease, that was lost is written again.
    """
    account, versions, holder = context.observed.account, context.observed.versions, context.observed.holder
    if versions is None or is_of_other_app(context.observed):
        return
    app, me = versions.api_key, claimant(context, proven=True)
    held = account.claim_for(app) if account is not None else None
    settled = held is not None and held.proven and (held.holder.same_name(me.ref) or not fresh)
    if settled and not (holder is not None and holder.gone):
        return

    def change(ledger: AttemptLedger) -> AttemptLedger:
        now = services.clock.now()
        if may_hold(ledger, app, me, holder):
            ledger = claim(ledger, app, me, now, holder=holder)
        return prove(ledger, app, me.ref, now)

    await change_ledger(services, context, change)
