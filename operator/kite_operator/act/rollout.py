"""Restarting workloads whose pods started with a former token. It may fail without any harm to the token."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kite_operator.act.context import Context, Services
from kite_operator.cluster import rollout as workloads
from kite_operator.cluster.rollout import CONSENT_ANNOTATION
from kite_operator.decide.observed import Observed
from kite_operator.decide.outcome import ActOutcome, Note
from kite_operator.decide.rollout import (
    Finding,
    WorkloadView,
    concluded,
    is_news,
    judge,
    market_closes,
    remembered,
    was_restarted_unheard,
)
from kite_operator.model.errors import ClusterError, Conflict
from kite_operator.model.expiry import rfc3339
from kite_operator.model.reasons import Reason
from kite_operator.model.rollout import RolloutStatus, Stamp, Workload, WorkloadState

MOST_TRIES = 5
"""Of one workload in one look, while somebody else changes it."""


@dataclass(frozen=True, slots=True)
class _Look:
    """What came of one workload; `unheard` when the present stamp was set before, and nobody has been told."""

    view: WorkloadView
    result: Finding
    unheard: bool = False


async def restart(services: Services, context: Context) -> ActOutcome:
    """Look at every workload of `spec.rollout`, restart those that are owed it, and remember what was found."""
    context.after = context.gathered
    observed, rollout = context.observed, context.credential.rollout
    if rollout is None or not observed.rollout_allowed:
        return _not_allowed(observed)
    looks = [await _deal_with(services, context, workload) for workload in rollout.workloads]
    seen = [remembered(observed, look.view, look.result) for look in looks]
    status = concluded(observed, seen, "; ".join(_open_ends(observed, looks)))
    restarted = any(look.result is Finding.RESTARTED for look in looks)
    return ActOutcome(
        "restarted" if restarted else "looked",
        Reason.ROLLOUT_RESTARTED if restarted else Reason(status.reason or Reason.SESSION_ACTIVE),
        notes=tuple(_notes(observed, looks, seen)),
        rollout=status,
        looks=tuple((look.view.workload.kind, look.result.value) for look in looks),
    )


def _not_allowed(observed: Observed) -> ActOutcome:
    """Both sides have to agree, and the operator's has not."""
    message = (
        "spec.rollout is not allowed by this operator, and nothing is restarted: have its administrator set "
        "--allow-rollout-restarts with the rights that it needs, or remove spec.rollout. The token is not affected"
    )
    told = observed.credential.status.rollout
    status = RolloutStatus(
        observed_generation=observed.credential.generation,
        reason=Reason.ROLLOUT_NOT_ALLOWED,
        message=message,
        restarted_time=told.restarted_time if told is not None else None,
        workloads=told.workloads if told is not None else (),
    )
    note = Note(Reason.ROLLOUT_NOT_ALLOWED, message, warning=True)
    rollout = observed.credential.rollout
    looks = tuple((each.kind, Finding.NOT_ALLOWED.value) for each in rollout.workloads) if rollout is not None else ()
    return ActOutcome("looked", Reason.ROLLOUT_NOT_ALLOWED, notes=(note,), rollout=status, looks=looks)


async def _deal_with(services: Services, context: Context, workload: Workload) -> _Look:
    """One workload: what is seen decides, and what is restarted is exactly what was seen."""
    observed, namespace = context.observed, context.credential.key.namespace
    view = await workloads.look_at(services.cluster, namespace, workload)
    unheard = was_restarted_unheard(observed, view)
    for last in (*[False] * (MOST_TRIES - 1), True):
        result = judge(observed, view)
        if result is not Finding.OWED:
            return _Look(view, result, unheard)
        await services.on_step("before-restart", context.credential)
        try:
            await workloads.restart(services.cluster, namespace, view, Stamp(observed.token_version, observed.now))
        except ClusterError as error:
            if last or not isinstance(error, Conflict):
                view = workloads.troubled(view, error)
                break
            view = await workloads.look_at(services.cluster, namespace, workload)
            continue
        await services.on_step("after-restart", context.credential)
        return _Look(view, Finding.RESTARTED)
    return _Look(view, judge(observed, view))


def _open_ends(observed: Observed, looks: Sequence[_Look]) -> Iterator[str]:
    """Yield what is left to do or to wait for, in words."""
    for look in looks:
        if look.result in _TROUBLES:
            yield _told(observed, look)
    yield from _waiting(observed, looks)


def _notes(observed: Observed, looks: Sequence[_Look], seen: Sequence[WorkloadState]) -> Iterator[Note]:
    """Events: of every restart, of each trouble once per token, and one of all that wait."""
    for look, memory in zip(looks, seen, strict=True):
        if look.result is Finding.RESTARTED or look.unheard:
            yield Note(Reason.ROLLOUT_RESTARTED, _told(observed, look))
        elif look.result in _TROUBLES and is_news(observed, memory):
            yield Note(_TROUBLES[look.result], _told(observed, look), warning=True)
    told = observed.credential.status.rollout
    if told is None or told.reason != Reason.ROLLOUT_WAITING:
        yield from (Note(Reason.ROLLOUT_WAITING, message) for message in _waiting(observed, looks))


def _waiting(observed: Observed, looks: Sequence[_Look]) -> Iterator[str]:
    names = [str(look.view.workload) for look in looks if look.result is Finding.WAITING]
    rollout = observed.credential.rollout
    closes = market_closes(rollout, observed.now) if rollout is not None else None
    if names and closes is not None:
        yield (
            f"the token has changed: {', '.join(names)} will be restarted at {rfc3339(closes)}, when the market hours "
            "of spec.rollout are over (when: Always does not wait)"
        )


_TROUBLES = {
    Finding.NOT_ALLOWED: Reason.ROLLOUT_NOT_ALLOWED,
    Finding.NOT_FOUND: Reason.ROLLOUT_FAILED,
    Finding.PAUSED: Reason.ROLLOUT_FAILED,
    Finding.REFUSED: Reason.ROLLOUT_FAILED,
    Finding.UNAVAILABLE: Reason.ROLLOUT_FAILED,
}


def _told(observed: Observed, look: _Look) -> str:
    view, workload = look.view, look.view.workload
    match look.result:
        case Finding.NOT_ALLOWED:
            consent = f"{CONSENT_ANNOTATION}={observed.credential.key.name}"
            return f"{workload} is not restarted: it needs the annotation {consent} (on itself, not on its pods)"
        case Finding.NOT_FOUND:
            return f"{workload} (spec.rollout.restart) does not exist: create it, or take it off the list"
        case Finding.PAUSED:
            return f"{workload} is paused and was not restarted: resume it (kubectl rollout resume)"
        case Finding.REFUSED:
            return (
                f"{workload} was not restarted: the API server refused {view.refusal}. Check the operator's rights on "
                "workloads, and the admission policies of the namespace"
            )
        case Finding.UNAVAILABLE:
            return f"{workload} could not be restarted, which is tried again: {view.refusal}"
        case _:
            held_back = f"; {view.held_back}" * bool(view.held_back)
            return f"{workload} was restarted, so that its pods start with the present token{held_back}"
