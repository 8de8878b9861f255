"""From a request_token (or a refresh_token) to a staged session: before anything else the answer is kept (P3)."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from kite_operator import spans
from kite_operator.act.insist import insist
from kite_operator.act.parts import Parts, Scene, observed_call
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


async def exchange_and_stage(parts: Parts, scene: Scene, app: AppKeys, request_token: Sensitive, lock_id: str) -> None:
    """Exchange, check whose session it is, and stage it; Conflict when another process staged one meanwhile."""
    credential = scene.credential
    await parts.on_step("before-exchange", credential)
    await _take_turn(parts, scene, app, lock_id)
    try:
        session = await observed_call(parts, Step.EXCHANGE, partial(parts.broker.exchange, app, request_token))
    except SessionUnusable as unusable:
        await _keep_refresh_token(parts, scene, app, unusable, lock_id)
        raise
    await parts.on_step("after-exchange", credential)
    await _check_and_stage(parts, scene, session, lock_id, Step.EXCHANGE)


async def renew_and_stage(parts: Parts, scene: Scene, app: AppKeys, refresh_token: Sensitive, lock_id: str) -> None:
    """Renew, check whose session it is, and stage it with the refresh_token that it brought, in one write."""
    credential = scene.credential
    await parts.on_step("before-renewal", credential)
    await _take_turn(parts, scene, app, lock_id)
    try:
        session = await observed_call(parts, Step.RENEWAL, partial(parts.broker.renew, app, refresh_token))
    except SessionUnusable as unusable:
        await _keep_refresh_token(parts, scene, app, unusable, lock_id)
        raise
    await parts.on_step("after-renewal", credential)
    await _check_and_stage(parts, scene, session, lock_id, Step.RENEWAL)


async def _check_and_stage(parts: Parts, scene: Scene, session: Session, lock_id: str, step: Step) -> None:
    credential = scene.credential
    if session.user_id != credential.client_id:
        raise BrokerRejection(
            Reason.WRONG_ACCOUNT,
            f"the session belongs to another client ID than {credential.client_id}: it is not used. Log in as "
            f"{credential.client_id}, or correct spec.clientID in a new KiteCredential",
            step=step,
        )
    now = parts.clock.now()
    held = Held(_of_this_login(session, now), published=False, staged_at=now)
    with spans.step("stage"):
        state = await insist(parts.clock, partial(_stage, parts, scene, held, lock_id))
    scene.recollection.learn(dead_at=None, alive_at=None)  # of a token that came once more: before this login
    scene.after = scene.gathered.with_staged(state, held, parts.fingerprint(session))
    await parts.on_step("after-stage", credential)


def _of_this_login(session: Session, now: datetime) -> Session:
    """The session, of today in any case.

    Where another login gives the living token once more, its login_time may be that of the day before. It is what there
    is today, and to log in again would bring no other: it is taken for one of now, which is probed after the flush.
    """
    return session if session.is_of_day(now) else replace(session, login_time=now.astimezone(IST))


async def _keep_refresh_token(
    parts: Parts, scene: Scene, app: AppKeys, unusable: SessionUnusable, lock_id: str
) -> None:
    """Stage the refresh_token of an unusable session: the former one may be over, and this one renews it."""
    credential, token = scene.credential, unusable.refresh_token
    of_client = unusable.user_id == credential.client_id or (unusable.user_id is None and unusable.step is Step.RENEWAL)
    if token is not None and credential.renews and of_client:
        await insist(parts.clock, partial(_keep, parts, scene, Renewal(app.api_key, token), lock_id))


async def _keep(parts: Parts, scene: Scene, renewal: Renewal, lock_id: str) -> None:
    """Write it while the lock is ours; our own earlier write, whose answer was lost, is no Conflict."""
    await _require_lock(parts, scene, lock_id)
    try:
        await keep_renewal(parts.cluster, scene.credential, scene.gathered.state, renewal)
    except (Conflict, NotFound):
        present = await _state_of(parts, scene)
        if parse_renewal(present, scene.credential) == renewal:
            return
        if not _holds_the_same(present, scene):
            raise
        await keep_renewal(parts.cluster, scene.credential, present, renewal)


async def require_unmoved(parts: Parts, scene: Scene) -> None:
    """ReservationRefused when another process has staged or published a session since this scene was gathered.

    Asked while the lock is held, it settles that the login is still needed: nobody stages for this credential, or
    through its app, without one. And whatever forbids to stage a session is found out before a login is spent.
    """
    present, seen = await _state_of(parts, scene), scene.gathered.state
    if _version(present) != _version(seen):
        message = "another process has logged in meanwhile"
        retry_at = parts.clock.now() + LOOK_AGAIN
        raise ReservationRefused(Reason.LOGIN_IN_PROGRESS, message, retry_at=retry_at)
    if present is None:
        present = await write_state(parts.cluster, scene.credential, None, None)
        scene.gathered = replace(scene.gathered, state=present)
    await rehearse_state(parts.cluster, scene.credential, present)


def _version(secret: Manifest | None) -> tuple[str, str] | None:
    return None if secret is None else (secret["metadata"]["uid"], secret["metadata"]["resourceVersion"])


async def _state_of(parts: Parts, scene: Scene) -> Manifest | None:
    credential = scene.credential
    return await parts.cluster.find(secrets_path(credential.key.namespace, credential.state_secret))


async def _stage(parts: Parts, scene: Scene, held: Held, lock_id: str) -> Manifest:
    """Stage while the lock is ours; our own earlier write, whose answer was lost, is no Conflict.

    Nor is a Secret whose metadata alone was changed, or that was deleted: nobody else has staged anything then, and a
    refresh_token that has replaced the former must not get lost.
    """
    await _require_lock(parts, scene, lock_id)
    try:
        return await write_state(parts.cluster, scene.credential, scene.gathered.state, held)
    except (Conflict, NotFound):
        present = await _state_of(parts, scene)
        staged = parse_state(present, scene.credential)
        if present is not None and staged is not None and staged.session == held.session:
            return present
        if not _holds_the_same(present, scene):
            raise
        return await write_state(parts.cluster, scene.credential, present, held)


async def _require_lock(parts: Parts, scene: Scene, lock_id: str) -> None:
    """ReservationLost when somebody else logs in, or has: a session that is made now would end theirs (P2)."""
    record = await parts.accounts.read(scene.credential.client_id)
    if record is None:
        raise ReservationLost("the account Lease is gone")
    locks.require_lock(record, lock_id)


def _holds_the_same(present: Manifest | None, scene: Scene) -> bool:
    """Whether the state Secret is gone, or is ours and holds what it held when this scene was gathered."""
    if present is None:
        return True
    seen = scene.gathered.state
    return state_problem(present, scene.credential) is None and seen is not None and _data(present) == _data(seen)


def _data(secret: Manifest) -> dict[str, str]:
    return dict(secret.get("data") or {})


async def _take_turn(parts: Parts, scene: Scene, app: AppKeys, lock_id: str) -> None:
    """Wait for this app's turn, and see that the lock is ours after it: in a long queue it may have run out (P2)."""
    with spans.step("turn"):
        await parts.limiter.acquire(app.api_key, CallKind.SESSION)
    await insist(parts.clock, partial(_require_lock, parts, scene, lock_id))
