"""Revocation: a user reports a leaked token. The broker ends the session, and the operator makes no other by itself."""

from contextlib import suppress
from functools import partial

from kite_operator import spans
from kite_operator.act.context import Context
from kite_operator.act.failures import failed
from kite_operator.act.ledger import change_ledger
from kite_operator.act.services import Services, observed_call
from kite_operator.broker.limiter import CallKind
from kite_operator.cluster.state import write_state
from kite_operator.cluster.target import mark_dead
from kite_operator.decide.liveness import is_vouched_for
from kite_operator.decide.plan import Revoke
from kite_operator.decide.revocation import with_revocation
from kite_operator.model.account import AttemptLedger
from kite_operator.model.errors import BrokerError, ReservationRefused, Step
from kite_operator.model.reasons import Reason
from kite_operator.model.session import Session
from kite_operator.record.outcome import ActOutcome, Note, Result

_DONE = "the session was logged out at the broker; nobody logs in again before status.blockID is acknowledged"
_NOTHING = "there is no session to end: nothing was revoked, and nothing is blocked"


async def revoke(services: Services, context: Context, plan: Revoke) -> ActOutcome:
    """Block, then mark the derived Secret as dead, then log out at the broker; after a crash all steps run again.

    A broker that does not answer is asked again with backoff; the block stands meanwhile.
    """
    if not plan.sessions:
        note = Note(Reason.REVOKED, _NOTHING)
        return ActOutcome(Result.IGNORED, Reason.REVOKED, notes=(note,), handled_revoke=True)
    with suppress(ReservationRefused):  # an unreadable ledger prevents every login as well
        await _block(services, context)
    await services.on_step("after-revoke-block", context.credential)
    context.in_memory.learn(dead_at=services.clock.now(), alive_at=None)
    if (
        context.gathered.target is not None
        and context.observed.target.session
        and not context.observed.target.marked_dead
    ):
        await mark_dead(services.cluster, context.credential, context.gathered.target)
    try:
        for session in plan.sessions:
            await _log_out(services, session)
    except BrokerError as error:
        return failed(services, context, error)
    await services.on_step("after-logout", context.credential)
    held = context.observed.held
    if held is not None and not held.published:
        await write_state(services.cluster, context.credential, context.gathered.state, None)
    note = Note(Reason.REVOKED, _DONE)
    return ActOutcome(Result.REVOKED, Reason.REVOKED, notes=(note,), succeeded=True, handled_revoke=True)


async def _block(services: Services, context: Context) -> None:
    credential, now, proven = context.credential, services.clock.now(), is_vouched_for(context.observed)

    def change(ledger: AttemptLedger) -> AttemptLedger:
        return with_revocation(ledger, credential, now, proven=proven)

    await change_ledger(services, context, change)


async def _log_out(services: Services, session: Session) -> None:
    with spans.step("turn"):
        await services.limiter.acquire(session.api_key, CallKind.SESSION)
    await observed_call(services, Step.LOGOUT, partial(services.broker.logout, session.api_key, session.access_token))
