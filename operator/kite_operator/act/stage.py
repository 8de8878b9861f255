"""From a request_token (or a refresh_token) to a staged session: before anything else the answer is kept (P3)."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from kite_operator import spans
from kite_operator.act.context import Context, Services, observed_call
from kite_operator.act.retry import retry_write
from kite_operator.broker.limiter import CallKind
from kite_operator.cluster.api import Manifest, secrets_path
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

LOOK_AGAIN = timedelta(seconds=1)
"""After another process was faster."""


async def exchange_and_stage(
    services: Services, context: Context, app: AppKeys, request_token: Sensitive, lock_id: str
) -> None:
    """Exchange, check whose session it is, and stage it; Conflict when another process staged one meanwhile."""
    credential = context.credential
    await services.on_step("before-exchange", credential)
    await _take_turn(services, context, app, lock_id)
    try:
        session = await observed_call(services, Step.EXCHANGE, partial(services.broker.exchange, app, request_token))
    except SessionUnusable as unusable:
        await _keep_refresh_token(services, context, app, unusable, lock_id)
        raise
    await services.on_step("after-exchange", credential)
    await _check_and_stage(services, context, session, lock_id, Step.EXCHANGE)


async def renew_and_stage(
    services: Services, context: Context, app: AppKeys, refresh_token: Sensitive, lock_id: str
) -> None:
    """Renew, check whose session it is, and stage it with the refresh_token that it brought, in one write."""
    credential = context.credential
    await services.on_step("before-renewal", credential)
    await _take_turn(services, context, app, lock_id)
    try:
        session = await observed_call(services, Step.RENEWAL, partial(services.broker.renew, app, refresh_token))
    except SessionUnusable as unusable:
        await _keep_refresh_token(services, context, app, unusable, lock_id)
        raise
    await services.on_step("after-renewal", credential)
    await _check_and_stage(services, context, session, lock_id, Step.RENEWAL)


async def _check_and_stage(services: Services, context: Context, session: Session, lock_id: str, step: Step) -> None:
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
    context.in_memory.learn(dead_at=None, alive_at=None)  # of a token that came once more: before this login
    context.after = context.gathered.with_staged(state, held, services.token_version(session))
    await services.on_step("after-stage", credential)


def _of_this_login(session: Session, now: datetime) -> Session:
    """The session, of today in any case.

    Where another login gives the living token once more, its login_time may be that of the day before. It is what there
    is today, and to log in again would bring no other: it is taken for one of now, which is probed after the flush.
    """
    return session if session.is_of_day(now) else replace(session, login_time=now.astimezone(IST))


async def _keep_refresh_token(
    services: Services, context: Context, app: AppKeys, unusable: SessionUnusable, lock_id: str
) -> None:
    """Stage the refresh_token of an unusable session: the former one may be over, and this one renews it."""
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


async def require_unmoved(services: Services, context: Context) -> None:
    """ReservationRefused when another process has staged or published a session since this scene was gathered.

    Asked while the lock is held, it settles that the login is still needed: nobody stages for this credential, or
    through its app, without one. And whatever forbids to stage a session is found out before a login is spent.
    """
    present, seen = await _state_of(services, context), context.gathered.state
    if _version(present) != _version(seen):
        message = "another process has logged in meanwhile"
        retry_at = services.clock.now() + LOOK_AGAIN
        raise ReservationRefused(Reason.LOGIN_IN_PROGRESS, message, retry_at=retry_at)
    if present is None:
        present = await write_state(services.cluster, context.credential, None, None)
        context.gathered = replace(context.gathered, state=present)
    await rehearse_state(services.cluster, context.credential, present)


def _version(secret: Manifest | None) -> tuple[str, str] | None:
    return None if secret is None else (secret["metadata"]["uid"], secret["metadata"]["resourceVersion"])


async def _state_of(services: Services, context: Context) -> Manifest | None:
    credential = context.credential
    return await services.cluster.find(secrets_path(credential.key.namespace, credential.state_secret))


async def _stage(services: Services, context: Context, held: Held, lock_id: str) -> Manifest:
    """Stage while the lock is ours; our own earlier write, whose answer was lost, is no Conflict.

    Nor is a Secret whose metadata alone was changed, or that was deleted: nobody else has staged anything then, and a
    refresh_token that has replaced the former must not get lost.
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
    """ReservationLost when somebody else logs in, or has: a session that is made now would end theirs (P2)."""
    ledger = await services.accounts.read(context.credential.client_id)
    if ledger is None:
        raise ReservationLost("the account Lease is gone")
    locks.require_lock(ledger, lock_id)


def _holds_the_same(present: Manifest | None, context: Context) -> bool:
    """Return whether the state Secret is gone, or is ours and holds what it held when this scene was gathered."""
    if present is None:
        return True
    seen = context.gathered.state
    return state_problem(present, context.credential) is None and seen is not None and _data(present) == _data(seen)


def _data(secret: Manifest) -> dict[str, str]:
    return dict(secret.get("data") or {})


async def _take_turn(services: Services, context: Context, app: AppKeys, lock_id: str) -> None:
    """Wait for this app's turn, and see that the lock is ours after it: in a long queue it may have run out (P2)."""
    with spans.step("turn"):
        await services.limiter.acquire(app.api_key, CallKind.SESSION)
    await retry_write(services.clock, partial(_require_lock, services, context, lock_id))
