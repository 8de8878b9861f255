"""A revocation: a person says that the token has leaked. It is ended at the broker, and no other follows by itself."""

from contextlib import suppress
from functools import partial

from kite_operator import spans
from kite_operator.act.parts import Parts, Scene, failed, observed_call, seed_of
from kite_operator.broker.limiter import CallKind
from kite_operator.cluster.state import write_state
from kite_operator.cluster.target import mark_dead
from kite_operator.decide.liveness import is_vouched_for
from kite_operator.decide.outcome import ActOutcome, Note
from kite_operator.decide.revocation import sessions_to_end, with_revocation
from kite_operator.model.account import AccountRecord
from kite_operator.model.errors import BrokerError, ReservationRefused, Step
from kite_operator.model.reasons import Reason
from kite_operator.model.session import Session

_DONE = "the session was logged out at the broker; nobody logs in again before status.blockID is acknowledged"
_NOTHING = "there is no session to end: nothing was revoked, and nothing is blocked"


async def revoke(parts: Parts, scene: Scene) -> ActOutcome:
    """Block first, then tell the pods, then log out at the broker: after a crash anywhere it begins again.

    A broker that does not answer is asked again with backoff; the block stands meanwhile.
    """
    sessions = sessions_to_end(scene.observed)
    if not sessions:
        note = Note(Reason.REVOKED, _NOTHING, warning=True)
        return ActOutcome("ignored", Reason.REVOKED, notes=(note,), handled_revoke=True)
    with suppress(ReservationRefused):  # a ledger that cannot be read lets nobody log in either
        await _block(parts, scene)
    await parts.on_step("after-revoke-block", scene.credential)
    scene.recollection.learn(dead_at=parts.clock.now(), alive_at=None)
    if scene.gathered.target is not None and scene.observed.target.session and not scene.observed.target.marked_dead:
        await mark_dead(parts.cluster, scene.credential, scene.gathered.target)
    try:
        for session in sessions:
            await _log_out(parts, session)
    except BrokerError as error:
        return failed(scene, parts, error)
    await parts.on_step("after-logout", scene.credential)
    held = scene.observed.held
    if held is not None and not held.published:
        await write_state(parts.cluster, scene.credential, scene.gathered.state, None)
    note = Note(Reason.REVOKED, _DONE, warning=True)
    return ActOutcome("revoked", Reason.REVOKED, notes=(note,), succeeded=True, handled_revoke=True)


async def _block(parts: Parts, scene: Scene) -> None:
    credential, now, proven = scene.credential, parts.clock.now(), is_vouched_for(scene.observed)

    def change(record: AccountRecord) -> AccountRecord:
        return with_revocation(record, credential, now, proven=proven)

    await parts.accounts.change(credential.client_id, change, seed=seed_of(scene))


async def _log_out(parts: Parts, session: Session) -> None:
    with spans.step("turn"):
        await parts.limiter.acquire(session.api_key, CallKind.SESSION)
    await observed_call(parts, Step.LOGOUT, partial(parts.broker.logout, session.api_key, session.access_token))
