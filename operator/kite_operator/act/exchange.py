"""Exchange of a user's login grant: take, exchange, stage and delete it, or refuse and delete it."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial

from kite_operator.act.context import (
    Context,
    Services,
    begin_exchange,
    failed,
    new_id,
    refused,
    rejection_of,
    release,
    release_lock_on_error,
    seed_of,
)
from kite_operator.act.retry import retry_write
from kite_operator.act.stage import exchange_and_stage, require_state_unchanged
from kite_operator.cluster.grants import drop, take
from kite_operator.decide import budget, locks
from kite_operator.decide.observed import Grant
from kite_operator.decide.outcome import ActOutcome, Failed, Note
from kite_operator.decide.plan import Plan
from kite_operator.model.account import AttemptLedger
from kite_operator.model.errors import BrokerError, ClusterUnavailable, ReservationRefused, TransientBrokerError
from kite_operator.model.reason_facts import ManualLogin
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Failures, LastLogin
from kite_operator.model.session import AppKeys

_LOST = (
    "a login was begun with this grant before, and its answer was lost (the operator was stopped in the middle, or the "
    "connection broke): the broker does not answer twice. Log in once more"
)


async def exchange_grant(services: Services, context: Context, plan: Plan) -> ActOutcome:
    """Exchange the grant that the plan names; keep the grant only when the error is transient."""
    app, grant, lock_id = context.observed.app, plan.grant, new_id()
    if not isinstance(app, AppKeys) or grant is None:
        raise ReservationRefused(Reason.INTERNAL_ERROR, "an exchange needs usable keys and a grant")
    context.in_memory.learn(exchanged_at=services.clock.now())
    try:
        async with release_lock_on_error(services, context, lock_id):
            begun_at = await _to_session(services, context, app, grant, lock_id)
            await _completed(services, context, lock_id, begun_at)
    except ReservationRefused as refusal:
        return refused(refusal)
    except BrokerError as error:
        return await _failed(services, context, grant, lock_id, error)
    with suppress(ClusterUnavailable):  # the next reconcile sees that it is used
        await drop(services.cluster, context.credential, grant)
    context.after = context.after.without_grant(grant) if context.after is not None else None
    last_login = LastLogin(
        grant.name, Reason.SESSION_UNPROVEN, "the broker gave a session: it is being tried", services.clock.now()
    )
    return ActOutcome("staged", Reason.SESSION_UNPROVEN, handled_refresh=True, last_login=last_login)


async def refuse_grant(services: Services, context: Context, plan: Plan) -> ActOutcome:
    """Delete the grant that the plan names, and report the reason."""
    last_login = None
    if plan.grant is not None:
        await drop(services.cluster, context.credential, plan.grant)
        last_login = LastLogin(plan.grant.name, plan.reason, plan.message, services.clock.now())
    notes = (Note(plan.reason, plan.message),)
    return ActOutcome("refused", plan.reason, notes=notes, last_login=last_login)


async def drop_used(services: Services, context: Context, plan: Plan) -> ActOutcome:
    """Delete the grant that the plan names: its result is in status already, or follows with the session."""
    if plan.grant is not None:
        await drop(services.cluster, context.credential, plan.grant)
    return ActOutcome("discarded", plan.reason)


async def _begin(services: Services, context: Context, lock_id: str) -> None:
    def change(ledger: AttemptLedger) -> AttemptLedger:
        return begin_exchange(ledger, services, context, lock_id)

    await services.accounts.change(context.credential.client_id, change, seed=seed_of(context))


async def _to_session(services: Services, context: Context, app: AppKeys, grant: Grant, lock_id: str) -> datetime:
    """Stage a session from the grant; return the start of the exchange: the user's login was completed before it."""
    if grant.request_token is None:
        raise ReservationRefused(Reason.INTERNAL_ERROR, "an exchange needs a request_token")
    await _begin(services, context, lock_id)
    await require_state_unchanged(services, context)
    if not grant.taken:
        await take(services.cluster, context.credential, grant, services.clock.now())
    await services.on_step("after-take", context.credential)
    begun_at = services.clock.now()
    await exchange_and_stage(services, context, app, grant.request_token, lock_id)
    return begun_at


async def _completed(services: Services, context: Context, lock_id: str, begun_at: datetime) -> None:
    """Record a completed manual login: counts of wrong entries start again, as of the start of the exchange."""

    def change(ledger: AttemptLedger) -> AttemptLedger:
        return locks.finish(budget.complete(ledger, context.credential.ref, begun_at), lock_id)

    client_id = context.credential.client_id
    await retry_write(services.clock, partial(services.accounts.change, client_id, change, seed=seed_of(context)))


async def _failed(services: Services, context: Context, grant: Grant, lock_id: str, error: BrokerError) -> ActOutcome:
    transient = isinstance(error, TransientBrokerError)
    corrected_by_login = error.reason.manual_login is ManualLogin.CORRECTS
    await release(services, context, lock_id, None if corrected_by_login else rejection_of(services, context, error))
    if not transient:
        await drop(services.cluster, context.credential, grant)
    if not corrected_by_login:
        last_login = LastLogin(grant.name, error.reason, error.message, services.clock.now())
        return replace(failed(context, services, error), last_login=last_login)
    lost = grant.taken and error.reason is Reason.REQUEST_TOKEN_REJECTED
    reason, message = (Reason.GRANT_LOST, _LOST) if lost else (error.reason, error.message)
    count = (context.credential.status.failures.count if context.credential.status.failures else 0) + 1
    failures = Failures(count, reason, services.clock.now(), None)
    return ActOutcome(
        "rejected",
        reason,
        notes=(Note(reason, message),),
        failed=Failed(failures),
        last_login=LastLogin(grant.name, reason, message, services.clock.now()),
    )
