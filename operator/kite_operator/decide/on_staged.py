"""Rules about a staged session: answered, not yet proven, and kept until the broker has accepted or refused it."""

from datetime import datetime, timedelta

from kite_operator.decide.liveness import FRESH_ANSWER, is_reported_lapsed
from kite_operator.decide.observed import Held, Observed
from kite_operator.decide.on_login import how_to_log_in
from kite_operator.decide.phase import Staged, phase_of
from kite_operator.decide.plan import Discard, Plan, Prove, Wait
from kite_operator.decide.standing import is_within, paused
from kite_operator.model.reasons import Reason

VERY_NEXT_CALL = timedelta(minutes=2)
"""Time after a login in which a refusal is not an expiry: the subscription has lapsed."""


def session_staged(observed: Observed) -> Plan | None:
    """Prove a session that was answered but not yet proven, before any new one is requested (P3)."""
    match phase_of(observed):
        case Staged(due=True):
            return Discard(Reason.TOKEN_EXPIRED, "the staged session is of the day before")
        case Staged(of_other_app=True):
            message = "the staged session belongs to another app than the app Secret"
            return Discard(Reason.TOKEN_EXPIRED, message)
        case Staged(held) if not observed.grants or observed.probes.dead_at is None:
            return _proof_paused(observed, held) or _prove_staged(observed, held)
    return None


def _proof_paused(observed: Observed, held: Held) -> Wait | None:
    """Return the backoff after a failed proof, or None; one from before this session was staged does not count.

    Status has whole seconds: a failure in the same second counts as a failed proof.
    """
    failures = observed.credential.status.failures
    if failures is None or failures.last_time is None or failures.last_time + timedelta(seconds=1) <= held.staged_at:
        return None
    return paused(observed)


def _prove_staged(observed: Observed, held: Held) -> Plan:
    """Prove a staged session at once and, when the broker refuses it, again at every `probe.interval`."""
    now, dead_at = observed.now, observed.probes.dead_at
    probe_at = (dead_at or now) + observed.credential.timing.probe_interval
    just_asked = is_within(dead_at, now, FRESH_ANSWER)
    if dead_at is not None and just_asked and (observed.refresh_asked or not _is_lapse(observed, held, dead_at)):
        return Discard(Reason.TOKEN_DEAD, "the staged session has been ended")
    if dead_at is None or not dead_at <= now < probe_at or observed.refresh_asked:
        return Prove(Reason.SESSION_UNPROVEN, "a new session is being proven", held)
    return _lapsed(observed, probe_at)


def _lapsed(observed: Observed, probe_at: datetime) -> Wait:
    """Report the likely cause, and the remedy for a session that was ended at once: that looks the same."""
    manual = observed.needs_manual_login
    renewed = "set the annotation kite-operator.dev/refresh to a new value to have the operator get another session"
    return Wait(
        Reason.SUBSCRIPTION_INACTIVE,
        "the broker accepted a login and refused the very next call: the app's Kite Connect subscription has lapsed. "
        "Renew it in the developer console; the same session is tried again by itself, without another login. If it "
        f"has not lapsed, somebody ended the session at once: {how_to_log_in(observed) if manual else renewed}",
        wake_at=probe_at,
        login_required=manual,
    )


def _is_lapse(observed: Observed, held: Held, dead_at: datetime) -> bool:
    """Return whether the session was refused on its very first call, by this process or before a restart.

    One that was staged long ago, before a crash, may have been ended by anything.
    """
    return dead_at - held.staged_at <= VERY_NEXT_CALL or is_reported_lapsed(observed)
