"""Proof of a session: ask the broker about it, and publish it once the broker has confirmed it (P2)."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from kite_operator import spans
from kite_operator.act.claim import hold_claim
from kite_operator.act.context import Context
from kite_operator.act.failures import failed, rejection_of
from kite_operator.act.pending_writes import release
from kite_operator.act.services import Services, observed_call
from kite_operator.broker.limiter import CallKind
from kite_operator.cluster.gather import Gathered
from kite_operator.cluster.state import write_state
from kite_operator.cluster.target import mark_dead, publish
from kite_operator.decide.liveness import is_dead_by_mark_alone, last_call
from kite_operator.decide.observed import Held
from kite_operator.decide.phase import OtherApp, Published, phase_of
from kite_operator.decide.plan import Discard, MarkDead, Probe, Prove
from kite_operator.model.errors import BrokerError, BrokerRejection, Step, TokenDead
from kite_operator.model.expiry import rfc3339
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import LastLogin
from kite_operator.record.outcome import ActOutcome, Note, Result

SHORT_WAIT_SECONDS = 1.0
"""Longest wait for a probe's turn that is done in place."""


async def probe(services: Services, context: Context, plan: Probe) -> ActOutcome:
    """Probe the published session; only a definite answer changes anything."""
    held = plan.held
    if is_dead_by_mark_alone(context.observed) and not services.limiter.is_probe_free(held.session.api_key):
        # When many probes are queued, the mark on the Secret is believed: no login waits in the queue of probes.
        context.in_memory.learn(asked_at=services.clock.now(), reported_at=None)
        return ActOutcome(Result.UNANSWERED, Reason.RATE_LIMITED)
    # A grant that waits for the answer is valid for some minutes only: its probe does not queue.
    turn_at = None if context.observed.grants else _turn_at(services, context, held)
    if turn_at is not None:
        return _deferred(services, context, turn_at)
    context.in_memory.learn(asked_at=services.clock.now(), reported_at=None)
    try:
        await _ask(services, context, held, CallKind.PROBE)
    except TokenDead as dead:
        return _died(services, context, held, dead)
    except BrokerError as error:
        if error.reason is Reason.WRONG_ACCOUNT:
            return _died(services, context, held, error)
        return ActOutcome(Result.UNANSWERED, error.reason)
    context.in_memory.learn(alive_at=services.clock.now(), dead_at=None)
    await hold_claim(services, context)
    return ActOutcome(Result.ALIVE, Reason.SESSION_ACTIVE)


def _deferred(services: Services, context: Context, turn_at: datetime) -> ActOutcome:
    """Defer the probe, but not past the last call: from then on a token of the day before is replaced anyway."""
    last = last_call(context.observed)
    if last is None or services.clock.now() < last:
        return ActOutcome(
            Result.DEFERRED, Reason.RATE_LIMITED, retry_at=turn_at if last is None else min(turn_at, last)
        )
    context.in_memory.learn(asked_at=services.clock.now(), reported_at=None)
    return ActOutcome(Result.UNANSWERED, Reason.RATE_LIMITED)


def _turn_at(services: Services, context: Context, held: Held) -> datetime | None:
    """Return the time of this credential's turn among the probes of its app; None when it is now."""
    booted_for, in_memory = services.clock.boottime(), context.in_memory
    if in_memory.turn_at is None:
        in_memory.turn_at = booted_for + services.limiter.probe_turn(held.session.api_key)
    wait = in_memory.turn_at - booted_for
    if wait > SHORT_WAIT_SECONDS:
        return services.clock.now() + timedelta(seconds=wait)
    in_memory.turn_at = None
    return None


async def prove(services: Services, context: Context, plan: Prove) -> ActOutcome:
    """Ask about the held session and, if it lives, publish it: a new session, or the known one again."""
    held = plan.held
    context.in_memory.learn(asked_at=services.clock.now(), reported_at=None)
    try:
        await _ask(services, context, held, CallKind.SESSION)
    except TokenDead as dead:
        return _died(services, context, held, dead)
    except BrokerError as error:
        if error.reason is Reason.WRONG_ACCOUNT and held.recovered:
            return _is_not_ours(services, context, error)
        if error.reason is Reason.WRONG_ACCOUNT:
            await write_state(services.cluster, context.credential, context.gathered.state, None)
            await release(services, context, "", rejection_of(services, context, error))
            return replace(
                failed(services, context, error), last_login=_settled(services, context, error.reason, error.message)
            )
        return failed(services, context, error)
    await services.on_step("after-proof", context.credential)
    with spans.step("publish"):
        after = await _publish(services, context, held)
    return replace(_published(services, context, plan), after=after)


def _is_not_ours(services: Services, context: Context, error: BrokerError) -> ActOutcome:
    """Treat another account's session in the derived Secret as no session; the sources are not at fault."""
    context.in_memory.learn(dead_at=services.clock.now(), alive_at=None)
    message = f"Secret {context.credential.target.name!r} was not taken over: {error.message}"
    return ActOutcome(Result.DEAD, Reason.WRONG_ACCOUNT, notes=(Note(Reason.WRONG_ACCOUNT, message),))


async def discard(services: Services, context: Context, plan: Discard) -> ActOutcome:
    """Drop the staged session; the published one stays."""
    await write_state(services.cluster, context.credential, context.gathered.state, None)
    return ActOutcome(Result.DISCARDED, plan.reason, last_login=_settled(services, context, plan.reason, plan.message))


def _settled(services: Services, context: Context, reason: Reason, message: str) -> LastLogin | None:
    """Return the result of the manual login that the staged session is from; None when it is from none."""
    last = context.credential.status.last_login
    if last is None or last.reason != Reason.SESSION_UNPROVEN:
        return None
    return LastLogin(last.grant, reason, message, services.clock.now())


async def mark_token_dead(services: Services, context: Context, plan: MarkDead) -> ActOutcome:
    """Mark the derived Secret as dead; its token stays, in the form of the current spec.target."""
    secret, in_memory = context.gathered.target, context.in_memory
    if secret is not None:
        written = await mark_dead(services.cluster, context.credential, secret, plan.rewritten)
        in_memory.target_version = written["metadata"]["resourceVersion"]
        if plan.rewritten is not None or in_memory.marked == context.gathered.token_version:
            _count_heal(services, context)
        in_memory.marked = context.gathered.token_version
    return ActOutcome(Result.MARKED, Reason.TOKEN_DEAD)


def _count_heal(services: Services, context: Context) -> None:
    """Count a write that no edit of the spec asked for: another client may change the Secret without end."""
    if not context.observed.target_edited:
        context.in_memory.heals = (*context.in_memory.heals, services.clock.now())


async def _ask(services: Services, context: Context, held: Held, kind: CallKind) -> None:
    session = held.session
    with spans.step("turn"):
        await services.limiter.acquire(session.api_key, kind)
    await services.on_step("before-profile", context.credential)
    ask = partial(services.broker.profile, session.api_key, session.access_token)
    user_id = await observed_call(services, Step.PROFILE, ask)
    if user_id != context.credential.client_id:
        raise BrokerRejection(
            Reason.WRONG_ACCOUNT,
            f"the session belongs to another client ID than {context.credential.client_id}: it is not published",
            step=Step.PROFILE,
        )


def _died(services: Services, context: Context, held: Held, error: BrokerError) -> ActOutcome:
    """Record that the broker refuses the session: in mid-day an Event, once; otherwise the daily flush.

    An earlier answer is dropped, with any time: the clock may have been set back since.
    """
    now = services.clock.now()
    lapsed = now if isinstance(error, TokenDead) and error.reads_like_lapse else None
    context.in_memory.learn(dead_at=now, alive_at=None, lapsed_at=lapsed)
    if held.adopted:
        message = f"Secret {context.credential.target.name!r} was not taken over: the broker refuses the token in it"
        return ActOutcome(Result.DEAD, Reason.TOKEN_DEAD, notes=(Note(Reason.TOKEN_DEAD, message),))
    match phase_of(context.observed):
        case Published() | OtherApp(Published()) if not context.observed.target.marked_dead:
            message = (
                "the published token was ended before its time: a logout, a password change, or a new login elsewhere"
            )
            return ActOutcome(Result.DEAD, Reason.TOKEN_DEAD, notes=(Note(Reason.TOKEN_DEAD, message),))
    return ActOutcome(Result.DEAD, Reason.TOKEN_DEAD)


async def _publish(services: Services, context: Context, held: Held) -> Gathered:
    """Write the derived Secret where it differs, and the state Secret; return the state after that."""
    observed, credential = context.observed, context.credential
    target, state = context.gathered.target, context.gathered.state
    if target is None or not observed.target.matches or observed.target.marked_dead or not held.published:
        await services.on_step("before-publish", credential)
        target = await publish(services.cluster, credential, target, held.session)
        context.in_memory.target_version = target["metadata"]["resourceVersion"]
        await services.on_step("after-publish", credential)
    held_now = replace(held, published=True, recovered=False, adopted=False)
    if not held.published or held.recovered or state is None:
        state = await write_state(services.cluster, credential, state, held_now)
        await services.on_step("after-clear", credential)
    await hold_claim(services, context, fresh=not held.published or held.recovered)
    return context.gathered.with_published(target, state, held_now)


def _published(services: Services, context: Context, plan: Prove) -> ActOutcome:
    held, now = plan.held, services.clock.now()
    asked = context.observed.refresh_asked
    context.in_memory.learn(alive_at=now, dead_at=None, **({"refreshed_at": now} if asked else {}))
    until = rfc3339(held.session.expires_at)
    if held.published and not context.observed.target.matches and not held.adopted:
        _count_heal(services, context)
    if held.adopted:
        what = f"Secret {context.credential.target.name!r} was taken over"
        note = Note(Reason.REPUBLISHED, f"{what}: its token works until {until}, and no login was made")
    elif not held.published:
        note = Note(
            Reason.REFRESHED, f"a new token is in Secret {context.credential.target.name!r}, good until {until}"
        )
    elif plan.reason is Reason.TARGET_DRIFTED:
        what = "was changed" if context.observed.target.exists else "was missing"
        note = Note(
            Reason.TARGET_DRIFTED,
            f"Secret {context.credential.target.name!r} {what} and has been restored from the known good token",
        )
    else:
        note = Note(Reason.REPUBLISHED, f"the present token works until {until}: published anew without a login")
    return ActOutcome(
        Result.PUBLISHED,
        note.reason,
        notes=(note,),
        succeeded=True,
        refreshed_at=None if held.published and not held.adopted else now,
        handled_refresh=asked,
        last_login=None if held.published else _settled(services, context, note.reason, note.message),
    )
