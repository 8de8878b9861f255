"""A person's login: its grant is taken, exchanged, staged and deleted, or refused and deleted."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial

from kite_operator.act.insist import insist
from kite_operator.act.parts import (
    Parts,
    Scene,
    begin_exchange,
    failed,
    giving_back,
    new_id,
    refused,
    rejection_of,
    release,
    seed_of,
)
from kite_operator.act.stage import exchange_and_stage, require_unmoved
from kite_operator.cluster.grants import drop, take
from kite_operator.decide import budget, locks
from kite_operator.decide.observed import Grant
from kite_operator.decide.outcome import ActOutcome, Failed, Note
from kite_operator.decide.plan import Plan
from kite_operator.model.account import AccountRecord
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


async def exchange_grant(parts: Parts, scene: Scene, plan: Plan) -> ActOutcome:
    """One exchange of the grant that the plan names; it stays only when what went wrong passes by itself."""
    app, grant, lock_id = scene.observed.app, plan.grant, new_id()
    if not isinstance(app, AppKeys) or grant is None:
        raise ReservationRefused(Reason.INTERNAL_ERROR, "an exchange needs usable keys and a grant")
    scene.recollection.learn(exchanged_at=parts.clock.now())
    try:
        async with giving_back(parts, scene, lock_id):
            begun_at = await _to_session(parts, scene, app, grant, lock_id)
            await _completed(parts, scene, lock_id, begun_at)
    except ReservationRefused as refusal:
        return refused(refusal)
    except BrokerError as error:
        return await _failed(parts, scene, grant, lock_id, error)
    with suppress(ClusterUnavailable):  # it is seen to be used, then
        await drop(parts.cluster, scene.credential, grant)
    scene.after = scene.after.without_grant(grant) if scene.after is not None else None
    told = LastLogin(
        grant.name, Reason.SESSION_UNPROVEN, "the broker gave a session: it is being tried", parts.clock.now()
    )
    return ActOutcome("staged", Reason.SESSION_UNPROVEN, handled_refresh=True, last_login=told)


async def refuse_grant(parts: Parts, scene: Scene, plan: Plan) -> ActOutcome:
    """Delete the grant that the plan names, and say why."""
    told = None
    if plan.grant is not None:
        await drop(parts.cluster, scene.credential, plan.grant)
        told = LastLogin(plan.grant.name, plan.reason, plan.message, parts.clock.now())
    notes = (Note(plan.reason, plan.message, warning=True),)
    return ActOutcome("refused", plan.reason, notes=notes, last_login=told)


async def drop_used(parts: Parts, scene: Scene, plan: Plan) -> ActOutcome:
    """Delete the grant that the plan names: what it brought has been told, or is told with the session."""
    if plan.grant is not None:
        await drop(parts.cluster, scene.credential, plan.grant)
    return ActOutcome("discarded", plan.reason)


async def _begin(parts: Parts, scene: Scene, lock_id: str) -> None:
    def change(record: AccountRecord) -> AccountRecord:
        return begin_exchange(record, parts, scene, lock_id)

    await parts.accounts.change(scene.credential.client_id, change, seed=seed_of(scene))


async def _to_session(parts: Parts, scene: Scene, app: AppKeys, grant: Grant, lock_id: str) -> datetime:
    """A staged session; gives when its exchange was begun: the person's login was completed before that."""
    if grant.request_token is None:
        raise ReservationRefused(Reason.INTERNAL_ERROR, "an exchange needs a request_token")
    await _begin(parts, scene, lock_id)
    await require_unmoved(parts, scene)
    if not grant.taken:
        await take(parts.cluster, scene.credential, grant, parts.clock.now())
    await parts.on_step("after-take", scene.credential)
    begun_at = parts.clock.now()
    await exchange_and_stage(parts, scene, app, grant.request_token, lock_id)
    return begun_at


async def _completed(parts: Parts, scene: Scene, lock_id: str, begun_at: datetime) -> None:
    """A person's password and code were accepted: the counts start anew, as they were when the exchange was begun."""

    def change(record: AccountRecord) -> AccountRecord:
        return locks.finish(budget.complete(record, scene.credential.ref, begun_at), lock_id)

    client_id = scene.credential.client_id
    await insist(parts.clock, partial(parts.accounts.change, client_id, change, seed=seed_of(scene)))


async def _failed(parts: Parts, scene: Scene, grant: Grant, lock_id: str, error: BrokerError) -> ActOutcome:
    transient = isinstance(error, TransientBrokerError)
    mended_by_login = error.reason in _OF_THE_LOGIN
    await release(parts, scene, lock_id, None if mended_by_login else rejection_of(parts, scene, error))
    if not transient:
        await drop(parts.cluster, scene.credential, grant)
    if not mended_by_login:
        told = LastLogin(grant.name, error.reason, error.message, parts.clock.now())
        return replace(failed(scene, parts, error), last_login=told)
    lost = grant.taken and error.reason is Reason.REQUEST_TOKEN_REJECTED
    reason, message = (Reason.GRANT_LOST, _LOST) if lost else (error.reason, error.message)
    count = (scene.credential.status.failures.count if scene.credential.status.failures else 0) + 1
    failures = Failures(count, reason, parts.clock.now(), None)
    return ActOutcome(
        "rejected",
        reason,
        notes=(Note(reason, message, warning=True),),
        failed=Failed(failures),
        last_login=LastLogin(grant.name, reason, message, parts.clock.now()),
    )
