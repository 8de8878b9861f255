"""What the process has learned and may lose: every entry can be learned again after a restart."""

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
    """What the account Lease is still to be told of a login that ended: its lock is free, and what became of it."""

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
    """What the process remembers of one credential between two reconciles.

    - `token_version`: the keyed hash of the session that `probes` is about
    - `probes`: what the broker has answered about that session
    - `heals`: when the derived Secret was corrected, within the last hour
    - `marked`: the token version that was last marked dead on the derived Secret
    - `target_version`: resourceVersion of the derived Secret as last read or written; our own write requeues nothing
    - `turn_at`: when the credential may probe next, by boot-time
    - `app`: the keyed hash of its api_key
    - `pending_writes`: what could not be written to the account Lease yet
    - `notify_checked`: the version of the credential for which its notification Secret was last checked
    - `unexchanged`: a completed login whose request_token was not exchanged
    - `misfits`: Secrets labelled as grants, of another type, for which an Event was emitted
    - `races`: how many reconciles in a row ended in a Conflict
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
        """The probes of the session with this fingerprint; those of another session are forgotten."""
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
        """Remember what the broker or a person said, and when; None for what is not true any more."""
        self.probes = replace(self.probes, **changes)

    def report_dead(self, now: datetime) -> bool:
        """Somebody says that the session is dead; True when nobody has said so since the broker was last asked."""
        first = self.probes.reported_at is None
        self.learn(reported_at=now)
        return first

    def heals_within_hour(self, now: datetime) -> int:
        """Return how often the derived Secret was healed within the last hour."""
        self.heals = tuple(at for at in self.heals if timedelta(0) <= now - at < DRIFT_MEMORY)
        return len(self.heals)


class InMemoryStates:
    """The recollections of all credentials."""

    def __init__(self) -> None:
        self._entries: defaultdict[Key, InMemoryState] = defaultdict(InMemoryState)
        self._sharing: Counter[str] = Counter()

    def of(self, key: Key) -> InMemoryState:
        """The recollection of one credential, empty at first."""
        return self._entries[key]

    def use_app(self, key: Key, app: str) -> int:
        """Remember which app a credential uses; gives how many credentials use it."""
        entry = self.of(key)
        if entry.app != app:
            self._sharing[entry.app] -= 1
            entry.app = app
            self._sharing[app] += 1
        return self._sharing[app]

    def clear(self) -> None:
        """Another process does the work, and learns: what was learned here grows old.

        What only this process knows stays: what the account Lease is to be told, and a login that can be completed.
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
        """The credential is gone."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._sharing[entry.app] -= 1
        self._sharing = +self._sharing
