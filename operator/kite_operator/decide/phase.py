"""Phase of a session: the state diagram of docs/architecture.md as a type, computed from facts each time.

The diagram's other states (LoginRequired, LoggingIn, Waiting, Blocked, MarketClosed) are decisions: they are plans.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from kite_operator.decide.observed import Held, Observed
from kite_operator.model.expiry import FLUSH_START, at_time, session_day
from kite_operator.model.sources import Problem


class Liveness(StrEnum):
    """State of the published session. NONE: there is none. UNKNOWN: past its conservative expiry, not probed since."""

    NONE = "none"
    ALIVE = "alive"
    UNKNOWN = "unknown"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Nothing:
    """There is no session, or only one that was to be adopted and that the broker refuses."""


@dataclass(frozen=True, slots=True)
class Staged:
    """A session was answered and not yet proven; `due` when it is of the day before."""

    held: Held
    due: bool
    of_other_app: bool


@dataclass(frozen=True, slots=True)
class Published:
    """The session is of today. `alive` is False for an adopted one that was not proven yet."""

    held: Held
    alive: bool


@dataclass(frozen=True, slots=True)
class Due:
    """The session is of the day before: `alive` when the broker has accepted it since 06:00 IST, else it may work."""

    held: Held
    alive: bool


@dataclass(frozen=True, slots=True)
class Dead:
    """The broker refuses the published session; `due` when it is of the day before."""

    held: Held
    due: bool


@dataclass(frozen=True, slots=True)
class OtherApp:
    """The published session belongs to another app than the app Secret names now."""

    session: Published | Due | Dead


Phase = Nothing | Staged | Published | Due | Dead | OtherApp


def phase_of(observed: Observed) -> Phase:
    """Return the phase of the session."""
    held, state = observed.held, liveness(observed)
    if held is None:
        return Nothing()
    if not held.published:
        return Staged(held, is_due(observed), is_of_other_app(observed))
    if state is Liveness.NONE:
        return Nothing()
    session = _published(held, state, due=is_due(observed))
    return OtherApp(session) if is_of_other_app(observed) else session


def _published(held: Held, state: Liveness, *, due: bool) -> Published | Due | Dead:
    if state is Liveness.DEAD:
        return Dead(held, due)
    alive = state is Liveness.ALIVE
    return Due(held, alive) if due else Published(held, alive)


def liveness(observed: Observed) -> Liveness:
    """Return the state of the published session.

    The newest definite answer of the broker decides. Without one, a session of today counts as alive, and one of the
    day before is unknown. An unproven session from another client's Secret (`adopted`) is unknown until it is probed;
    once the broker refuses it, it counts as no session.
    """
    held, probes = observed.held, observed.probes
    if held is None or not held.published or (held.adopted and probes.dead_at is not None):
        return Liveness.NONE
    if held.adopted:
        return Liveness.UNKNOWN
    if probes.dead_at is not None and (probes.alive_at is None or probes.dead_at >= probes.alive_at):
        return Liveness.DEAD
    if probes.alive_at is not None and probes.alive_at >= last_flush(observed.now):
        return Liveness.ALIVE
    if probes.alive_at is None and observed.target.marked_dead:
        return Liveness.DEAD
    return Liveness.ALIVE if held.session.is_of_day(observed.now) else Liveness.UNKNOWN


def last_flush(now: datetime) -> datetime:
    """Return the 06:00 IST that began the session day of `now`."""
    return at_time(session_day(now), FLUSH_START)


def is_due(observed: Observed) -> bool:
    """Return whether the held session is of the day before: it is due from 06:00 IST."""
    return observed.held is not None and not observed.held.session.is_of_day(observed.now)


def is_of_other_app(observed: Observed) -> bool:
    """Return whether the held session belongs to another app than the app Secret names now."""
    held, app = observed.held, observed.app
    return held is not None and not isinstance(app, Problem) and held.session.api_key != app.keys.api_key
