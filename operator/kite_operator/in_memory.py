"""In-memory state of the process: a restart may lose all of it, and every entry can be learned again."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from kite_operator.decide.budget import Settlement
from kite_operator.decide.observed import Probes
from kite_operator.model.account import Rejection
from kite_operator.model.resource import Key
from kite_operator.model.sensitive import Sensitive

DRIFT_MEMORY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class PendingWrite:
    """Write to the account Lease that remains after a login ended: it frees the lock and records the outcome."""

    lock_id: str
    rejection: Rejection | None = None
    settlement: Settlement | None = None


@dataclass(frozen=True, slots=True)
class Unexchanged:
    """The request_token of a login that was completed `since`, and not exchanged; `app` is the api_key's version."""

    client_id: str
    app: str
    request_token: Sensitive
    since: datetime


@dataclass(slots=True)
class InMemoryState:
    """In-memory state of one credential between two reconciles.

    - `token_version`: the keyed hash of the session that `probes` is about
    - `probes`: the broker's answers about that session
    - `heals`: times within the last hour at which the derived Secret was corrected
    - `marked`: the token version that was last marked dead on the derived Secret
    - `target_version`: resourceVersion of the derived Secret as last read or written; our own write requeues nothing
    - `turn_at`: the boot-time at which the credential may probe next
    - `app`: the keyed hash of its api_key
    - `pending_writes`: writes to the account Lease that could not be made yet
    - `notify_checked`: the version of the credential for which its notification Secret was last checked
    - `unexchanged`: a completed login whose request_token was not exchanged
    - `misfits`: Secrets labelled as grants, of another type, for which an Event was emitted
    - `races`: the number of reconciles in a row that ended in a Conflict
    """

    token_version: str = ""
    probes: Probes = field(default_factory=Probes)
    heals: tuple[datetime, ...] = ()
    marked: str | None = None
    target_version: str = ""
    turn_at: float | None = None
    app: str = ""
    pending_writes: tuple[PendingWrite, ...] = ()
    notify_checked: str = ""
    unexchanged: Unexchanged | None = None
    misfits: tuple[str, ...] = ()
    races: int = 0

    def about(self, token_version: str, now: datetime) -> Probes:
        """Return the probes of the session with this token version; those of another session are dropped."""
        if token_version != self.token_version:
            kept = self.probes
            self.token_version = token_version
            self.probes = Probes(
                known_since=now if token_version else None,
                refreshed_at=kept.refreshed_at,
                exchanged_at=kept.exchanged_at,
                reported_at=kept.reported_at,
            )
        return self.probes

    def learn(self, **changes: datetime | None) -> None:
        """Record the times of answers and reports about the session; None for a fact that is no longer true."""
        self.probes = replace(self.probes, **changes)

    def report_dead(self, now: datetime) -> bool:
        """Record a report that the session is dead; return True for the first since the broker was last asked."""
        first = self.probes.reported_at is None
        self.learn(reported_at=now)
        return first

    def heals_within_hour(self, now: datetime) -> int:
        """Return the number of corrections of the derived Secret within the last hour."""
        self.heals = tuple(at for at in self.heals if timedelta(0) <= now - at < DRIFT_MEMORY)
        return len(self.heals)


class InMemoryStates:
    """In-memory states of all credentials."""

    def __init__(self) -> None:
        self._entries: defaultdict[Key, InMemoryState] = defaultdict(InMemoryState)
        self._sharing: Counter[str] = Counter()

    def of(self, key: Key) -> InMemoryState:
        """Return the in-memory state of one credential, empty at first."""
        return self._entries[key]

    def use_app(self, key: Key, app: str) -> int:
        """Record the app that a credential uses; return the number of credentials that use it."""
        entry = self.of(key)
        if entry.app != app:
            self._sharing[entry.app] -= 1
            entry.app = app
            self._sharing[app] += 1
        return self._sharing[app]

    def clear(self) -> None:
        """Drop the state when another process becomes the leader: the state here is no longer updated.

        State that only this process has stays: pending writes to the account Lease, and a login that can be completed.
        """
        kept = {
            key: InMemoryState(pending_writes=entry.pending_writes, unexchanged=entry.unexchanged)
            for key, entry in self._entries.items()
            if entry.pending_writes or entry.unexchanged is not None
        }
        self._entries.clear()
        self._entries.update(kept)
        self._sharing.clear()

    def forget(self, key: Key) -> None:
        """Drop the state of a credential that is gone."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._sharing[entry.app] -= 1
        self._sharing = +self._sharing
