"""Journal of the calls that reached "Zerodha", counted per account and step for tests to assert on. Never a secret."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from kite_sandbox.dispatch import Caller
from kite_sandbox.world import LOGIN_STEPS, Call, Step

LOG_LENGTH = 2000
"""Entries kept per account; the counters stay exact beyond it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One call.

    `outcome` is what the broker did, `answered` what the caller was told: `truthfully`, the label of a fault, or
    `never`.
    """

    number: int
    at: datetime
    step: Step
    outcome: str
    status: int
    answered: str
    client_id: str | None
    api_key: str | None


@dataclass(slots=True)
class CallCounts:
    """The counters of one account, or of all calls together."""

    calls: Counter[Step] = field(default_factory=Counter)
    outcomes: defaultdict[Step, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    log: deque[Entry] = field(default_factory=lambda: deque(maxlen=LOG_LENGTH))
    login_calls_now: int = 0
    login_calls_at_once: int = 0


class Journal:
    """One CallCounts per account and per app, one for calls that belong to no known account, and one for everything."""

    def __init__(self) -> None:
        self.everything = CallCounts()
        self.unattributed = CallCounts()
        self._accounts: defaultdict[str, CallCounts] = defaultdict(CallCounts)
        self._apps: defaultdict[str, CallCounts] = defaultdict(CallCounts)
        self._numbered = 0

    def of(self, client_id: str) -> CallCounts:
        """The counters of an account."""
        return self._accounts[client_id]

    def of_app(self, api_key: str) -> CallCounts:
        """The counters of an app: of the calls that name it, which those with a password or a code do not."""
        return self._apps[api_key]

    def forget(self, client_id: str | None = None) -> None:
        """Zero one account's counters, or all."""
        if client_id is not None:
            self._accounts.pop(client_id, None)
            return
        self._accounts.clear()
        self._apps.clear()
        self.everything, self.unattributed = CallCounts(), CallCounts()

    @contextmanager
    def arrival(self, step: Step, caller: Caller) -> Iterator[None]:
        """Count a call that has arrived, and while it lasts count it among those in flight."""
        tallies = self._tallies(caller)
        is_login = step in LOGIN_STEPS
        for tally in tallies:
            tally.calls[step] += 1
            tally.login_calls_now += is_login
            tally.login_calls_at_once = max(tally.login_calls_at_once, tally.login_calls_now)
        try:
            yield
        finally:
            for tally in tallies:
                tally.login_calls_now -= is_login

    def record(self, call: Call, caller: Caller, result: tuple[str, int], answered: str) -> None:
        """Enter how a call ended; `result` is the outcome and the HTTP status that go with it."""
        self._numbered += 1
        outcome, status = result
        entry = Entry(self._numbered, call.now, call.step, outcome, status, answered, caller.client_id, caller.api_key)
        for tally in self._tallies(caller):
            tally.outcomes[call.step][outcome] += 1
            tally.log.append(entry)

    def _tallies(self, caller: Caller) -> tuple[CallCounts, ...]:
        own = self.unattributed if caller.client_id is None else self._accounts[caller.client_id]
        of_app = () if caller.api_key is None else (self._apps[caller.api_key],)
        return own, *of_app, self.everything
