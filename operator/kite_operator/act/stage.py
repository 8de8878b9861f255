"""From a request_token to a staged session: the broker answers, and before anything else the answer is kept (P3)."""

from kite_operator.act.parts import Parts, Scene
from kite_operator.broker.limiter import CallKind
from kite_operator.cluster.state import write_state
from kite_operator.decide import budget
from kite_operator.decide.observed import Held
from kite_operator.model.errors import BrokerError, BrokerRejection, ReservationLost, Step
from kite_operator.model.reasons import Reason
from kite_operator.model.sensitive import Sensitive
from kite_operator.model.session import AppKeys, Session


async def exchange_and_stage(parts: Parts, scene: Scene, app: AppKeys, request_token: Sensitive, lock_id: str) -> None:
    """Exchange, check whose session it is, and stage it; Conflict when another process staged one meanwhile."""
    credential = scene.credential
    await parts.on_step("before-exchange", credential)
    session = await _exchange(parts, app, request_token)
    await parts.on_step("after-exchange", credential)
    if session.user_id != credential.client_id:
        raise BrokerRejection(
            Reason.WRONG_ACCOUNT,
            f"the session belongs to another client ID than {credential.client_id}: it is not used. Log in as "
            f"{credential.client_id}, or correct spec.clientID in a new KiteCredential",
            step=Step.EXCHANGE,
        )
    record = await parts.accounts.read(credential.client_id)
    if record is None:
        raise ReservationLost("the account Lease is gone")
    budget.require_lock(record, lock_id)
    held = Held(session, published=False, staged_at=parts.clock.now())
    state = await write_state(parts.cluster, credential, scene.gathered.state, held)
    scene.after = scene.gathered.with_staged(state, held, parts.fingerprint(session))
    await parts.on_step("after-stage", credential)


async def _exchange(parts: Parts, app: AppKeys, request_token: Sensitive) -> Session:
    await parts.limiter.acquire(app.api_key, CallKind.SESSION)
    started = parts.clock.boottime()
    outcome = "aborted"
    try:
        session = await parts.broker.exchange(app, request_token)
        outcome = "success"
    except BrokerError as error:
        outcome = error.reason.value
        raise
    finally:
        parts.observe(Step.EXCHANGE, outcome, parts.clock.boottime() - started)
    return session
