"""Staging: from a request_token (or a refresh_token) to a session that is written before anything else (P3)."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from kite_operator import spans
from kite_operator.act.context import Context
from kite_operator.act.retry import retry_write
from kite_operator.act.services import Services, observed_call
from kite_operator.broker.limiter import CallKind
from kite_operator.cluster.api import Manifest, secrets_path
from kite_operator.cluster.gather import Gathered
from kite_operator.cluster.state import (
    keep_renewal,
    parse_renewal,
    parse_state,
    rehearse_state,
    state_problem,
    write_state,
)
from kite_operator.decide import locks
from kite_operator.decide.observed import Held, Renewal
from kite_operator.model.errors import (
    BrokerRejection,
    Conflict,
    NotFound,
    ReservationLost,
    ReservationRefused,
    SessionUnusable,
    Step,
)
from kite_operator.model.expiry import IST
from kite_operator.model.reasons import Reason
from kite_operator.model.sensitive import Sensitive
from kite_operator.model.session import AppKeys, Session

RETRY_AFTER_RACE = timedelta(seconds=1)
"""Wait after another process was faster."""


async def exchange_and_stage(
    services: Services, context: Context, app: AppKeys, request_token: Sensitive, lock_id: str
) -> Gathered:
    """Exchange, check the owner of the session, and stage it; return the state after that.

    Raises Conflict when another process staged one meanwhile.
    """
    credential = context.credential
    await services.on_step("before-exchange", credential)
    await _take_turn(services, context, app, lock_id)
    try:
        session = await observed_call(services, Step.EXCHANGE, partial(services.broker.exchange, app, request_token))
    except SessionUnusable as unusable:
        await _keep_refresh_token(services, context, app, unusable, lock_id)
        raise
    await services.on_step("after-exchange", credential)
    return await _check_and_stage(services, context, session, lock_id, Step.EXCHANGE)


async def renew_and_stage(
    services: Services, context: Context, app: AppKeys, refresh_token: Sensitive, lock_id: str
) -> Gathered:
    """Renew, check the owner of the session, and stage it with its new refresh_token in one write.

    Returns the state after that.
    """
    credential = context.credential
    await services.on_step("before-renewal", credential)
    await _take_turn(services, context, app, lock_id)
    try:
        session = await observed_call(services, Step.RENEWAL, partial(services.broker.renew, app, refresh_token))
    except SessionUnusable as unusable:
        await _keep_refresh_token(services, context, app, unusable, lock_id)
        raise
    await services.on_step("after-renewal", credential)
    return await _check_and_stage(services, context, session, lock_id, Step.RENEWAL)


async def _check_and_stage(
    services: Services, context: Context, session: Session, lock_id: str, step: Step
) -> Gathered:
    credential = context.credential
    if session.user_id != credential.client_id:
        raise BrokerRejection(
            Reason.WRONG_ACCOUNT,
            f"the session belongs to another client ID than {credential.client_id}: it is not used. Log in as "
            f"{credential.client_id}, or correct spec.clientID in a new KiteCredential",
            step=step,
        )
    now = services.clock.now()
    held = Held(_of_this_login(session, now), published=False, staged_at=now)
    with spans.step("stage"):
        state = await retry_write(services.clock, partial(_stage, services, context, held, lock_id))
    context.in_memory.learn(dead_at=None, alive_at=None)  # a token issued twice: answers before this login
    after = context.gathered.with_staged(state, held, services.token_version(session))
    await services.on_step("after-stage", credential)
    return after


def _of_this_login(session: Session, now: datetime) -> Session:
    """Return the session with a login_time of today.

    If another login returns the living token again, its login_time may be that of the day before. It is today's token,
    and another login would return no other. So its login_time is set to now, and it is probed after the flush.
    """
    return session if session.is_of_day(now) else replace(session, login_time=now.astimezone(IST))


async def _keep_refresh_token(
    services: Services, context: Context, app: AppKeys, unusable: SessionUnusable, lock_id: str
) -> None:
    """Stage the refresh_token of an unusable session: the previous one may be over, and this one renews it."""
    credential, token = context.credential, unusable.refresh_token
    of_client = unusable.user_id == credential.client_id or (unusable.user_id is None and unusable.step is Step.RENEWAL)
    if token is not None and credential.renews and of_client:
        await retry_write(services.clock, partial(_keep, services, context, Renewal(app.api_key, token), lock_id))


async def _keep(services: Services, context: Context, renewal: Renewal, lock_id: str) -> None:
    """Write it while the lock is ours; our own earlier write, whose answer was lost, is no Conflict."""
    await _require_lock(services, context, lock_id)
    try:
        await keep_renewal(services.cluster, context.credential, context.gathered.state, renewal)
    except (Conflict, NotFound):
        present = await _state_of(services, context)
        if parse_renewal(present, context.credential) == renewal:
            return
        if not _holds_the_same(present, context):
            raise
        await keep_renewal(services.cluster, context.credential, present, renewal)


async def require_state_unchanged(services: Services, context: Context) -> Context:
    """Return the context, in which a state Secret exists now.

    Raises ReservationRefused when another process has staged or published a session since the state was gathered.
    Called while the lock is held, so that the answer holds: no process stages for this credential, or through its app,
    without the lock. Errors that forbid to stage a session are found before a login is spent.
    """
    present, seen = await _state_of(services, context), context.gathered.state
    if _version(present) != _version(seen):
        message = "another process has logged in meanwhile"
        retry_at = services.clock.now() + RETRY_AFTER_RACE
        raise ReservationRefused(Reason.LOGIN_IN_PROGRESS, message, retry_at=retry_at)
    if present is None:
        present = await write_state(services.cluster, context.credential, None, None)
        context = replace(context, gathered=replace(context.gathered, state=present))
    await rehearse_state(services.cluster, context.credential, present)
    return context


def _version(secret: Manifest | None) -> tuple[str, str] | None:
    return None if secret is None else (secret["metadata"]["uid"], secret["metadata"]["resourceVersion"])


async def _state_of(services: Services, context: Context) -> Manifest | None:
    credential = context.credential
    return await services.cluster.find(secrets_path(credential.key.namespace, credential.state_secret))


async def _stage(services: Services, context: Context, held: Held, lock_id: str) -> Manifest:
    """Stage while the lock is ours; our own earlier write, whose answer was lost, is no Conflict.

    A Secret that was deleted, or whose metadata alone was changed, is no Conflict either: no other session was staged
    then. A refresh_token that has replaced the previous one must not get lost.
    """
    await _require_lock(services, context, lock_id)
    try:
        return await write_state(services.cluster, context.credential, context.gathered.state, held)
    except (Conflict, NotFound):
        present = await _state_of(services, context)
        staged = parse_state(present, context.credential)
        if present is not None and staged is not None and staged.session == held.session:
            return present
        if not _holds_the_same(present, context):
            raise
        return await write_state(services.cluster, context.credential, present, held)


async def _require_lock(services: Services, context: Context, lock_id: str) -> None:
    """Raise ReservationLost when another client logs in, or has: a session that is made now would end theirs (P2)."""
    ledger = await services.accounts.read(context.credential.client_id)
    if ledger is None:
        raise ReservationLost("the account Lease is gone")
    locks.require_lock(ledger, lock_id)


def _holds_the_same(present: Manifest | None, context: Context) -> bool:
    """Return whether the state Secret is gone, or is ours and its data is unchanged since the state was gathered."""
    if present is None:
        return True
    seen = context.gathered.state
    return state_problem(present, context.credential) is None and seen is not None and _data(present) == _data(seen)


def _data(secret: Manifest) -> dict[str, str]:
    return dict(secret.get("data") or {})


async def _take_turn(services: Services, context: Context, app: AppKeys, lock_id: str) -> None:
    """Wait for this app's turn, then check that the lock is ours: in a long queue it may have run out (P2)."""
    with spans.step("turn"):
        await services.limiter.acquire(app.api_key, CallKind.SESSION)
    await retry_write(services.clock, partial(_require_lock, services, context, lock_id))
