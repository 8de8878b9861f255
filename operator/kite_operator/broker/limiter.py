"""Rate limit per app: Kite allows 10 calls a second per api_key, and the user's own pods share the same limit.

The operator takes at most 3 of them, and at most 1 for probes (settings). The rule is a token bucket as a frozen value;
the limiter around it only waits. Calls for a new session go before probes; within each kind the order is first come,
first served. Many probes are spread over a longer interval: `stretched_interval` returns it.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Self

from kite_operator.clock import Clock
from kite_operator.model.sensitive import Sensitive

_ROUNDING = 1e-9
"""Floating-point slack: a token that lacks less than this is whole."""
_SHORTEST_WAIT_SECONDS = 0.001
_SWEPT_PER_CALL = 2


SESSION_BURST = 2.0
"""Calls that may follow each other at once: the exchange of a login and the proof of its session."""


class CallKind(Enum):
    """Purpose of a call."""

    SESSION = "session"
    PROBE = "probe"


@dataclass(frozen=True, slots=True)
class Bucket:
    """Token bucket: `rate` tokens a second up to `capacity`; `level` tokens were there at `at` (boot-time seconds).

    In any span of s seconds it gives at most `capacity + rate * s` tokens.
    """

    rate: float
    capacity: float
    level: float
    at: float

    @classmethod
    def full(cls, rate: float, now: float, *, capacity: float = 1.0) -> Self:
        """Return a full bucket. The capacity of one token spaces calls evenly instead of allowing bursts."""
        return cls(rate=rate, capacity=capacity, level=capacity, at=now)

    def refilled(self, now: float) -> Self:
        """Return the bucket at `now`; a `now` in its past changes nothing."""
        if now <= self.at:
            return self
        return replace(self, level=min(self.capacity, self.level + (now - self.at) * self.rate), at=now)

    def wait(self, now: float) -> float:
        """Return the seconds from `now` until a token is there; 0.0 when it is."""
        bucket = self.refilled(now)
        lacking = 1.0 - bucket.level
        return 0.0 if lacking <= _ROUNDING else (bucket.at - now) + lacking / self.rate

    def taken(self, now: float) -> Self:
        """Return the bucket without one token; only after `wait` returned 0.0."""
        bucket = self.refilled(now)
        return replace(bucket, level=max(0.0, bucket.level - 1.0))

    def is_full(self, now: float) -> bool:
        """Return whether the bucket is full, so that it may be forgotten without loss."""
        return self.refilled(now).level >= self.capacity - _ROUNDING


@dataclass(frozen=True, slots=True)
class AppLimit:
    """Limits of one app: every call takes from `calls`, a probe from `probes` too."""

    calls: Bucket
    probes: Bucket

    def wait(self, kind: CallKind, now: float) -> float:
        """Return the seconds from `now` until a call of `kind` is allowed."""
        wait = self.calls.wait(now)
        return max(wait, self.probes.wait(now)) if kind is CallKind.PROBE else wait

    def taken(self, kind: CallKind, now: float) -> Self:
        """Return the limits after a call of `kind`."""
        probes = self.probes.taken(now) if kind is CallKind.PROBE else self.probes
        return replace(self, calls=self.calls.taken(now), probes=probes)

    def is_full(self, now: float) -> bool:
        """Return whether both buckets of this app are full, so that it may be forgotten."""
        return self.calls.is_full(now) and self.probes.is_full(now)


def stretched_interval(wanted_seconds: float, probes: int, probes_per_second: float) -> float:
    """Return the shortest interval, at least `wanted_seconds`, in which `probes` credentials of an app are probed."""
    return max(wanted_seconds, probes / probes_per_second)


@dataclass(frozen=True, slots=True)
class RateLimits:
    """Calls a second per api_key: in all, and for probes (at most as many)."""

    calls_per_second: float = 3.0
    probes_per_second: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.probes_per_second <= self.calls_per_second:
            raise ValueError("probes_per_second must be above 0 and at most calls_per_second")


@dataclass(slots=True)
class _App:
    """Limits of one api_key and its two queues; `asyncio.Lock` is first come, first served."""

    limit: AppLimit
    next_turn: float = 0.0
    lanes: dict[CallKind, asyncio.Lock] = field(default_factory=lambda: {kind: asyncio.Lock() for kind in CallKind})
    callers: dict[CallKind, int] = field(default_factory=lambda: dict.fromkeys(CallKind, 0))

    @property
    def idle(self) -> bool:
        return not any(self.callers.values())


class RateLimiter:
    """Rate limiter that makes callers wait for their turn, per api_key; lives in one event loop."""

    def __init__(self, limits: RateLimits, clock: Clock) -> None:
        """`clock` gives boot-time seconds and sleeps."""
        self._limits = limits
        self._clock = clock
        self._apps: OrderedDict[Sensitive, _App] = OrderedDict()

    async def acquire(self, api_key: Sensitive, kind: CallKind) -> None:
        """Wait until a call of `kind` with `api_key` may be made; a cancelled caller takes nothing."""
        app = self._app(api_key)
        app.callers[kind] += 1
        try:
            async with app.lanes[kind]:
                while (wait := self._wait(app, kind)) > 0:
                    await self._clock.sleep(max(wait, _SHORTEST_WAIT_SECONDS))
                app.limit = app.limit.taken(kind, self._clock.boottime())
        finally:
            app.callers[kind] -= 1

    def probe_turn(self, api_key: Sensitive) -> float:
        """Reserve the next turn to probe with `api_key`; return the seconds until it comes, 0.0 when it is now.

        A credential does not wait in `acquire` for its turn: many probes of one app occupy no worker.
        """
        app, now = self._app(api_key), self._clock.boottime()
        turn = max(app.next_turn, now)
        app.next_turn = turn + 1.0 / self._limits.probes_per_second
        return turn - now

    def is_probe_free(self, api_key: Sensitive) -> bool:
        """Return whether no probe with `api_key` waits for its turn; nothing is reserved."""
        return self._app(api_key).next_turn <= self._clock.boottime()

    def probe_interval(self, wanted_seconds: float, probes: int) -> float:
        """Return the seconds between two probes of one credential when `probes` credentials share its api_key."""
        return stretched_interval(wanted_seconds, probes, self._limits.probes_per_second)

    def __len__(self) -> int:
        return len(self._apps)

    def _wait(self, app: _App, kind: CallKind) -> float:
        """Return the seconds until the head of a queue may go; a probe lets every waiting session call go first."""
        wait = app.limit.wait(kind, self._clock.boottime())
        if kind is CallKind.PROBE and app.callers[CallKind.SESSION]:
            return max(wait, 1.0 / self._limits.calls_per_second)
        return wait

    def _app(self, api_key: Sensitive) -> _App:
        now = self._clock.boottime()
        app = self._apps.get(api_key)
        if app is None:
            calls = Bucket.full(self._limits.calls_per_second, now, capacity=SESSION_BURST)
            app = _App(AppLimit(calls, Bucket.full(self._limits.probes_per_second, now)))
            self._apps[api_key] = app
        self._apps.move_to_end(api_key)
        self._forget_idle(now)
        return app

    def _forget_idle(self, now: float) -> None:
        """Drop idle apps with full buckets, the least recently used first: memory is bounded by the apps in use."""
        for _ in range(min(_SWEPT_PER_CALL, len(self._apps) - 1)):
            api_key, app = next(iter(self._apps.items()))
            if not app.idle or not app.limit.is_full(now) or app.next_turn > now:
                return
            del self._apps[api_key]
