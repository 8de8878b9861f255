"""Sessions and every way in which Kite ends one."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, time
from enum import StrEnum

from kite_sandbox.clock import next_wall_time
from kite_sandbox.confidential import Secret, fingerprint


class SessionEnd(StrEnum):
    """Why a token no longer works."""

    FLUSHED = "flushed"
    LOGGED_OUT = "logged_out"
    MASTER_LOGOUT = "master_logout"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the name of a reason, not a password
    SECRET_REGENERATED = "secret_regenerated"  # noqa: S105 - the name of a reason, not a secret
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Session:
    """One access_token and what came with it. `ended` is set once it was killed; the daily flush needs no event."""

    client_id: str
    api_key: str
    access_token: Secret
    public_token: Secret
    enctoken: Secret
    refresh_token: Secret | None
    minted_at: datetime
    ended: SessionEnd | None = None

    def death(self, now: datetime, flush: time) -> SessionEnd | None:
        """Return why the token is dead at `now`, or None while it works.

        It is flushed at the first wall time `flush` (IST) after it was minted, even if that is only minutes later.
        """
        if self.ended is not None:
            return self.ended
        return SessionEnd.FLUSHED if now >= next_wall_time(self.minted_at, flush) else None


@dataclass(frozen=True, slots=True)
class RefreshGrant:
    """The session that a refresh_token renews."""

    client_id: str
    api_key: str
    live: bool = True


class SessionBook:
    """All sessions since the start, dead ones too: a call with a dead token is still a call of that account."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._latest: dict[tuple[str, str], str] = {}
        self._by_client: defaultdict[str, set[str]] = defaultdict(set)
        self._by_app: defaultdict[str, set[str]] = defaultdict(set)
        self._refresh: dict[str, RefreshGrant] = {}
        self._refresh_by_client: defaultdict[str, set[str]] = defaultdict(set)
        self._refresh_by_app: defaultdict[str, set[str]] = defaultdict(set)

    def add(self, session: Session) -> None:
        """Enter a new session."""
        mark = session.access_token.fingerprint
        self._sessions[mark] = session
        self._latest[session.client_id, session.api_key] = mark
        self._by_client[session.client_id].add(mark)
        self._by_app[session.api_key].add(mark)
        if session.refresh_token is not None:
            self.add_refresh(session.refresh_token, RefreshGrant(session.client_id, session.api_key))

    def add_refresh(self, token: Secret, grant: RefreshGrant) -> None:
        """Enter a new refresh_token."""
        mark = token.fingerprint
        self._refresh[mark] = grant
        self._refresh_by_client[grant.client_id].add(mark)
        self._refresh_by_app[grant.api_key].add(mark)

    def find(self, access_token: str) -> Session | None:
        """The session of a token, alive or dead."""
        return self._sessions.get(fingerprint(access_token))

    def find_refresh(self, refresh_token: str) -> RefreshGrant | None:
        """Return what a refresh_token stands for, live or not."""
        return self._refresh.get(fingerprint(refresh_token))

    def latest(self, client_id: str, api_key: str) -> Session | None:
        """The newest session of a client ID in an app."""
        mark = self._latest.get((client_id, api_key))
        return None if mark is None else self._sessions[mark]

    def of_client(self, client_id: str) -> list[Session]:
        """The sessions of a client ID that nobody has ended; the flush may have."""
        return sorted((self._sessions[mark] for mark in self._by_client[client_id]), key=lambda each: each.minted_at)

    def end(self, session: Session, why: SessionEnd) -> None:
        """Kill one session."""
        self._end([session.access_token.fingerprint], why)

    def end_client(self, client_id: str, why: SessionEnd) -> int:
        """Kill all sessions and refresh_tokens of a client ID; returns how many sessions."""
        self._end_refresh(self._refresh_by_client[client_id])
        return self._end(list(self._by_client[client_id]), why)

    def end_app(self, api_key: str, why: SessionEnd) -> int:
        """Kill all sessions and refresh_tokens of an app; returns how many sessions."""
        self._end_refresh(self._refresh_by_app[api_key])
        return self._end(list(self._by_app[api_key]), why)

    def end_refresh(self, refresh_token: str) -> None:
        """Kill one refresh_token."""
        self._end_refresh([fingerprint(refresh_token)])

    def _end(self, marks: Iterable[str], why: SessionEnd) -> int:
        ended = 0
        for mark in marks:
            session = self._sessions[mark]
            self._by_client[session.client_id].discard(mark)
            self._by_app[session.api_key].discard(mark)
            if session.ended is None:
                self._sessions[mark] = replace(session, ended=why)
                ended += 1
        return ended

    def _end_refresh(self, marks: Iterable[str]) -> None:
        for mark in marks:
            self._refresh[mark] = replace(self._refresh[mark], live=False)
