"""What is known about the held session, and when to ask again: from the broker's own words only (P2)."""

from datetime import datetime, timedelta
from enum import StrEnum

from kite_operator.decide import timing
from kite_operator.decide.observed import Observed
from kite_operator.model.expiry import FLUSH_START, at_time, session_day
from kite_operator.model.session import AppKeys


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
    one of the day before is not known.
    """
    held, probes = observed.held, observed.probes
    if held is None or not held.published:
        return Liveness.NONE
    if probes.dead_at is not None and (probes.alive_at is None or probes.dead_at >= probes.alive_at):
        return Liveness.DEAD
    if probes.alive_at is not None:
        return Liveness.ALIVE if probes.alive_at >= last_flush(observed.now) else Liveness.UNKNOWN
    if observed.target.marked_dead:
        return Liveness.DEAD
    return Liveness.ALIVE if held.session.is_of_day(observed.now) else Liveness.UNKNOWN


def is_due(observed: Observed) -> bool:
    """Whether the held session is of the day before: it is due from 06:00 IST."""
    return observed.held is not None and not observed.held.session.is_of_day(observed.now)


def is_of_other_app(observed: Observed) -> bool:
    """Whether the held session belongs to another app than the app Secret names now."""
    held = observed.held
    return held is not None and isinstance(observed.app, AppKeys) and held.session.api_key != observed.app.api_key


def next_probe(observed: Observed) -> datetime | None:
    """When the published session is probed next; None when there is none, or when it is known to be dead.

    Regularly at `probe.interval`; soon after 06:00 IST, at the scheduled refresh and every five minutes after it while
    the session is of the day before; once more after 07:30 IST when it was minted in the flush window.
    """
    held, probes = observed.held, observed.probes
    if held is None or liveness(observed) in (Liveness.NONE, Liveness.DEAD):
        return None
    interval, share = observed.credential.timing.probe_interval, observed.jitter
    asked = max((at for at in (probes.alive_at, probes.asked_at) if at is not None), default=None)
    regular = held.staged_at + interval if asked is None else asked + interval
    if asked is None and regular <= observed.now:
        # After a restart every credential starts at its own share of the interval: no herd.
        regular = (probes.known_since or observed.now) + interval * share
    if is_due(observed):
        return _probe_of_yesterday(observed, asked, regular)
    check = timing.flush_check_at(held.session, share)
    unchecked = check is not None and (probes.alive_at is None or probes.alive_at < check)
    return min(regular, check) if unchecked and check is not None else regular


def _probe_of_yesterday(observed: Observed, asked: datetime | None, regular: datetime) -> datetime:
    spec, share = observed.credential.timing, observed.jitter
    flush, refresh_at = last_flush(observed.now), timing.refresh_at(spec, share, observed.now)
    if observed.now < refresh_at:
        first = flush + min(spec.probe_interval, timedelta(minutes=5)) * share
        return min(refresh_at, first if asked is None or asked < flush else regular)
    if asked is None or asked < refresh_at:
        return refresh_at
    return min(regular, asked + timing.DUE_PROBE_INTERVAL)
