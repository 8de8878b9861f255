"""Liveness of the held session and the time of the next probe: from the broker's answers only (P2)."""

from datetime import datetime, timedelta

from kite_operator.decide import timing
from kite_operator.decide.observed import Held, Observed
from kite_operator.decide.phase import Dead, Due, Nothing, OtherApp, Published, Staged, is_due, last_flush, phase_of
from kite_operator.model.conditions import AUTHENTICATED, READY
from kite_operator.model.expiry import parse_rfc3339, session_day
from kite_operator.model.reasons import Reason

REPORT_INTERVAL = timedelta(seconds=60)
"""Shortest time between probes of a reported token: a false report costs one read a minute at most."""

FRESH_ANSWER = timedelta(seconds=60)
"""Age up to which an answer about the token is not asked for again."""


def last_call(observed: Observed) -> datetime | None:
    """Return when a session of the day before is replaced, alive or not; None for one of today or on a closed day."""
    spec, now = observed.credential.timing, observed.now
    if not is_due(observed) or not timing.is_refreshed_on(spec, session_day(now)):
        return None
    return timing.last_call(spec, observed.jitter, now)


def is_vouched_for(observed: Observed) -> bool:
    """Return whether the broker has confirmed to this process that the session is alive, of this client and app."""
    match phase_of(observed):
        case Published(alive=True) | Due(alive=True):
            return observed.probes.alive_at is not None
    return False


def is_reported_lapsed(observed: Observed) -> bool:
    """Return whether status says that the subscription has lapsed."""
    ready = observed.credential.status.condition(READY)
    return ready is not None and ready.reason == Reason.SUBSCRIPTION_INACTIVE


def may_have_lapsed(observed: Observed) -> bool:
    """Return whether a dead session of today may work again: its refusal reads like a lapsed subscription.

    The evidence is the broker's text, or the status after a login that was refused since.
    """
    match phase_of(observed):
        case Dead(due=False):
            return is_reported_lapsed(observed) or observed.probes.lapsed_at is not None
    return False


def is_dead_by_mark_alone(observed: Observed) -> bool:
    """Return whether a session of today counts as dead by the mark on the Secret alone, where others may write too.

    The broker is asked once before such a token is replaced; one of the day before is replaced in any case.
    """
    match phase_of(observed):
        case Dead(due=False) | OtherApp(Dead(due=False)):
            asked = observed.probes.dead_at is not None or observed.probes.asked_at is not None
            return not asked and not may_have_lapsed(observed)
    return False


def found_dead_at(observed: Observed) -> datetime | None:
    """Return when the held session was first found to be dead; None before a probe has found it.

    Status keeps that time over a restart, in whole seconds. A time before this session's login is of an earlier one.
    """
    known = [observed.probes.dead_at] if observed.probes.dead_at is not None else []
    authenticated, held = observed.credential.status.condition(AUTHENTICATED), observed.held
    if authenticated is not None and authenticated.reason == Reason.TOKEN_DEAD and held is not None:
        since = parse_rfc3339(authenticated.since)
        known += [since] if since is not None and since > held.session.login_time else []
    return min(known, default=None)


def died_in_flush(observed: Observed) -> bool:
    """Return whether the flush of its own day has ended the held session, as far as can be known.

    It was then minted in the flush window, and found dead by the first probe after the window or the next one. A
    session that is found dead later was ended by a user or another program.
    """
    held, found = observed.held, found_dead_at(observed)
    check = timing.flush_check_at(held.session, observed.jitter) if held is not None else None
    return check is not None and found is not None and found <= check + observed.credential.timing.probe_interval


def next_probe(observed: Observed) -> datetime | None:
    """Return when the published session is probed next; None when there is none, or the broker answered it is dead.

    It is probed at every `probe.interval`. A session of the day before is probed soon after 06:00 IST, at the scheduled
    refresh and every five minutes after it. One minted in the flush window is probed once more after 07:30 IST. One
    reported dead is probed a minute after the last probe at the earliest.
    """
    match phase_of(observed):
        case Nothing() | Staged():
            return None
        case Dead() | OtherApp(Dead()) if not may_have_lapsed(observed):
            return observed.now if is_dead_by_mark_alone(observed) else None
        case OtherApp(session):
            return _next_probe_of(observed, session.held)
        case Published(held) | Due(held) | Dead(held):
            return _next_probe_of(observed, held)


def _next_probe_of(observed: Observed, held: Held) -> datetime:
    probes = observed.probes
    known = [at for at in (probes.alive_at, probes.asked_at) if at is not None]
    asked = max((at for at in known if at <= observed.now), default=None)
    if asked is None and known:
        return observed.now  # the clock was set back: a probe in the future does not count
    scheduled = _scheduled_probe(observed, held, asked)
    if probes.reported_at is None:
        return scheduled
    return min(scheduled, observed.now if asked is None else asked + REPORT_INTERVAL)


def _scheduled_probe(observed: Observed, held: Held, asked: datetime | None) -> datetime:
    """Return the next probe by the clock alone."""
    regular = _regular_probe(observed, held, asked)
    if is_due(observed):
        return _probe_of_yesterday(observed, asked, regular)
    regular = min(regular, held.session.expires_at + _after_flush(observed))
    check = timing.flush_check_at(held.session, observed.jitter)
    if check is None or (asked is None and check <= observed.now) or (asked is not None and asked >= check):
        return regular
    return min(regular, check)


def _regular_probe(observed: Observed, held: Held, asked: datetime | None) -> datetime:
    """Return the next probe by `probe.interval` alone."""
    interval, now = observed.credential.timing.probe_interval, observed.now
    if asked is not None:
        return asked + interval
    if held.staged_at <= now < held.staged_at + interval:
        return held.staged_at + interval
    # After a restart every credential starts at its own share of the interval, so that probes are spread.
    known_since = observed.probes.known_since or now
    return now if known_since > now else known_since + interval * observed.jitter


def _after_flush(observed: Observed) -> timedelta:
    """Return the time from 06:00 IST to the first probe of a token of the day before."""
    return min(observed.credential.timing.probe_interval, timing.DUE_PROBE_INTERVAL) * observed.jitter


def _probe_of_yesterday(observed: Observed, asked: datetime | None, regular: datetime) -> datetime:
    spec, share = observed.credential.timing, observed.jitter
    flush, refresh_at = last_flush(observed.now), timing.refresh_at(spec, share, observed.now)
    if not timing.is_refreshed_on(spec, session_day(observed.now)):
        refresh_at = timing.day_end(observed.now)
    if observed.now < refresh_at:
        first = flush + _after_flush(observed)
        if asked is None:
            first = max(first, regular)
        return min(refresh_at, first if asked is None or asked < flush else regular)
    if asked is None or asked < refresh_at:
        return refresh_at
    return min(regular, asked + timing.DUE_PROBE_INTERVAL)
