"""Previous targets: derived Secrets that were the target before `spec.target.name` was changed."""

from kite_operator.act.context import Context
from kite_operator.act.services import Services
from kite_operator.cluster.previous_target import keep_previous, mark_previous_dead, remove_previous
from kite_operator.decide.plan import Retire
from kite_operator.decide.previous_target import PreviousTargetAction
from kite_operator.model.reasons import Reason
from kite_operator.record.outcome import ActOutcome, Note, Result


async def retire(services: Services, context: Context, plan: Retire) -> ActOutcome:
    """Remove, keep or mark each previous target exactly as it was read."""
    notes = []
    observed, credential = context.observed, context.credential
    for step, previous, secret in zip(
        plan.steps, observed.previous_targets, context.gathered.previous_targets, strict=True
    ):
        match step:
            case PreviousTargetAction.REMOVE:
                await remove_previous(services.cluster, credential, secret)
                notes.append(_note(context, f"{previous.name!r} has been removed"))
            case PreviousTargetAction.KEEP:
                await keep_previous(services.cluster, credential, secret)
                notes.append(_note(context, f"{previous.name!r} is kept and not refreshed any more"))
            case PreviousTargetAction.MARK_DEAD:
                await mark_previous_dead(services.cluster, credential, secret)
    return ActOutcome(Result.RETIRED, Reason.TARGET_REPLACED, notes=tuple(notes))


def _note(context: Context, what: str) -> Note:
    message = f"spec.target.name is {context.credential.target.name!r} now: Secret {what} (spec.target.deletionPolicy)"
    return Note(Reason.TARGET_REPLACED, message)
