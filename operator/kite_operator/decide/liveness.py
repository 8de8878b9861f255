"""What is known about the held session, and when to ask again: from the broker's own words only (P2)."""

from datetime import datetime, timedelta
from enum import StrEnum

from kite_operator.decide import timing
from kite_operator.decide.observed import Held, Observed
from kite_operator.model.conditions import AUTHENTICATED, READY
from kite_operator.model.expiry import FLUSH_START, at_time, parse_rfc3339, session_day
from kite_operator.model.reasons import Reason
from kite_operator.model.session import AppKeys

REPORT_INTERVAL = timedelta(seconds=60)
"""What somebody reports of a token is looked into this often at most: a false report costs one read a minute."""

FRESH_ANSWER = timedelta(seconds=60)
"""An answer about the token this young is not asked for again."""


class Liveness(StrEnum):
    """NONE: there is no published session. UNKNOWN: it is past its conservative expiry and nobody has asked since."""

    NONE = "none"
    ALIVE = "alive"
    UNKNOWN = "unknown"
    DEAD = "dead"


def last_flush(now: datetime) -> datetime:
    """The 06:00 IST that began the session day of `now`."""
    return at_time(session_day(now), FLUSH_START)


def liveness(observed: Observed) -> Liveness:
    """The state of the published session.

    A definite answer of the broker decides, the newer one wins; without one, a session of today is taken to be alive,
    one of the day before is not known. One that was brought is believed in nothing: refused, it was never a session.
    """
    held, probes = observed.held, observed.probes
    if held is None or not held.published or (held.brought and probes.dead_at is not None):
        return Liveness.NONE
    if held.brought:
        return Liveness.UNKNOWN
    if probes.dead_at is not None and (probes.alive_at is None or probes.dead_at >= probes.alive_at):
        return Liveness.DEAD
    if probes.alive_at is not None and probes.alive_at >= last_flush(observed.now):
        return Liveness.ALIVE
    if probes.alive_at is None and observed.target.marked_dead:
        return Liveness.DEAD
    return Liveness.ALIVE if held.session.is_of_day(observed.now) else Liveness.UNKNOWN


def is_due(observed: Observed) -> bool:
    """Return whether the held session is of the day before: it is due from 06:00 IST."""
    return observed.held is not None and not observed.held.session.is_of_day(observed.now)


def last_call(observed: Observed) -> datetime | None:
    """When a session of the day before is replaced, if it lives or not; None for one of today, or a closed market's."""
    spec, now = observed.credential.timing, observed.now
    if not is_due(observed) or not timing.is_refreshed_on(spec, session_day(now)):
        return None
    return timing.last_call(spec, observed.jitter, now)


def is_of_other_app(observed: Observed) -> bool:
    """Return whether the held session belongs to another app than the app Secret names now."""
    held = observed.held
    return held is not None and isinstance(observed.app, AppKeys) and held.session.api_key != observed.app.api_key


def is_vouched_for(observed: Observed) -> bool:
    """Whether the broker has said, to this process, that the published session lives and is of this client and app."""
    vouched = observed.probes.alive_at is not None and liveness(observed) is Liveness.ALIVE
    return vouched and not is_of_other_app(observed)


def is_told_lapsed(observed: Observed) -> bool:
    """Return whether status says that the subscription has lapsed."""
    ready = observed.credential.status.condition(READY)
    return ready is not None and ready.reason == Reason.SUBSCRIPTION_INACTIVE


def may_have_lapsed(observed: Observed) -> bool:
    """Return whether a dead session of today may come to life again: what ended it reads like a lapsed subscription.

    That is a hint of the broker's text, or what status says of a login that was refused since.
    """
    dead = liveness(observed) is Liveness.DEAD and not is_due(observed) and not is_of_other_app(observed)
    return dead and (is_told_lapsed(observed) or observed.probes.lapsed_at is not None)


def is_dead_by_mark_alone(observed: Observed) -> bool:
    """Return whether a session of today is taken to be dead for what stands on the Secret, where others may write too.

    The broker is asked once before such a token is replaced; one of the day before is replaced in any case.
    """
    dead, probes = liveness(observed) is Liveness.DEAD and not is_due(observed), observed.probes
    return dead and not may_have_lapsed(observed) and probes.dead_at is None and probes.asked_at is None


def found_dead_at(observed: Observed) -> datetime | None:
    """Return when the held session was first found to be dead; None while nobody has asked.

    After a restart status knows it still, in whole seconds; what it says of an earlier session is older than this one.
    """
    known = [observed.probes.dead_at] if observed.probes.dead_at is not None else []
    told, held = observed.credential.status.condition(AUTHENTICATED), observed.held
    if told is not None and told.reason == Reason.TOKEN_DEAD and held is not None:
        since = parse_rfc3339(told.since)
        known += [since] if since is not None and since > held.session.login_time else []
    return min(known, default=None)


def died_in_flush(observed: Observed) -> bool:
    """Return whether the flush of its own day has ended the held session, as far as can be known.

    That is when it was minted in the flush window and found dead at the latest by the probe that follows the window, or
    the one after that; what is found later was somebody's doing.
    """
    held, found = observed.held, found_dead_at(observed)
    check = timing.flush_check_at(held.session, observed.jitter) if held is not None else None
    return check is not None and found is not None and found <= check + observed.credential.timing.probe_interval


def next_probe(observed: Observed) -> datetime | None:
    """When the published session is probed next; None when there is none, or when the broker said that it is dead.

    Regularly at `probe.interval`; soon after 06:00 IST, at the scheduled refresh and every five minutes after it while
    the session is of the day before; once more after 07:30 IST when it was minted in the flush window; and when it was
    reported dead, a minute after the last question at the earliest.
    """
    held, probes = observed.held, observed.probes
    if held is None or liveness(observed) is Liveness.NONE:
        return None
    if liveness(observed) is Liveness.DEAD and not may_have_lapsed(observed):
        return observed.now if is_dead_by_mark_alone(observed) else None
    known = [at for at in (probes.alive_at, probes.asked_at) if at is not None]
    asked = max((at for at in known if at <= observed.now), default=None)
    if asked is None and known:
        return observed.now  # the clock was set back: what was asked in the future does not count
    scheduled = _scheduled_probe(observed, held, asked)
    if probes.reported_at is None:
        return scheduled
    return min(scheduled, observed.now if asked is None else asked + REPORT_INTERVAL)


def _scheduled_probe(observed: Observed, held: Held, asked: datetime | None) -> datetime:
    """The next probe by the clock alone."""
    regular = _regular_probe(observed, held, asked)
    if is_due(observed):
        return _probe_of_yesterday(observed, asked, regular)
    regular = min(regular, held.session.expires_at + _after_flush(observed))
    check = timing.flush_check_at(held.session, observed.jitter)
    if check is None or (asked is None and check <= observed.now) or (asked is not None and asked >= check):
        return regular
    return min(regular, check)


def _regular_probe(observed: Observed, held: Held, asked: datetime | None) -> datetime:
    """The next probe by `probe.interval` alone."""
    interval, now = observed.credential.timing.probe_interval, observed.now
    if asked is not None:
        return asked + interval
    if held.staged_at <= now < held.staged_at + interval:
        return held.staged_at + interval
    # After a restart every credential starts at its own share of the interval: no herd.
    known_since = observed.probes.known_since or now
    return now if known_since > now else known_since + interval * observed.jitter


def _after_flush(observed: Observed) -> timedelta:
    """Return how soon after 06:00 IST a token of the day before is probed."""
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
