"""Outcomes of actions that did not succeed, and the rejections that they leave in the attempt ledger."""

from dataclasses import replace

from kite_operator.act.context import Context
from kite_operator.act.ledger import new_id
from kite_operator.act.services import Services
from kite_operator.decide import backoff
from kite_operator.model.account import Rejection
from kite_operator.model.errors import BrokerError, OutcomeUnknown, ReservationRefused, TransientBrokerError
from kite_operator.model.reasons import Reason
from kite_operator.record.outcome import ActOutcome, Failed, Result


def rejection_of(services: Services, context: Context, error: BrokerError) -> Rejection | None:
    """Return the rejection to record for `error`; None for one in the attempt ledger, or a transient one."""
    versions = context.observed.versions
    if isinstance(error, TransientBrokerError) or error.reason.counts_as is not None or versions is None:
        return None
    present = versions.inputs(services.clock.now())
    inputs = {each.value: present[each] for each in error.reason.inputs}
    return Rejection(new_id(), error.reason, error.message, context.credential.ref, services.clock.now(), inputs)


def failed(services: Services, context: Context, error: BrokerError, *, asked: bool = False) -> ActOutcome:
    """Return the outcome of an action that the broker failed: with backoff when the error is transient."""
    previous, now = context.credential.status.failures, services.clock.now()
    passes = isinstance(error, (TransientBrokerError, OutcomeUnknown))
    retry_after = error.retry_after_seconds if isinstance(error, TransientBrokerError) else None
    failures = backoff.after_failure(previous, error.reason, now, context.observed.jitter, retry_after)
    return ActOutcome(
        Result.TRANSIENT if passes else Result.REJECTED,
        error.reason,
        # An error that is not transient is reported by the block that now stands for the credential.
        failed=Failed(failures, error.message) if passes else Failed(replace(failures, next_retry_time=None)),
        handled_refresh=asked,
    )


def passing_lapse(error: BrokerError) -> BrokerError:
    """Return a lapsed subscription as transient where asking again costs nothing: it ends when the user renews it."""
    if error.reason is not Reason.SUBSCRIPTION_INACTIVE:
        return error
    message = f"{error.message}. It is asked again by itself"
    return TransientBrokerError(
        error.reason, message, step=error.step, retry_after_seconds=backoff.LONGEST.total_seconds()
    )


def refused(refusal: ReservationRefused) -> ActOutcome:
    """Return the outcome of an action that the attempt ledger did not allow: a wait, and no failure."""
    return ActOutcome(Result.REFUSED, refusal.reason, retry_at=refusal.retry_at, retry_message=refusal.message)
