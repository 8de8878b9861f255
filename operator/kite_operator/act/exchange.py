"""Exchange of a user's login grant: take, exchange, stage and delete it, or refuse and delete it."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial

from kite_operator.act.context import Context
from kite_operator.act.failures import failed, refused, rejection_of
from kite_operator.act.ledger import begin_exchange, change_ledger, new_id
from kite_operator.act.pending_writes import release, release_lock_on_error
from kite_operator.act.retry import retry_write
from kite_operator.act.services import Services
from kite_operator.act.stage import exchange_and_stage, require_state_unchanged
from kite_operator.cluster.gather import Gathered
from kite_operator.cluster.grants import drop, take
from kite_operator.decide import budget, locks
from kite_operator.decide.observed import Grant, UsableApp
from kite_operator.decide.plan import DropGrant, Exchange, RefuseGrant
from kite_operator.model.account import AttemptLedger
from kite_operator.model.errors import BrokerError, ClusterUnavailable, ReservationRefused, TransientBrokerError
from kite_operator.model.reason_facts import ManualLogin
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Failures, LastLogin
from kite_operator.record.outcome import ActOutcome, Failed, Note, Result

_LOST = (
    "a login was begun with this grant before, and its answer was lost (the operator was stopped in the middle, or the "
    "connection broke): the broker does not answer twice. Log in once more"
)


async def exchange_grant(services: Services, context: Context, plan: Exchange) -> ActOutcome:
    """Exchange the grant that the plan names; keep the grant only when the error is transient."""
    grant, lock_id = plan.grant, new_id()
    context.in_memory.learn(exchanged_at=services.clock.now())
    try:
        async with release_lock_on_error(services, context, lock_id):
            begun_at, after = await _to_session(services, context, plan, lock_id)
            await _completed(services, context, begun_at, lock_id)
    except ReservationRefused as refusal:
        return refused(refusal)
    except BrokerError as error:
        return await _failed(services, context, grant, lock_id, error)
    with suppress(ClusterUnavailable):  # the next reconcile sees that it is used
        await drop(services.cluster, context.credential, grant)
    last_login = LastLogin(
        grant.name, Reason.SESSION_UNPROVEN, "the broker gave a session: it is being tried", services.clock.now()
    )
    return ActOutcome(
        Result.STAGED,
        Reason.SESSION_UNPROVEN,
        handled_refresh=True,
        last_login=last_login,
        after=after.without_grant(grant),
    )


async def refuse_grant(services: Services, context: Context, plan: RefuseGrant) -> ActOutcome:
    """Delete the grant that the plan names, and report the reason."""
    await drop(services.cluster, context.credential, plan.grant)
    last_login = LastLogin(plan.grant.name, plan.reason, plan.message, services.clock.now())
    notes = (Note(plan.reason, plan.message),)
    return ActOutcome(Result.REFUSED, plan.reason, notes=notes, last_login=last_login)


async def drop_used(services: Services, context: Context, plan: DropGrant) -> ActOutcome:
    """Delete the grant that the plan names: its result is in status already, or follows with the session."""
    await drop(services.cluster, context.credential, plan.grant)
    return ActOutcome(Result.DISCARDED, plan.reason)


async def _begin(services: Services, context: Context, app: UsableApp, lock_id: str) -> None:
    def change(ledger: AttemptLedger) -> AttemptLedger:
        return begin_exchange(services, context, app, ledger, lock_id)

    await change_ledger(services, context, change)


async def _to_session(services: Services, context: Context, plan: Exchange, lock_id: str) -> tuple[datetime, Gathered]:
    """Stage a session from the grant; return the start of the exchange, and the state after it.

    The user's login was completed before the start of the exchange.
    """
    await _begin(services, context, plan.app, lock_id)
    context = await require_state_unchanged(services, context)
    if not plan.grant.taken:
        await take(services.cluster, context.credential, plan.grant, services.clock.now())
    await services.on_step("after-take", context.credential)
    begun_at = services.clock.now()
    return begun_at, await exchange_and_stage(services, context, plan.app.keys, plan.request_token, lock_id)


async def _completed(services: Services, context: Context, begun_at: datetime, lock_id: str) -> None:
    """Record a completed manual login: counts of wrong entries start again, as of the start of the exchange."""

    def change(ledger: AttemptLedger) -> AttemptLedger:
        return locks.finish(budget.complete(ledger, context.credential.ref, begun_at), lock_id)

    await retry_write(services.clock, partial(change_ledger, services, context, change))


async def _failed(services: Services, context: Context, grant: Grant, lock_id: str, error: BrokerError) -> ActOutcome:
    transient = isinstance(error, TransientBrokerError)
    corrected_by_login = error.reason.manual_login is ManualLogin.CORRECTS
    await release(services, context, lock_id, None if corrected_by_login else rejection_of(services, context, error))
    if not transient:
        await drop(services.cluster, context.credential, grant)
    if not corrected_by_login:
        last_login = LastLogin(grant.name, error.reason, error.message, services.clock.now())
        return replace(failed(services, context, error), last_login=last_login)
    lost = grant.taken and error.reason is Reason.REQUEST_TOKEN_REJECTED
    reason, message = (Reason.GRANT_LOST, _LOST) if lost else (error.reason, error.message)
    count = (context.credential.status.failures.count if context.credential.status.failures else 0) + 1
    failures = Failures(count, reason, services.clock.now(), None)
    return ActOutcome(
        Result.REJECTED,
        reason,
        notes=(Note(reason, message),),
        failed=Failed(failures),
        last_login=LastLogin(grant.name, reason, message, services.clock.now()),
    )
