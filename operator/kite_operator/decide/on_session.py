"""Rules about the published session: writing, probing and keeping it."""

from dataclasses import replace
from datetime import datetime, timedelta

from kite_operator.decide import timing
from kite_operator.decide.liveness import FRESH_ANSWER, is_reported_lapsed, last_call, next_probe
from kite_operator.decide.observed import Held, Observed
from kite_operator.decide.phase import Dead, Due, OtherApp, Published, phase_of
from kite_operator.decide.plan import MarkDead, Probe, Prove, Retire, Wait
from kite_operator.decide.previous_target import action_on_previous
from kite_operator.decide.standing import is_within, paused, standing_block, wait_on
from kite_operator.model.expiry import rfc3339, session_day
from kite_operator.model.reasons import Reason
from kite_operator.model.sources import Problem
from kite_operator.model.trading_days import why_closed

MOST_DRIFT_HEALS = 3
"""Corrections of the derived Secret within an hour, after which the operator pauses."""
CONTESTED_PAUSE = timedelta(minutes=15)


def target_differs(observed: Observed) -> Prove | Wait | None:
    """Correct a derived Secret that has drifted: write it from the held session, without a login."""
    match phase_of(observed):
        case Published(held, alive) | Due(held, alive):
            wrongly_marked_dead = observed.target.marked_dead and alive
            drifted = not observed.target.matches or wrongly_marked_dead
            return _drifted(observed, held) if drifted and not held.adopted else _adopted(observed, held)
    return None


def _drifted(observed: Observed, held: Held) -> Prove | Wait:
    waiting = paused(observed)
    if waiting is not None:
        return waiting
    if observed.drift_heals >= MOST_DRIFT_HEALS and not observed.target_edited:
        message = (
            f"Secret {observed.credential.target.name!r} was changed {observed.drift_heals} times within an hour by "
            "somebody else: find out who writes it; the operator tries again later"
        )
        return Wait(Reason.TARGET_CONTESTED, message, wake_at=observed.now + CONTESTED_PAUSE)
    return _restored(observed, held)


def _restored(observed: Observed, held: Held) -> Prove:
    if observed.target.matches and is_reported_lapsed(observed):
        return Prove(Reason.REPUBLISHED, "the lapse is over: the token that was called dead works again", held)
    if observed.target.outdated:
        return Prove(Reason.REPUBLISHED, "the derived Secret was written for another spec.target", held)
    return Prove(Reason.TARGET_DRIFTED, "the derived Secret differs from what was published", held)


def _adopted(observed: Observed, held: Held) -> Prove | Wait | None:
    """Prove a session that was adopted from the derived Secret, after its state Secret was lost."""
    if not held.recovered:
        return None
    waiting = paused(observed)
    return waiting or Prove(Reason.REPUBLISHED, "the session is taken over from the derived Secret", held)


def previous_target_left(observed: Observed) -> Retire | None:
    """Remove, keep or mark a previous target, once the present one has replaced it."""
    steps = tuple(action_on_previous(observed, previous) for previous in observed.previous_targets)
    if all(step is None for step in steps):
        return None
    return Retire(Reason.TARGET_REPLACED, "a Secret that was the target before is dealt with", steps)


def refresh_asked(observed: Observed) -> Prove | Wait | None:
    """Probe at once on a user's request for a refresh; a living token is published anew, a dead one is replaced."""
    if not observed.refresh_asked or is_within(observed.probes.dead_at, observed.now, FRESH_ANSWER):
        return None
    match phase_of(observed):
        case Published(held) | Due(held) | Dead(held):
            return paused(observed) or Prove(Reason.REPUBLISHED, "a refresh was asked for by annotation", held)
    return None


def refresh_waits(observed: Observed) -> bool:
    """Return whether a requested refresh still waits: the broker has not answered, and is asked again."""
    match phase_of(observed):
        case Published() | Due():
            return observed.refresh_asked and paused(observed) is not None
    return False


def dead_unmarked(observed: Observed) -> MarkDead | None:
    """Mark a token that is known to be dead in the derived Secret that spec names, where its readers see it."""
    target = observed.target
    if not target.exists or (target.marked_dead and not target.outdated) or observed.drift_heals >= MOST_DRIFT_HEALS:
        return None
    match phase_of(observed):
        case Dead(held) | OtherApp(Dead(held)):
            rewritten = held.session if target.outdated else None
            return MarkDead(Reason.TOKEN_DEAD, "the published token is dead", rewritten)
    return None


def probe_due(observed: Observed) -> Probe | None:
    """Probe the published token at its times, whatever else is wrong."""
    held, probe_at = observed.held, next_probe(observed)
    if held is None or probe_at is None or observed.now < probe_at:
        return None
    return Probe(Reason.SESSION_ACTIVE, "the published token is being probed", held)


def still_good(observed: Observed) -> Wait | None:
    """Keep a living session of today; report a problem of the sources, which concerns only the next session."""
    match phase_of(observed):
        case Published(held, alive=True):
            return _kept(observed, held)
    return None


def _kept(observed: Observed, held: Held) -> Wait:
    problem = next((source for source in (observed.app, observed.factors) if isinstance(source, Problem)), None)
    if problem is not None:
        return replace(wait_on(observed, problem), healthy=True)
    message = f"the token works and is good until {rfc3339(held.session.expires_at)}"
    upcoming = timing.next_refresh(observed.credential.timing, observed.jitter, observed.now)
    return Wait(Reason.SESSION_ACTIVE, message, wake_at=upcoming, healthy=True)


def market_closed(observed: Observed) -> Wait | None:
    """Wait on a day that is known to be without trading: no session is replaced, and no manual login is requested.

    A first session is made on any day. So is one that a user requested, with as many retries as it takes.
    """
    if timing.is_refreshed_on(observed.credential.timing, session_day(observed.now)):
        return None
    match phase_of(observed):
        case Published(alive=True) | Due(alive=True):
            return _closed(observed, "a token of the day before still works", healthy=True)
        case Published() | Due():
            return _closed(observed, "a token of the day before may still work")
        case Dead() if not (_is_replaced_today(observed) or _is_hindered_today(observed)):
            return _closed(observed, "there is no working token")
    return None


def _closed(observed: Observed, known: str, *, healthy: bool = False) -> Wait:
    spec, day = observed.credential.timing, session_day(observed.now)
    upcoming = rfc3339(timing.next_refresh(spec, observed.jitter, observed.now))
    message = f"{day:%A} {day} is {why_closed(day)}, and not refreshed: {known}, the next refresh is at {upcoming}"
    return Wait(Reason.MARKET_CLOSED, message, healthy=healthy)


def _is_replaced_today(observed: Observed) -> bool:
    """Return whether the operator makes a login that a user requested today."""
    asked = observed.refresh_asked or _is_tried_today(observed)
    return asked and not observed.needs_manual_login


def _is_tried_today(observed: Observed) -> bool:
    """Return whether a login that a user requested today has failed and is to be retried."""
    failures = observed.credential.status.failures
    if failures is None or failures.last_time is None or failures.next_retry_time is None:
        return False
    return session_day(failures.last_time) == session_day(observed.now)


def _is_hindered_today(observed: Observed) -> bool:
    """Return whether the next login is impossible as things stand, so that a user can fix it in time."""
    return isinstance(observed.app, Problem) or (not observed.needs_manual_login and _is_hindered(observed))


def yesterday_before_schedule(observed: Observed) -> Wait | None:
    """Watch a token of the day before, and never replace it, from 06:00 IST to the schedule: the flush is on.

    A problem that a user has to fix before the scheduled login is reported at once.
    """
    refresh_at = timing.refresh_at(observed.credential.timing, observed.jitter, observed.now)
    if observed.now >= refresh_at or observed.refresh_asked:
        return None
    match phase_of(observed):
        case Dead(due=True) if not (observed.needs_manual_login or _is_hindered(observed)):
            message = f"the token died in the broker's daily flush; the next one is fetched at {rfc3339(refresh_at)}"
            return Wait(Reason.TOKEN_EXPIRED, message, wake_at=refresh_at)
        case Due(alive=alive):
            message = f"a token of the day before is in use until the refresh at {rfc3339(refresh_at)}"
            return _until(observed, refresh_at, message, healthy=alive)
    return None


def _until(observed: Observed, replaced_at: datetime, message: str, *, healthy: bool) -> Wait:
    """Wait for the time at which the token of the day before is replaced."""
    return Wait(
        Reason.WAITING_FOR_SCHEDULE,
        message,
        wake_at=replaced_at,
        healthy=healthy,
        login_required=observed.needs_manual_login,
    )


def _is_hindered(observed: Observed) -> bool:
    """Return whether a login at the scheduled time is impossible as things stand."""
    unusable = isinstance(observed.app, Problem) or isinstance(observed.factors, Problem)
    return unusable or standing_block(observed) is not None


def yesterday_at_schedule(observed: Observed) -> Wait | None:
    """Keep a token of the day before that may still work, from the schedule to the last call before readyBy."""
    last = last_call(observed)
    if last is None or observed.now >= last:
        return None
    match phase_of(observed):
        case Due(alive=alive):
            known = "still works" if alive else "may still work: the broker does not say"
            message = f"a token of the day before {known}; it is replaced at {rfc3339(last)} at the latest"
            return _until(observed, last, message, healthy=alive)
    return None
