"""Predicates that several rules share: the standing block, the backoff, and the plan to wait on a problem."""

from datetime import datetime, timedelta

from kite_operator.decide import backoff, budget
from kite_operator.decide.observed import Observed
from kite_operator.decide.plan import Wait
from kite_operator.model.reasons import Reason
from kite_operator.model.sources import Problem

RECHECK = timedelta(seconds=30)
"""Time until a blocked or failing credential reads its Secrets again."""


def wait_on(observed: Observed, problem: Problem) -> Wait:
    """Wait until the problem is fixed; it is checked again soon."""
    return Wait(problem.reason, problem.message, wake_at=observed.now + RECHECK)


def paused(observed: Observed) -> Wait | None:
    """Return the plan to wait for the end of a backoff, or None when none is on."""
    failures = observed.credential.status.failures
    if failures is None or failures.next_retry_time is None or observed.now >= failures.next_retry_time:
        return None
    if failures.next_retry_time - observed.now > backoff.LONGEST_RETRY_AFTER:
        return None  # the clock was set back: a wait of ours is never longer
    reason = Reason.named(failures.reason) or Reason.INTERNAL_ERROR
    ready = observed.credential.status.condition("Ready")
    message = ready.message if ready is not None and ready.reason == reason else "the last try failed"
    return Wait(reason, message, wake_at=failures.next_retry_time)


def standing_block(observed: Observed) -> budget.Block | None:
    """Return the block of this credential with its present inputs, from the attempt ledger."""
    account, versions = observed.account, observed.versions
    rejection = standing_rejection(observed)
    if rejection is not None or account is None or versions is None:
        return rejection
    if not (versions.login or observed.credential.renews):
        return None
    settled = budget.settle_expired(account, observed.now)
    # A renewal submits no password and no code: the count of those does not block it.
    by_ledger = budget.block_for(settled, versions.login, observed.credential.ref) if versions.login else None
    return by_ledger or budget.contested(account, versions.api_key, observed.now)


def standing_rejection(observed: Observed) -> budget.Block | None:
    """Return the newest rejection of this credential with unchanged inputs; one without inputs always stands."""
    if observed.account is None:
        return None
    present = observed.versions.inputs(observed.now) if observed.versions is not None else {}
    for rejection in reversed(observed.account.rejections):
        same = all(present.get(name) == value for name, value in rejection.inputs.items())
        if same and rejection.by.same_name(observed.credential.ref):
            return budget.Block(rejection.id, rejection.reason, rejection.message)
    return None


def is_within(moment: datetime | None, now: datetime, span: timedelta) -> bool:
    """Return whether `moment` was less than `span` ago; one in the future (the clock was set back) was not."""
    return moment is not None and timedelta(0) <= now - moment < span
