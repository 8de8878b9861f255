"""Asking the broker about a session, and publishing what it vouches for (P2)."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from kite_operator import spans
from kite_operator.act.claim import hold_claim
from kite_operator.act.parts import Parts, Scene, failed, observed_call, rejection_of, release
from kite_operator.broker.limiter import CallKind
from kite_operator.cluster.state import write_state
from kite_operator.cluster.target import mark_dead, publish
from kite_operator.decide.liveness import Liveness, is_dead_by_mark_alone, is_due, last_call, liveness
from kite_operator.decide.observed import Held
from kite_operator.decide.outcome import ActOutcome, Note
from kite_operator.decide.plan import Plan
from kite_operator.model.errors import BrokerError, BrokerRejection, Step, TokenDead
from kite_operator.model.expiry import rfc3339
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import LastLogin

SHORT_WAIT_SECONDS = 1.0
"""A turn that comes this soon is waited for in place."""


async def probe(parts: Parts, scene: Scene) -> ActOutcome:
    """Ask about the published session; only a definite answer changes anything."""
    held = _held(scene)
    if is_dead_by_mark_alone(scene.observed) and not parts.limiter.is_probe_free(held.session.api_key):
        # Among many the mark on the Secret is believed: nobody's login waits in the queue of probes.
        scene.recollection.learn(asked_at=parts.clock.now(), reported_at=None)
        return ActOutcome("unanswered", Reason.RATE_LIMITED)
    # A person's login that waits for the answer is good for some minutes only: it does not queue.
    turn_at = None if scene.observed.grants else _turn_at(parts, scene, held)
    if turn_at is not None:
        return _deferred(parts, scene, turn_at)
    scene.recollection.learn(asked_at=parts.clock.now(), reported_at=None)
    try:
        await _ask(parts, scene, held, CallKind.PROBE)
    except TokenDead as dead:
        return _died(parts, scene, dead)
    except BrokerError as error:
        if error.reason is Reason.WRONG_ACCOUNT:
            return _died(parts, scene, error)
        return ActOutcome("unanswered", error.reason)
    scene.recollection.learn(alive_at=parts.clock.now(), dead_at=None)
    await hold_claim(parts, scene)
    return ActOutcome("alive", Reason.SESSION_ACTIVE)


def _deferred(parts: Parts, scene: Scene, turn_at: datetime) -> ActOutcome:
    """The turn is waited for, but not past the last call: from then on a token of the day before is replaced anyway."""
    last = last_call(scene.observed)
    if last is None or parts.clock.now() < last:
        return ActOutcome("deferred", Reason.RATE_LIMITED, retry_at=turn_at if last is None else min(turn_at, last))
    scene.recollection.learn(asked_at=parts.clock.now(), reported_at=None)
    return ActOutcome("unanswered", Reason.RATE_LIMITED)


def _turn_at(parts: Parts, scene: Scene, held: Held) -> datetime | None:
    """When it is this credential's turn among the probes of its app; None when it is now."""
    booted_for, memory = parts.clock.boottime(), scene.recollection
    if memory.turn_at is None:
        memory.turn_at = booted_for + parts.limiter.probe_turn(held.session.api_key)
    wait = memory.turn_at - booted_for
    if wait > SHORT_WAIT_SECONDS:
        return parts.clock.now() + timedelta(seconds=wait)
    memory.turn_at = None
    return None


async def prove(parts: Parts, scene: Scene, plan: Plan) -> ActOutcome:
    """Ask about the held session and, if it lives, publish it: a new one, or the known one anew."""
    held = _held(scene)
    scene.recollection.learn(asked_at=parts.clock.now(), reported_at=None)
    try:
        await _ask(parts, scene, held, CallKind.SESSION)
    except TokenDead as dead:
        return _died(parts, scene, dead)
    except BrokerError as error:
        if error.reason is Reason.WRONG_ACCOUNT and held.adopted:
            return _is_not_ours(parts, scene, error)
        if error.reason is Reason.WRONG_ACCOUNT:
            await write_state(parts.cluster, scene.credential, scene.gathered.state, None)
            await release(parts, scene, "", rejection_of(parts, scene, error))
            return replace(failed(scene, parts, error), last_login=_settled(parts, scene, error.reason, error.message))
        return failed(scene, parts, error)
    await parts.on_step("after-proof", scene.credential)
    with spans.step("publish"):
        await _publish(parts, scene, held)
    return _published(parts, scene, held, plan)


def _is_not_ours(parts: Parts, scene: Scene, error: BrokerError) -> ActOutcome:
    """What the derived Secret holds is somebody else's session: as good as none, and no fault of the sources."""
    scene.recollection.learn(dead_at=parts.clock.now(), alive_at=None)
    message = f"Secret {scene.credential.target.name!r} was not taken over: {error.message}"
    return ActOutcome("dead", Reason.WRONG_ACCOUNT, notes=(Note(Reason.WRONG_ACCOUNT, message, warning=True),))


async def discard(parts: Parts, scene: Scene, plan: Plan) -> ActOutcome:
    """Forget the staged session; what is published stays."""
    await write_state(parts.cluster, scene.credential, scene.gathered.state, None)
    return ActOutcome("discarded", plan.reason, last_login=_settled(parts, scene, plan.reason, plan.message))


def _settled(parts: Parts, scene: Scene, reason: Reason, message: str) -> LastLogin | None:
    """What became of the person's login that the staged session is from; None when it is from none."""
    last = scene.credential.status.last_login
    if last is None or last.reason != Reason.SESSION_UNPROVEN:
        return None
    return LastLogin(last.grant, reason, message, parts.clock.now())


async def call_dead(parts: Parts, scene: Scene) -> ActOutcome:
    """Mark the derived Secret; its token stays, in the form that spec.target asks for by now."""
    observed, secret = scene.observed, scene.gathered.target
    if secret is not None:
        outdated, recollection = observed.target.outdated and observed.held is not None, scene.recollection
        session = _held(scene).session if outdated else None
        written = await mark_dead(parts.cluster, scene.credential, secret, session)
        recollection.target_version = written["metadata"]["resourceVersion"]
        if outdated or recollection.marked == scene.gathered.fingerprint:
            _count_heal(parts, scene)
        recollection.marked = scene.gathered.fingerprint
    return ActOutcome("marked", Reason.TOKEN_DEAD)


def _count_heal(parts: Parts, scene: Scene) -> None:
    """A write that nobody's edit of the spec called for counts against somebody who changes the Secret for ever."""
    if not scene.observed.target_edited:
        scene.recollection.heals = (*scene.recollection.heals, parts.clock.now())


def _held(scene: Scene) -> Held:
    held = scene.observed.held
    if held is None:
        raise ValueError("there is no session to ask about")
    return held


async def _ask(parts: Parts, scene: Scene, held: Held, kind: CallKind) -> None:
    session = held.session
    with spans.step("turn"):
        await parts.limiter.acquire(session.api_key, kind)
    await parts.on_step("before-profile", scene.credential)
    ask = partial(parts.broker.profile, session.api_key, session.access_token)
    user_id = await observed_call(parts, Step.PROFILE, ask)
    if user_id != scene.credential.client_id:
        raise BrokerRejection(
            Reason.WRONG_ACCOUNT,
            f"the session belongs to another client ID than {scene.credential.client_id}: it is not published",
            step=Step.PROFILE,
        )


def _died(parts: Parts, scene: Scene, error: BrokerError) -> ActOutcome:
    """The broker refuses the session: that is news in mid-day, once, and the daily flush otherwise.

    Its former word is forgotten, whatever time it bears: the clock may have been set back since.
    """
    now = parts.clock.now()
    lapsed = now if isinstance(error, TokenDead) and error.reads_like_lapse else None
    scene.recollection.learn(dead_at=now, alive_at=None, lapsed_at=lapsed)
    held, target = scene.observed.held, scene.observed.target
    if held is not None and held.brought:
        message = f"Secret {scene.credential.target.name!r} was not taken over: the broker refuses the token in it"
        return ActOutcome("dead", Reason.TOKEN_DEAD, notes=(Note(Reason.TOKEN_DEAD, message, warning=True),))
    known = target.marked_dead or liveness(scene.observed) is Liveness.DEAD
    if held is None or not held.published or is_due(scene.observed) or known:
        return ActOutcome("dead", Reason.TOKEN_DEAD)
    message = "the published token was ended before its time: a logout, a password change, or a new login elsewhere"
    return ActOutcome("dead", Reason.TOKEN_DEAD, notes=(Note(Reason.TOKEN_DEAD, message, warning=True),))


async def _publish(parts: Parts, scene: Scene, held: Held) -> None:
    observed, credential = scene.observed, scene.credential
    target, state = scene.gathered.target, scene.gathered.state
    if target is None or not observed.target.matches or observed.target.marked_dead or not held.published:
        await parts.on_step("before-publish", credential)
        target = await publish(parts.cluster, credential, target, held.session)
        scene.recollection.target_version = target["metadata"]["resourceVersion"]
        await parts.on_step("after-publish", credential)
    held_now = replace(held, published=True, adopted=False, brought=False)
    if not held.published or held.adopted or state is None:
        state = await write_state(parts.cluster, credential, state, held_now)
        await parts.on_step("after-clear", credential)
    await hold_claim(parts, scene, fresh=not held.published or held.adopted)
    scene.after = scene.gathered.with_published(target, state, held_now)


def _published(parts: Parts, scene: Scene, held: Held, plan: Plan) -> ActOutcome:
    now = parts.clock.now()
    asked = scene.observed.refresh_asked
    scene.recollection.learn(alive_at=now, dead_at=None, **({"refreshed_at": now} if asked else {}))
    until = rfc3339(held.session.expires_at)
    if held.published and not scene.observed.target.matches and not held.brought:
        _count_heal(parts, scene)
    if held.brought:
        what = f"Secret {scene.credential.target.name!r} was taken over"
        note = Note(Reason.REPUBLISHED, f"{what}: its token works until {until}, and no login was made")
    elif not held.published:
        note = Note(Reason.REFRESHED, f"a new token is in Secret {scene.credential.target.name!r}, good until {until}")
    elif plan.reason is Reason.TARGET_DRIFTED:
        what = "was changed" if scene.observed.target.exists else "was missing"
        note = Note(
            Reason.TARGET_DRIFTED,
            f"Secret {scene.credential.target.name!r} {what} and has been restored from the known good token",
            warning=True,
        )
    else:
        note = Note(Reason.REPUBLISHED, f"the present token works until {until}: published anew without a login")
    return ActOutcome(
        "published",
        note.reason,
        notes=(note,),
        succeeded=True,
        refreshed_at=None if held.published and not held.brought else now,
        handled_refresh=asked,
        last_login=None if held.published else _settled(parts, scene, note.reason, note.message),
    )
