"""Restarts of the workloads in `spec.rollout` that started with a previous token: from persisted facts only.

The stamp in a workload's pod template names the token for which it was last restarted. For a workload without a stamp,
status holds the token with which it was first seen. So a restart is owed once per token, even over a crash.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from kite_operator.decide.observed import Observed
from kite_operator.decide.phase import Published, phase_of
from kite_operator.decide.plan import Restart
from kite_operator.model.expiry import IST, at_time
from kite_operator.model.reasons import Reason
from kite_operator.model.rollout import ALWAYS, Rollout, RolloutStatus, Stamp, Workload, WorkloadState

RETRY = timedelta(minutes=15)
"""Time until a workload is checked again that a user has to fix."""
RETRY_SOON = timedelta(minutes=1)
"""Time until a workload is checked again after a transient failure."""
LONGEST_WAIT = timedelta(days=1)
"""Longest wait: a longer one was computed before the clock was set back."""


class Finding(StrEnum):
    """The result for one examined workload; all but OWED are set in `status.rollout.workloads`."""

    OWED = "Owed"
    RESTARTED = "Restarted"
    CURRENT = "Current"
    WAITING = "Waiting"
    NOT_ALLOWED = "NotAllowed"
    NOT_FOUND = "NotFound"
    PAUSED = "Paused"
    REFUSED = "Refused"
    UNAVAILABLE = "Unavailable"


_FAILED = (Finding.NOT_FOUND, Finding.PAUSED, Finding.REFUSED, Finding.UNAVAILABLE)


@dataclass(frozen=True, slots=True)
class WorkloadView:
    """A workload as it is now; `trouble` says why it could not be read or restarted, `refusal` what was refused.

    `consents_to` is its annotation: the one credential that may restart it. `held_back` says why its pods will not
    restart at once although it was restarted; `by_hand` is when a user last restarted it.
    """

    workload: Workload
    trouble: Finding | None = None
    refusal: str = ""
    uid: str = ""
    resource_version: str = ""
    created: datetime | None = None
    consents_to: str = ""
    paused: bool = False
    held_back: str = ""
    stamp: Stamp | None = None
    by_hand: datetime | None = None


def restart_owed(observed: Observed) -> Restart | None:
    """Examine workloads that may run with a previous token once a new one is published, and restart them."""
    credential, last = observed.credential, observed.credential.status.rollout
    if credential.rollout is None:
        return None
    if not observed.rollout_allowed:
        answered = last is not None and last.reason == Reason.ROLLOUT_NOT_ALLOWED and not last.token_version
        if answered and last is not None and last.observed_generation == credential.generation:
            return None
        message = "spec.rollout is not allowed by this operator"
        return Restart(Reason.ROLLOUT_NOT_ALLOWED, message, credential.rollout, allowed=False)
    if not _is_published_and_good(observed):
        return None
    if last is not None and last.token_version == observed.token_version and not _is_time(observed, last):
        return None
    message = "workloads of spec.rollout may run with a former token"
    return Restart(Reason.ROLLOUT_RESTARTED, message, credential.rollout, allowed=True)


def _is_published_and_good(observed: Observed) -> bool:
    """Return whether pods that start now get a usable token.

    A dead token, or one of the day before, is about to be replaced: pods would only have to restart again.
    """
    match phase_of(observed):
        case Published(alive=True):
            return observed.target.matches
    return False


def _is_time(observed: Observed, last: RolloutStatus) -> bool:
    edited, at = last.observed_generation != observed.credential.generation, last.next_time
    return edited or (at is not None and (observed.now >= at or at - observed.now > LONGEST_WAIT))


def next_check(observed: Observed) -> datetime | None:
    """Return when workloads are checked again, or None when no check is due in the future."""
    last = observed.credential.status.rollout
    if observed.credential.rollout is None or not observed.rollout_allowed or last is None:
        return None
    return last.next_time if last.next_time is not None and last.next_time > observed.now else None


def market_closes(rollout: Rollout, now: datetime) -> datetime | None:
    """Return the end of the present market hours, or None when a restart need not wait.

    Every day counts: a Saturday may be a trading day, and a restart that waits on a Sunday does no harm.
    """
    if rollout.when == ALWAYS:
        return None
    (start, end), local = rollout.market_hours, now.astimezone(IST)
    return at_time(local.date(), end) if start <= local.time() < end else None


def judge(observed: Observed, view: WorkloadView) -> Finding:
    """Return the finding for this workload: whether a restart is owed, waits or is not possible."""
    rollout = observed.credential.rollout
    if view.trouble is not None:
        return view.trouble
    if view.consents_to != observed.credential.key.name:
        return Finding.NOT_ALLOWED
    if not _is_previous(observed, mark_of(observed, view)):
        return Finding.CURRENT
    if rollout is not None and market_closes(rollout, observed.now) is not None:
        return Finding.WAITING
    return Finding.PAUSED if view.paused else Finding.OWED


def mark_of(observed: Observed, view: WorkloadView) -> Stamp:
    """Return the token that the workload's pods started with.

    A user's restart since that token decides; else our stamp; else the status of this very workload. A workload that is
    seen for the first time has the present token, unless it is older than that token and the token has changed since
    the workloads were last checked.
    """
    if view.by_hand is not None and _minted(observed) <= view.by_hand <= observed.now:
        return Stamp(observed.token_version, view.by_hand)
    if view.stamp is not None:
        return view.stamp
    last = observed.credential.status.rollout
    seen = last.of(view.workload) if last is not None else None
    if seen is not None and seen.uid == view.uid and seen.mark is not None:
        return seen.mark
    previous = last.token_version if last is not None else ""
    if previous and previous != observed.token_version and view.created and view.created < _minted(observed):
        return Stamp(previous, view.created)
    return Stamp(observed.token_version, observed.now)


def _is_previous(observed: Observed, mark: Stamp) -> bool:
    """Return whether the mark is of another token than the present.

    Versions under different keys (`kite-operator-keys` was re-created) cannot be compared: then the time decides.
    """
    if mark.version.partition(".")[0] == observed.token_version.partition(".")[0]:
        return mark.version != observed.token_version
    return mark.at < _minted(observed)


def _minted(observed: Observed) -> datetime:
    """Return since when pods can have had the present token: the time of its login, or of its publication if known."""
    session_from = observed.held.session.login_time if observed.held is not None else observed.now
    return max(session_from, observed.credential.status.last_refresh_time or session_from)


def remembered(observed: Observed, view: WorkloadView, result: Finding) -> WorkloadState:
    """Return the new status of a workload."""
    last = observed.credential.status.rollout
    before = last.of(view.workload) if last is not None else None
    if result is Finding.NOT_FOUND:
        return WorkloadState(view.workload, "", None, result)
    if result is Finding.NOT_ALLOWED:
        # A workload that consents later is then seen for the first time.
        return WorkloadState(view.workload, view.uid, None, result)
    if view.trouble is not None:
        return WorkloadState(view.workload, before.uid if before else "", before.mark if before else None, result)
    if result is Finding.RESTARTED:
        return WorkloadState(view.workload, view.uid, Stamp(observed.token_version, observed.now), result)
    mark = mark_of(observed, view)
    if result is Finding.CURRENT:
        mark = Stamp(observed.token_version, mark.at)
    return WorkloadState(view.workload, view.uid, mark, result)


def concluded(observed: Observed, seen: Sequence[WorkloadState], message: str) -> RolloutStatus:
    """Return the status after all workloads were examined."""
    last, rollout = observed.credential.status.rollout, observed.credential.rollout
    results = {each.result for each in seen}
    restarted = Finding.RESTARTED in results
    waits = market_closes(rollout, observed.now) if rollout is not None and Finding.WAITING in results else None
    soon = observed.now + RETRY_SOON if Finding.UNAVAILABLE in results else None
    later = observed.now + RETRY if results & {*_FAILED, Finding.NOT_ALLOWED} else None
    return RolloutStatus(
        observed_generation=observed.credential.generation,
        token_version=observed.token_version,
        reason=_reason(results),
        message=message,
        restarted_time=observed.now if restarted else (last.restarted_time if last is not None else None),
        next_time=min((at for at in (waits, soon, later) if at is not None), default=None),
        workloads=tuple(seen),
    )


def _reason(results: set[str]) -> str:
    if results & set(_FAILED):
        return Reason.ROLLOUT_FAILED
    if Finding.NOT_ALLOWED in results:
        return Reason.ROLLOUT_NOT_ALLOWED
    return Reason.ROLLOUT_WAITING if Finding.WAITING in results else ""


def is_hindered(status: RolloutStatus | None) -> bool:
    """Return whether a user has to act before every workload can be restarted."""
    reason = Reason.named(status.reason) if status is not None else None
    return reason is not None and reason.action_required


def is_news(observed: Observed, seen: WorkloadState) -> bool:
    """Return whether this result has not been reported yet: it is reported once per token and change."""
    last = observed.credential.status.rollout
    before = last.of(seen.workload) if last is not None else None
    fresh = last is None or last.token_version != observed.token_version
    return fresh or before is None or before.result != seen.result


def was_restarted_unheard(observed: Observed, view: WorkloadView) -> bool:
    """Return whether the workload has the stamp of the present token while status has a previous one only.

    Then the operator ended between the restart and its Event.
    """
    last = observed.credential.status.rollout
    before = last.of(view.workload) if last is not None else None
    if before is None or before.mark is None or before.uid != view.uid or view.stamp is None:
        return False
    return view.stamp.version == observed.token_version != before.mark.version
