"""Previous targets: derived Secrets that were the target before `spec.target.name` was changed."""

from kite_operator.act.context import Context, Services
from kite_operator.cluster.previous_target import keep_previous, mark_previous_dead, remove_previous
from kite_operator.decide.outcome import ActOutcome, Note
from kite_operator.decide.previous_target import PreviousTargetAction, action_on_previous
from kite_operator.model.reasons import Reason


async def retire(services: Services, context: Context) -> ActOutcome:
    """Remove, keep or mark each previous target exactly as it was read."""
    notes = []
    observed, credential = context.observed, context.credential
    for previous, secret in zip(observed.previous_targets, context.gathered.previous_targets, strict=True):
        match action_on_previous(observed, previous):
            case PreviousTargetAction.REMOVE:
                await remove_previous(services.cluster, credential, secret)
                notes.append(_note(context, f"{previous.name!r} has been removed"))
            case PreviousTargetAction.KEEP:
                await keep_previous(services.cluster, credential, secret)
                notes.append(_note(context, f"{previous.name!r} is kept and not refreshed any more"))
            case PreviousTargetAction.MARK_DEAD:
                await mark_previous_dead(services.cluster, credential, secret)
    return ActOutcome("retired", Reason.TARGET_REPLACED, notes=tuple(notes))


def _note(context: Context, what: str) -> Note:
    message = f"spec.target.name is {context.credential.target.name!r} now: Secret {what} (spec.target.deletionPolicy)"
    return Note(Reason.TARGET_REPLACED, message)
