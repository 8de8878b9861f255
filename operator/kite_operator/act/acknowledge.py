"""Acknowledgement of a block by a user: honoured once, for the block that stands, at most twice a day.

An acknowledgement that is not honoured is answered once. The annotation stays: `decide` plans it again when it can be
honoured.
"""

from kite_operator.act.context import Context
from kite_operator.act.ledger import change_ledger
from kite_operator.act.services import Services
from kite_operator.decide import budget
from kite_operator.decide.plan import Acknowledge
from kite_operator.model.account import AttemptLedger
from kite_operator.model.errors import ReservationRefused
from kite_operator.model.reasons import Reason
from kite_operator.record.outcome import ActOutcome, Note, Result


async def acknowledge(services: Services, context: Context, plan: Acknowledge) -> ActOutcome:
    """Lift the block that the annotation names, if it stands, and report the result as a note."""
    block = plan.block
    if block is None:
        return _ignored("the acknowledged block does not stand: status.blockID names the one that does, if any")

    def change(ledger: AttemptLedger) -> AttemptLedger:
        return budget.acknowledge(ledger, block, plan.app, services.clock.now())

    try:
        await change_ledger(services, context, change)
    except ReservationRefused as refusal:
        return _ignored(refusal.message)
    note = Note(
        Reason.UNBLOCKED, f"block {block.id} ({block.reason}) was acknowledged by a person: one more try is made"
    )
    return ActOutcome(Result.ACKNOWLEDGED, Reason.UNBLOCKED, notes=(note,), succeeded=True, handled_acknowledge=True)


def _ignored(message: str) -> ActOutcome:
    note = Note(Reason.ACKNOWLEDGEMENT_IGNORED, message)
    return ActOutcome(Result.IGNORED, Reason.ACKNOWLEDGEMENT_IGNORED, notes=(note,), handled_acknowledge=True)
