"""A person's login: its grant is taken, exchanged, staged and deleted, or refused and deleted."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial

from kite_operator.act.context import (
    Context,
    Services,
    begin_exchange,
    failed,
    giving_back,
    new_id,
    refused,
    rejection_of,
    release,
    seed_of,
)
from kite_operator.act.retry import retry_write
from kite_operator.act.stage import exchange_and_stage, require_unmoved
from kite_operator.cluster.grants import drop, take
from kite_operator.decide import budget, locks
from kite_operator.decide.observed import Grant
from kite_operator.decide.outcome import ActOutcome, Failed, Note
from kite_operator.decide.plan import Plan
from kite_operator.model.account import AttemptLedger
from kite_operator.model.errors import BrokerError, ClusterUnavailable, ReservationRefused, TransientBrokerError
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Failures, LastLogin
from kite_operator.model.session import AppKeys

_LOST = (
    "a login was begun with this grant before, and its answer was lost (the operator was stopped in the middle, or the "
    "connection broke): the broker does not answer twice. Log in once more"
)
_OF_THE_LOGIN = (Reason.REQUEST_TOKEN_REJECTED, Reason.WRONG_ACCOUNT)
"""Rejections that another login by a person mends: nothing is blocked."""


async def exchange_grant(services: Services, context: Context, plan: Plan) -> ActOutcome:
    """One exchange of the grant that the plan names; it stays only when what went wrong passes by itself."""
    app, grant, lock_id = context.observed.app, plan.grant, new_id()
    if not isinstance(app, AppKeys) or grant is None:
        raise ReservationRefused(Reason.INTERNAL_ERROR, "an exchange needs usable keys and a grant")
    context.in_memory.learn(exchanged_at=services.clock.now())
    try:
        async with giving_back(services, context, lock_id):
            begun_at = await _to_session(services, context, app, grant, lock_id)
            await _completed(services, context, lock_id, begun_at)
    except ReservationRefused as refusal:
        return refused(refusal)
    except BrokerError as error:
        return await _failed(services, context, grant, lock_id, error)
    with suppress(ClusterUnavailable):  # it is seen to be used, then
        await drop(services.cluster, context.credential, grant)
    context.after = context.after.without_grant(grant) if context.after is not None else None
    told = LastLogin(
        grant.name, Reason.SESSION_UNPROVEN, "the broker gave a session: it is being tried", services.clock.now()
    )
    return ActOutcome("staged", Reason.SESSION_UNPROVEN, handled_refresh=True, last_login=told)


async def refuse_grant(services: Services, context: Context, plan: Plan) -> ActOutcome:
    """Delete the grant that the plan names, and say why."""
    told = None
    if plan.grant is not None:
        await drop(services.cluster, context.credential, plan.grant)
        told = LastLogin(plan.grant.name, plan.reason, plan.message, services.clock.now())
    notes = (Note(plan.reason, plan.message, warning=True),)
    return ActOutcome("refused", plan.reason, notes=notes, last_login=told)


async def drop_used(services: Services, context: Context, plan: Plan) -> ActOutcome:
    """Delete the grant that the plan names: what it brought has been told, or is told with the session."""
    if plan.grant is not None:
        await drop(services.cluster, context.credential, plan.grant)
    return ActOutcome("discarded", plan.reason)


async def _begin(services: Services, context: Context, lock_id: str) -> None:
    def change(ledger: AttemptLedger) -> AttemptLedger:
        return begin_exchange(ledger, services, context, lock_id)

    await services.accounts.change(context.credential.client_id, change, seed=seed_of(context))


async def _to_session(services: Services, context: Context, app: AppKeys, grant: Grant, lock_id: str) -> datetime:
    """A staged session; gives when its exchange was begun: the person's login was completed before that."""
    if grant.request_token is None:
        raise ReservationRefused(Reason.INTERNAL_ERROR, "an exchange needs a request_token")
    await _begin(services, context, lock_id)
    await require_unmoved(services, context)
    if not grant.taken:
        await take(services.cluster, context.credential, grant, services.clock.now())
    await services.on_step("after-take", context.credential)
    begun_at = services.clock.now()
    await exchange_and_stage(services, context, app, grant.request_token, lock_id)
    return begun_at


async def _completed(services: Services, context: Context, lock_id: str, begun_at: datetime) -> None:
    """A person's password and code were accepted: the counts start anew, as they were when the exchange was begun."""

    def change(ledger: AttemptLedger) -> AttemptLedger:
        return locks.finish(budget.complete(ledger, context.credential.ref, begun_at), lock_id)

    client_id = context.credential.client_id
    await retry_write(services.clock, partial(services.accounts.change, client_id, change, seed=seed_of(context)))


async def _failed(services: Services, context: Context, grant: Grant, lock_id: str, error: BrokerError) -> ActOutcome:
    transient = isinstance(error, TransientBrokerError)
    mended_by_login = error.reason in _OF_THE_LOGIN
    await release(services, context, lock_id, None if mended_by_login else rejection_of(services, context, error))
    if not transient:
        await drop(services.cluster, context.credential, grant)
    if not mended_by_login:
        told = LastLogin(grant.name, error.reason, error.message, services.clock.now())
        return replace(failed(context, services, error), last_login=told)
    lost = grant.taken and error.reason is Reason.REQUEST_TOKEN_REJECTED
    reason, message = (Reason.GRANT_LOST, _LOST) if lost else (error.reason, error.message)
    count = (context.credential.status.failures.count if context.credential.status.failures else 0) + 1
    failures = Failures(count, reason, services.clock.now(), None)
    return ActOutcome(
        "rejected",
        reason,
        notes=(Note(reason, message, warning=True),),
        failed=Failed(failures),
        last_login=LastLogin(grant.name, reason, message, services.clock.now()),
    )
