"""Dealing with Secrets that were the target before `spec.target.name` was changed."""

from kite_operator.act.parts import Parts, Scene
from kite_operator.cluster.former import keep_former, mark_former_dead, remove_former
from kite_operator.decide.former import Fate, fate
from kite_operator.decide.outcome import ActOutcome, Note
from kite_operator.model.reasons import Reason


async def retire(parts: Parts, scene: Scene) -> ActOutcome:
    """Remove, keep or mark each of them as it was seen."""
    notes = []
    observed, credential = scene.observed, scene.credential
    for former, secret in zip(observed.formers, scene.gathered.formers, strict=True):
        match fate(observed, former):
            case Fate.REMOVE:
                await remove_former(parts.cluster, credential, secret)
                notes.append(_told(scene, f"{former.name!r} has been removed"))
            case Fate.KEEP:
                await keep_former(parts.cluster, credential, secret)
                notes.append(_told(scene, f"{former.name!r} is kept and not refreshed any more"))
            case Fate.MARK_DEAD:
                await mark_former_dead(parts.cluster, credential, secret)
    return ActOutcome("retired", Reason.TARGET_REPLACED, notes=tuple(notes))


def _told(scene: Scene, what: str) -> Note:
    message = f"spec.target.name is {scene.credential.target.name!r} now: Secret {what} (spec.target.deletionPolicy)"
    return Note(Reason.TARGET_REPLACED, message)
