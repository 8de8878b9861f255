"""A person acknowledges a block: honoured once, for the block that stands, at most twice a day.

One that is not honoured is answered once. It goes on to be what the person wants: `decide` asks for it again when it
can be honoured.
"""

from kite_operator.act.parts import Parts, Scene, seed_of
from kite_operator.decide import budget
from kite_operator.decide.outcome import ActOutcome, Note
from kite_operator.decide.standing import standing_block
from kite_operator.model.account import AccountRecord
from kite_operator.model.errors import ReservationRefused
from kite_operator.model.reasons import Reason


async def acknowledge(parts: Parts, scene: Scene) -> ActOutcome:
    """Reopen the standing block when the annotation names it; say so, or say why not."""
    block, versions, asked = standing_block(scene.observed), scene.observed.versions, scene.credential.acknowledge
    if block is None or block.id != asked:
        return _ignored("the acknowledged block does not stand: status.blockID names the one that does, if any")
    app = versions.api_key if versions is not None else ""  # without it no block of an app stands

    def change(record: AccountRecord) -> AccountRecord:
        return budget.acknowledge(record, block, app, parts.clock.now())

    try:
        await parts.accounts.change(scene.credential.client_id, change, seed=seed_of(scene))
    except ReservationRefused as refusal:
        return _ignored(refusal.message)
    note = Note(
        Reason.UNBLOCKED, f"block {block.id} ({block.reason}) was acknowledged by a person: one more try is made"
    )
    return ActOutcome("acknowledged", Reason.UNBLOCKED, notes=(note,), succeeded=True, handled_acknowledge=True)


def _ignored(message: str) -> ActOutcome:
    note = Note(Reason.ACKNOWLEDGEMENT_IGNORED, message, warning=True)
    return ActOutcome("ignored", Reason.ACKNOWLEDGEMENT_IGNORED, notes=(note,), handled_acknowledge=True)
