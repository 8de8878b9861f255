"""The schedule of reconciles: a wall-clock heap, and bounded workers that never share a credential.

The heap is data; `Scheduler` drives it. Waiting is recomputed from wall time at least every thirty seconds, so that a
jump of the clock or a suspended machine is noticed. Credentials that were never reconciled go first, then requested
reconciles, then those that are due by the clock: new credentials never queue behind a morning's refreshes.
"""

import asyncio
import heapq
import itertools
import logging
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum

from kite_operator.clock import LONGEST_SLEEP_SECONDS, Clock
from kite_operator.decide import backoff
from kite_operator.model.errors import OperatorError, Unsettled
from kite_operator.model.resource import Key

_log = logging.getLogger(__name__)

FIRST = timedelta(seconds=2)
"""The wait after a first error of ours or of the cluster's; later ones wait longer."""
LONGEST = timedelta(minutes=2)
SMALLEST_JUMP = timedelta(seconds=5)
"""Smallest jump of the clock. A clock that is slewed goes back by less between two iterations."""
LONGEST_LOOK_SECONDS = 900.0
"""Longest reconcile. A longer one hangs: it is cancelled and counted as an error, and so not lost in silence."""


class Urgency(IntEnum):
    """The order of credentials when several are due."""

    NEW = 0
    CHANGED = 1
    DUE = 2


@dataclass(slots=True)
class Agenda:
    """Due times by key, and the keys in progress: pure data, `now` is an argument."""

    _heap: list[tuple[datetime, int, Key]] = field(default_factory=list)
    _due: dict[Key, datetime] = field(default_factory=dict)
    _ready: list[tuple[int, int, Key]] = field(default_factory=list)
    _urgency: dict[Key, int] = field(default_factory=dict)
    _overdue: dict[Key, datetime] = field(default_factory=dict)
    _busy: set[Key] = field(default_factory=set)
    _again: dict[Key, int] = field(default_factory=dict)
    _order: "itertools.count[int]" = field(default_factory=itertools.count)

    def wake_at(self, key: Key, due: datetime) -> None:
        """Requeue `key` at `due`, if it is not due earlier."""
        if key in self._urgency:
            return
        if key not in self._due or due < self._due[key]:
            self._due[key] = due
            heapq.heappush(self._heap, (due, next(self._order), key))

    def wake_now(self, key: Key, urgency: Urgency) -> None:
        """Requeue `key` as soon as a worker is free; if it is in progress, once more afterwards."""
        if key in self._busy:
            self._again[key] = min(urgency, self._again.get(key, urgency))
        elif self._urgency.get(key, urgency + 1) > urgency:
            self._due.pop(key, None)
            self._urgency[key] = urgency
            heapq.heappush(self._ready, (urgency, next(self._order), key))

    def take(self, now: datetime) -> Key | None:
        """Return the next credential to reconcile, marked as in progress."""
        while self._heap and self._heap[0][0] <= now:
            due, _, key = heapq.heappop(self._heap)
            if self._due.get(key) == due:
                del self._due[key]
                self._overdue[key] = due
                self.wake_now(key, Urgency.DUE)
        while self._ready:
            urgency, _, key = heapq.heappop(self._ready)
            if self._urgency.get(key) == urgency:
                del self._urgency[key]
                self._overdue.pop(key, None)
                self._busy.add(key)
                return key
        return None

    def done(self, key: Key, due: datetime | None) -> None:
        """Mark `key` as finished, and requeue it at `due`, or at once if it was woken in between."""
        self._busy.discard(key)
        if key in self._again:
            self.wake_now(key, Urgency(self._again.pop(key)))
        elif due is not None:
            self.wake_at(key, due)

    def forget(self, key: Key) -> None:
        """Remove a deleted credential."""
        self._due.pop(key, None)
        self._urgency.pop(key, None)
        self._overdue.pop(key, None)
        self._again.pop(key, None)

    def set_back(self, by: timedelta) -> None:
        """Move all due times back by `by`, as the clock was: what is due in five minutes stays due in five minutes."""
        self._due = {key: due - by for key, due in self._due.items()}
        self._overdue = {key: due - by for key, due in self._overdue.items()}
        self._heap = [(due, next(self._order), key) for key, due in self._due.items()]
        heapq.heapify(self._heap)

    def next_due(self) -> datetime | None:
        """Return the time of the next reconcile that is due by the clock."""
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    @property
    def waiting(self) -> int:
        """Return the number of credentials that wait for a worker."""
        return len(self._urgency)

    @property
    def busy(self) -> int:
        """Return the number of credentials in progress."""
        return len(self._busy)

    def lag(self, now: datetime) -> timedelta:
        """Return the delay of the most overdue reconcile: of those due by the clock, not of those after events."""
        return max(now - min([*self._overdue.values(), *self._due.values()], default=now), timedelta())


class Scheduler:
    """Runs reconciles with at most `workers` at a time; a failing one is retried with backoff."""

    def __init__(
        self,
        reconcile: Callable[[Key], Awaitable[datetime | None]],
        clock: Clock,
        *,
        workers: int,
        on_progress: Callable[[], None],
        on_error: Callable[[str], None],
    ) -> None:
        """Create an idle scheduler; `on_progress` is called in each iteration, `on_error` with an exception's type."""
        self._reconcile = reconcile
        self._clock = clock
        self._workers = asyncio.Semaphore(workers)
        self._on_progress = on_progress
        self._on_error = on_error
        self._wake = asyncio.Event()
        self._failures: dict[Key, int] = {}
        self._running: set[asyncio.Task[None]] = set()
        self.agenda = Agenda()
        self._last_iteration = clock.now(), clock.boottime()

    def wake_now(self, key: Key, urgency: Urgency) -> None:
        """Reconcile `key` as soon as possible."""
        self.agenda.wake_now(key, urgency)
        self._wake.set()

    @property
    def failing(self) -> int:
        """Return the number of credentials whose last reconcile ended in an error."""
        return len(self._failures)

    @property
    def waiting(self) -> int:
        """Return the number of credentials that wait for a worker."""
        return self.agenda.waiting

    @property
    def busy(self) -> int:
        """Return the number of credentials in progress."""
        return self.agenda.busy

    @property
    def lag_seconds(self) -> float:
        """Return the agenda's lag now, in seconds."""
        return self.agenda.lag(self._clock.now()).total_seconds()

    def forget(self, key: Key) -> None:
        """Remove a deleted credential."""
        self.agenda.forget(key)
        self._failures.pop(key, None)

    def forget_all(self) -> None:
        """Remove all credentials: another process reconciles them now."""
        self.agenda = Agenda()
        self._failures.clear()

    async def run(self) -> None:
        """Run until cancelled; `drain` then finishes the reconciles in progress."""
        while True:
            self._wake.clear()
            self._on_progress()
            self._notice_a_clock_that_was_set_back()
            await self._start_ready()
            await self._wait()

    async def drain(self, seconds: float) -> None:
        """Let reconciles in progress finish within `seconds`, then cancel them: the ledger makes that safe (P3)."""
        if not self._running:
            return
        _, late = await asyncio.wait(self._running, timeout=seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def _notice_a_clock_that_was_set_back(self) -> None:
        """Correct the due times, which are wall-clock times: otherwise none would come for as long as the jump was."""
        (then, then_boot), (now, boot) = self._last_iteration, (self._clock.now(), self._clock.boottime())
        self._last_iteration = now, boot
        set_back = timedelta(seconds=boot - then_boot) - (now - then)
        if set_back > SMALLEST_JUMP:
            _log.warning("clock was set back", extra={"seconds": round(set_back.total_seconds())})
            self.agenda.set_back(set_back)

    async def _start_ready(self) -> None:
        while True:
            await self._workers.acquire()
            key = self.agenda.take(self._clock.now())
            if key is None:
                self._workers.release()
                return
            task = asyncio.create_task(self._work(key), name=f"credential {key}")
            self._running.add(task)
            task.add_done_callback(self._running.discard)
            self._on_progress()

    async def _wait(self) -> None:
        due = self.agenda.next_due()
        pause = LONGEST_SLEEP_SECONDS if due is None else (due - self._clock.now()).total_seconds()
        sleep = asyncio.create_task(self._clock.sleep(pause))
        woken = asyncio.create_task(self._wake.wait())
        try:
            await asyncio.wait({sleep, woken}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()
            woken.cancel()

    async def _work(self, key: Key) -> None:
        due: datetime | None = None
        try:
            async with asyncio.timeout(LONGEST_LOOK_SECONDS):
                due = await self._reconcile(key)
            self._failures.pop(key, None)
        except Exception as error:  # noqa: BLE001 - one error must not stop the other credentials; counted and retried
            due = self._after_error(key, error)
        finally:
            self.agenda.done(key, due)
            self._workers.release()
            self._wake.set()

    def _after_error(self, key: Key, error: Exception) -> datetime:
        self._failures[key] = self._failures.get(key, 0) + 1
        self._on_error(type(error).__name__)
        # Only our own texts are logged: a foreign exception's text may hold a secret (P4).
        text = str(error) if isinstance(error, OperatorError) else ""
        _log.error("reconcile failed", extra={"credential": key, "error": f"{type(error).__name__} {text}".strip()})
        frames = "".join(traceback.format_tb(error.__traceback__))
        _log.debug("reconcile failed at\n%s", frames, extra={"credential": key})
        return self._clock.now() + self._wait_after(error, self._failures[key])

    def _wait_after(self, error: Exception, failures: int) -> timedelta:
        if isinstance(error, Unsettled):
            return error.wait
        return min(backoff.delay(failures, 0.0), LONGEST) if failures > 1 else FIRST
