"""Rules about the published session: writing, probing and keeping it."""

from dataclasses import replace
from datetime import timedelta

from kite_operator.decide import timing
from kite_operator.decide.liveness import (
    FRESH_ANSWER,
    Liveness,
    is_due,
    is_of_other_app,
    is_reported_lapsed,
    last_call,
    liveness,
    next_probe,
)
from kite_operator.decide.observed import Observed
from kite_operator.decide.on_login import _is_good
from kite_operator.decide.plan import Action, Plan
from kite_operator.decide.previous_target import action_on_previous
from kite_operator.decide.standing import is_within, paused, probe, standing_block, wait_on
from kite_operator.model.expiry import rfc3339, session_day
from kite_operator.model.reasons import Reason
from kite_operator.model.sources import Problem
from kite_operator.model.trading_days import why_closed

MOST_DRIFT_HEALS = 3
"""Corrections of the derived Secret within an hour, after which the operator pauses."""
CONTESTED_PAUSE = timedelta(minutes=15)


def target_differs(observed: Observed) -> Plan | None:
    """Correct a derived Secret that has drifted: write it from the held session, without a login."""
    state = liveness(observed)
    if state not in (Liveness.ALIVE, Liveness.UNKNOWN) or is_of_other_app(observed):
        return None
    wrongly_marked_dead = observed.target.marked_dead and state is Liveness.ALIVE
    if (observed.target.matches and not wrongly_marked_dead) or (observed.held is not None and observed.held.adopted):
        return _adopted(observed)
    waiting = paused(observed)
    if waiting is not None:
        return waiting
    if observed.drift_heals >= MOST_DRIFT_HEALS and not observed.target_edited:
        message = (
            f"Secret {observed.credential.target.name!r} was changed {observed.drift_heals} times within an hour by "
            "somebody else: find out who writes it; the operator tries again later"
        )
        return Plan(Action.REST, Reason.TARGET_CONTESTED, message, wake_at=observed.now + CONTESTED_PAUSE)
    return _written_anew(observed)


def _written_anew(observed: Observed) -> Plan:
    if observed.target.matches and is_reported_lapsed(observed):
        return Plan(Action.PROVE, Reason.REPUBLISHED, "the lapse is over: the token that was called dead works again")
    if observed.target.outdated:
        return Plan(Action.PROVE, Reason.REPUBLISHED, "the derived Secret was written for another spec.target")
    return Plan(Action.PROVE, Reason.TARGET_DRIFTED, "the derived Secret differs from what was published")


def _adopted(observed: Observed) -> Plan | None:
    """Prove a session that was adopted from the derived Secret, after its state Secret was lost."""
    if observed.held is None or not observed.held.recovered:
        return None
    waiting = paused(observed)
    return waiting or Plan(Action.PROVE, Reason.REPUBLISHED, "the session is taken over from the derived Secret")


def previous_target_left(observed: Observed) -> Plan | None:
    """Remove, keep or mark a previous target, once the present one has replaced it."""
    if all(action_on_previous(observed, previous) is None for previous in observed.previous_targets):
        return None
    return Plan(Action.RETIRE, Reason.TARGET_REPLACED, "a Secret that was the target before is dealt with")


def refresh_asked(observed: Observed) -> Plan | None:
    """Probe at once on a user's request for a refresh; a living token is published anew, a dead one is replaced."""
    if not observed.refresh_asked or liveness(observed) is Liveness.NONE or is_of_other_app(observed):
        return None
    if is_within(observed.probes.dead_at, observed.now, FRESH_ANSWER):
        return None
    waiting = paused(observed)
    return waiting or Plan(Action.PROVE, Reason.REPUBLISHED, "a refresh was asked for by annotation")


def refresh_waits(observed: Observed) -> bool:
    """Return whether a requested refresh still waits: the broker has not answered, and is asked again."""
    lives = liveness(observed) in (Liveness.ALIVE, Liveness.UNKNOWN) and not is_of_other_app(observed)
    return observed.refresh_asked and lives and paused(observed) is not None


def dead_unmarked(observed: Observed) -> Plan | None:
    """Mark a token that is known to be dead in the derived Secret that spec names, where its readers see it."""
    target = observed.target
    if liveness(observed) is not Liveness.DEAD or not target.exists:
        return None
    if (target.marked_dead and not target.outdated) or observed.drift_heals >= MOST_DRIFT_HEALS:
        return None
    return Plan(Action.MARK_DEAD, Reason.TOKEN_DEAD, "the published token is dead")


def probe_due(observed: Observed) -> Plan | None:
    """Probe the published token at its times, whatever else is wrong."""
    probe_at = next_probe(observed)
    if probe_at is None or observed.now < probe_at:
        return None
    return probe()


def still_good(observed: Observed) -> Plan | None:
    """Keep a living session of today; report a problem of the sources, which concerns only the next session."""
    held = observed.held
    if held is None or not _is_good(observed):
        return None
    problem = next((source for source in (observed.app, observed.factors) if isinstance(source, Problem)), None)
    if problem is not None:
        return replace(wait_on(problem, observed), healthy=True)
    message = f"the token works and is good until {rfc3339(held.session.expires_at)}"
    upcoming = timing.next_refresh(observed.credential.timing, observed.jitter, observed.now)
    return Plan(Action.REST, Reason.SESSION_ACTIVE, message, wake_at=upcoming, healthy=True)


def market_closed(observed: Observed) -> Plan | None:
    """Wait on a day that is known to be without trading: no session is replaced, and no manual login is requested.

    A first session is made on any day. So is one that a user requested, with as many retries as it takes.
    """
    spec, now = observed.credential.timing, observed.now
    state, day = liveness(observed), session_day(now)
    if timing.is_refreshed_on(spec, day) or state is Liveness.NONE or is_of_other_app(observed):
        return None
    asked = observed.refresh_asked or _is_tried_today(observed)
    if state is Liveness.DEAD and ((asked and not observed.needs_manual_login) or _is_hindered_today(observed)):
        return None
    upcoming = rfc3339(timing.next_refresh(spec, observed.jitter, now))
    known = {
        Liveness.ALIVE: "a token of the day before still works",
        Liveness.UNKNOWN: "a token of the day before may still work",
        Liveness.DEAD: "there is no working token",
    }[state]
    message = f"{day:%A} {day} is {why_closed(day)}, and not refreshed: {known}, the next refresh is at {upcoming}"
    return Plan(Action.REST, Reason.MARKET_CLOSED, message, healthy=state is Liveness.ALIVE)


def _is_tried_today(observed: Observed) -> bool:
    """Return whether a login that a user requested today has failed and is to be retried."""
    failures = observed.credential.status.failures
    if failures is None or failures.last_time is None or failures.next_retry_time is None:
        return False
    return session_day(failures.last_time) == session_day(observed.now)


def _is_hindered_today(observed: Observed) -> bool:
    """Return whether the next login is impossible as things stand, so that a user can fix it in time."""
    return isinstance(observed.app, Problem) or (not observed.needs_manual_login and _is_hindered(observed))


def yesterday_before_schedule(observed: Observed) -> Plan | None:
    """Watch a token of the day before, and never replace it, from 06:00 IST to the schedule: the flush is on.

    A problem that a user has to fix before the scheduled login is reported at once.
    """
    refresh_at = timing.refresh_at(observed.credential.timing, observed.jitter, observed.now)
    state = liveness(observed)
    if state is Liveness.NONE or not is_due(observed) or is_of_other_app(observed):
        return None
    if observed.now >= refresh_at or observed.refresh_asked:
        return None
    manual = observed.needs_manual_login
    if state is Liveness.DEAD:
        if manual or _is_hindered(observed):
            return None
        message = f"the token died in the broker's daily flush; the next one is fetched at {rfc3339(refresh_at)}"
        return Plan(Action.REST, Reason.TOKEN_EXPIRED, message, wake_at=refresh_at)
    message = f"a token of the day before is in use until the refresh at {rfc3339(refresh_at)}"
    healthy = state is Liveness.ALIVE
    return Plan(
        Action.REST, Reason.WAITING_FOR_SCHEDULE, message, wake_at=refresh_at, healthy=healthy, login_required=manual
    )


def _is_hindered(observed: Observed) -> bool:
    """Return whether a login at the scheduled time is impossible as things stand."""
    unusable = isinstance(observed.app, Problem) or isinstance(observed.factors, Problem)
    return unusable or standing_block(observed) is not None


def yesterday_at_schedule(observed: Observed) -> Plan | None:
    """Keep a token of the day before that may still work, from the schedule to the last call before readyBy."""
    state, last = liveness(observed), last_call(observed)
    if state not in (Liveness.ALIVE, Liveness.UNKNOWN) or is_of_other_app(observed):
        return None
    if last is None or observed.now >= last:
        return None
    alive, manual = state is Liveness.ALIVE, observed.needs_manual_login
    known = "still works" if alive else "may still work: the broker does not say"
    message = f"a token of the day before {known}; it is replaced at {rfc3339(last)} at the latest"
    return Plan(Action.REST, Reason.WAITING_FOR_SCHEDULE, message, wake_at=last, healthy=alive, login_required=manual)
