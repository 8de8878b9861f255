"""A person's login: its grant is taken, exchanged, staged and deleted, or refused and deleted."""

from dataclasses import replace

from kite_operator.act.parts import (
    Parts,
    Scene,
    begin_exchange,
    failed,
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
from kite_operator.model.errors import BrokerError, OperatorError, ReservationRefused, TransientBrokerError
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
    if not isinstance(app, AppKeys) or grant is None or grant.request_token is None:
        raise ReservationRefused(Reason.INTERNAL_ERROR, "an exchange needs usable keys and a request_token")
    scene.recollection.learn(exchanged_at=parts.clock.now())
    try:
        await _begin(parts, scene, lock_id)
    except ReservationRefused as refusal:
        return refused(refusal)
    try:
        await require_unmoved(parts, scene)
    except ReservationRefused as refusal:
        await release(parts, scene, lock_id)
        return refused(refusal)
    if not grant.taken:
        await take(parts.cluster, scene.credential, grant, parts.clock.now())
    await parts.on_step("after-take", scene.credential)
    try:
        await exchange_and_stage(parts, scene, app, grant.request_token, lock_id)
    except BrokerError as error:
        return await _failed(parts, scene, grant, lock_id, error)
    except OperatorError:
        await release(parts, scene, lock_id)
        raise
    await _completed(parts, scene, lock_id)
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


async def _begin(parts: Parts, scene: Scene, lock_id: str) -> None:
    def change(record: AccountRecord) -> AccountRecord:
        return begin_exchange(record, parts, scene, lock_id)

    await parts.accounts.change(scene.credential.client_id, change, seed=seed_of(scene))


async def _completed(parts: Parts, scene: Scene, lock_id: str) -> None:
    """A person's password and code were accepted: the counts start anew."""

    def change(record: AccountRecord) -> AccountRecord:
        return locks.finish(budget.complete(record, scene.credential.ref, parts.clock.now()), lock_id)

    await parts.accounts.change(scene.credential.client_id, change, seed=seed_of(scene))


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
