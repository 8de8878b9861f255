"""Acknowledgement of a block by a user: honoured once, for the block that stands, at most twice a day.

An acknowledgement that is not honoured is answered once. The annotation stays: `decide` plans it again when it can be
honoured.
"""

from kite_operator.act.context import Context, Services, seed_of
from kite_operator.decide import budget
from kite_operator.decide.outcome import ActOutcome, Note
from kite_operator.decide.standing import standing_block
from kite_operator.model.account import AttemptLedger
from kite_operator.model.errors import ReservationRefused
from kite_operator.model.reasons import Reason


async def acknowledge(services: Services, context: Context) -> ActOutcome:
    """Lift the standing block when the annotation names it, and report the result as a note."""
    block, versions, asked = standing_block(context.observed), context.observed.versions, context.credential.acknowledge
    if block is None or block.id != asked:
        return _ignored("the acknowledged block does not stand: status.blockID names the one that does, if any")
    app = versions.api_key if versions is not None else ""  # without an app, no block of an app stands

    def change(ledger: AttemptLedger) -> AttemptLedger:
        return budget.acknowledge(ledger, block, app, services.clock.now())

    try:
        await services.accounts.change(context.credential.client_id, change, seed=seed_of(context))
    except ReservationRefused as refusal:
        return _ignored(refusal.message)
    note = Note(
        Reason.UNBLOCKED, f"block {block.id} ({block.reason}) was acknowledged by a person: one more try is made"
    )
    return ActOutcome("acknowledged", Reason.UNBLOCKED, notes=(note,), succeeded=True, handled_acknowledge=True)


def _ignored(message: str) -> ActOutcome:
    note = Note(Reason.ACKNOWLEDGEMENT_IGNORED, message)
    return ActOutcome("ignored", Reason.ACKNOWLEDGEMENT_IGNORED, notes=(note,), handled_acknowledge=True)
