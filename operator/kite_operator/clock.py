"""The only module that reads the time: everything else is given `now` or a Clock.

One Clock is made at the composition root. Wall-clock time decides *when* something is due (expiry and schedule are
wall-clock rules of the broker); boot-time decides how long something that this process holds is still held, since it
counts a suspended machine's sleep and never jumps.
"""

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol

LONGEST_SLEEP_SECONDS = 30.0
"""A sleep never outlasts this, so that a jump of the wall clock is noticed within half a minute."""


class Clock(Protocol):
    """What the operator asks of time."""

    def now(self) -> datetime:
        """The wall-clock time, aware, in UTC."""
        ...

    def boottime(self) -> float:
        """Seconds since an arbitrary instant; counts sleep, never jumps."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds` or `LONGEST_SLEEP_SECONDS`, whichever is shorter; callers ask again from wall time."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        """The wall-clock time, aware, in UTC."""
        return datetime.now(UTC)

    def boottime(self) -> float:
        """CLOCK_BOOTTIME in seconds."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    async def sleep(self, seconds: float) -> None:
        """Wait for at most `LONGEST_SLEEP_SECONDS`."""
        await asyncio.sleep(min(max(seconds, 0.0), LONGEST_SLEEP_SECONDS))
