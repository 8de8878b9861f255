"""Restart of workloads whose pods started with an earlier token. A failure here does not harm the token."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from kite_operator.act.context import Context
from kite_operator.act.services import Services
from kite_operator.cluster import rollout as workloads
from kite_operator.cluster.rollout import CONSENT_ANNOTATION
from kite_operator.decide.observed import Observed
from kite_operator.decide.plan import Restart
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
from kite_operator.model.rollout import Rollout, RolloutStatus, Stamp, Workload, WorkloadState
from kite_operator.record.outcome import ActOutcome, Note, Result

MOST_TRIES = 5
"""Tries for one workload in one reconcile, while another client changes it."""


@dataclass(frozen=True, slots=True)
class _WorkloadResult:
    """Result for one workload; `unreported` when the present stamp was set before and no Event was emitted for it."""

    view: WorkloadView
    result: Finding
    unreported: bool = False


async def restart(services: Services, context: Context, plan: Restart) -> ActOutcome:
    """Read every workload of `spec.rollout`, restart those with outdated pods, and record the results in status."""
    if not plan.allowed:
        return replace(_not_allowed(context.observed, plan.rollout), after=context.gathered)
    observed = context.observed
    results = [await _restart_if_owed(services, context, workload) for workload in plan.rollout.workloads]
    states = [remembered(observed, each.view, each.result) for each in results]
    status = concluded(observed, states, "; ".join(_open_messages(observed, results)))
    restarted = any(each.result is Finding.RESTARTED for each in results)
    return ActOutcome(
        Result.RESTARTED if restarted else Result.EXAMINED,
        Reason.ROLLOUT_RESTARTED if restarted else Reason(status.reason or Reason.SESSION_ACTIVE),
        notes=tuple(_notes(observed, results, states)),
        rollout=status,
        workload_results=tuple((each.view.workload.kind, each.result.value) for each in results),
        after=context.gathered,
    )


def _not_allowed(observed: Observed, rollout: Rollout) -> ActOutcome:
    """Return the outcome where the administrator does not allow rollouts: both sides have to agree."""
    message = (
        "spec.rollout is not allowed by this operator, and nothing is restarted: have its administrator set "
        "--allow-rollout-restarts with the rights that it needs, or remove spec.rollout. The token is not affected"
    )
    previous = observed.credential.status.rollout
    status = RolloutStatus(
        observed_generation=observed.credential.generation,
        reason=Reason.ROLLOUT_NOT_ALLOWED,
        message=message,
        restarted_time=previous.restarted_time if previous is not None else None,
        workloads=previous.workloads if previous is not None else (),
    )
    note = Note(Reason.ROLLOUT_NOT_ALLOWED, message)
    results = tuple((each.kind, Finding.NOT_ALLOWED.value) for each in rollout.workloads)
    return ActOutcome(
        Result.EXAMINED, Reason.ROLLOUT_NOT_ALLOWED, notes=(note,), rollout=status, workload_results=results
    )


async def _restart_if_owed(services: Services, context: Context, workload: Workload) -> _WorkloadResult:
    """Restart one workload if the rules say so; only the version that was read is restarted."""
    observed, namespace = context.observed, context.credential.key.namespace
    view = await workloads.read_workload(services.cluster, namespace, workload)
    unreported = was_restarted_unheard(observed, view)
    for last in (*[False] * (MOST_TRIES - 1), True):
        result = judge(observed, view)
        if result is not Finding.OWED:
            return _WorkloadResult(view, result, unreported)
        await services.on_step("before-restart", context.credential)
        try:
            await workloads.restart(services.cluster, namespace, view, Stamp(observed.token_version, observed.now))
        except ClusterError as error:
            if last or not isinstance(error, Conflict):
                view = workloads.with_problem(view, error)
                break
            view = await workloads.read_workload(services.cluster, namespace, workload)
            continue
        await services.on_step("after-restart", context.credential)
        return _WorkloadResult(view, Finding.RESTARTED)
    return _WorkloadResult(view, judge(observed, view))


def _open_messages(observed: Observed, results: Sequence[_WorkloadResult]) -> Iterator[str]:
    """Yield a message for each problem and each wait that is left."""
    for each in results:
        if each.result in _PROBLEM_REASONS:
            yield _describe(observed, each)
    yield from _waiting(observed, results)


def _notes(observed: Observed, results: Sequence[_WorkloadResult], states: Sequence[WorkloadState]) -> Iterator[Note]:
    """Yield Events: one for every restart, one for each problem per token, and one for all that wait."""
    for each, state in zip(results, states, strict=True):
        if each.result is Finding.RESTARTED or each.unreported:
            yield Note(Reason.ROLLOUT_RESTARTED, _describe(observed, each))
        elif each.result in _PROBLEM_REASONS and is_news(observed, state):
            yield Note(_PROBLEM_REASONS[each.result], _describe(observed, each))
    previous = observed.credential.status.rollout
    if previous is None or previous.reason != Reason.ROLLOUT_WAITING:
        yield from (Note(Reason.ROLLOUT_WAITING, message) for message in _waiting(observed, results))


def _waiting(observed: Observed, results: Sequence[_WorkloadResult]) -> Iterator[str]:
    names = [str(each.view.workload) for each in results if each.result is Finding.WAITING]
    rollout = observed.credential.rollout
    closes = market_closes(rollout, observed.now) if rollout is not None else None
    if names and closes is not None:
        yield (
            f"the token has changed: {', '.join(names)} will be restarted at {rfc3339(closes)}, when the market hours "
            "of spec.rollout are over (when: Always does not wait)"
        )


_PROBLEM_REASONS = {
    Finding.NOT_ALLOWED: Reason.ROLLOUT_NOT_ALLOWED,
    Finding.NOT_FOUND: Reason.ROLLOUT_FAILED,
    Finding.PAUSED: Reason.ROLLOUT_FAILED,
    Finding.REFUSED: Reason.ROLLOUT_FAILED,
    Finding.UNAVAILABLE: Reason.ROLLOUT_FAILED,
}


def _describe(observed: Observed, found: _WorkloadResult) -> str:
    view, workload = found.view, found.view.workload
    match found.result:
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
