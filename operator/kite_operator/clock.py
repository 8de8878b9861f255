"""The only module that reads the time: everything else is given `now` or a Clock.

One Clock is made at the composition root. Wall-clock time decides *when* something is due (expiry and schedule are
wall-clock rules of the broker). Boot-time measures how long something is held by this process, since it counts a
suspended machine's sleep and never jumps.
"""

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol

LONGEST_SLEEP_SECONDS = 30.0
"""Longest sleep, so that a jump of the wall clock is noticed within half a minute."""


class Clock(Protocol):
    """The interface of a clock."""

    def now(self) -> datetime:
        """Return the wall-clock time, aware, in UTC."""
        ...

    def boottime(self) -> float:
        """Return seconds since an arbitrary instant; counts sleep, never jumps."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds`, at most `LONGEST_SLEEP_SECONDS`; callers check wall time again afterwards."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        """Return the wall-clock time, aware, in UTC."""
        return datetime.now(UTC)

    def boottime(self) -> float:
        """Return CLOCK_BOOTTIME in seconds."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    async def sleep(self, seconds: float) -> None:
        """Wait for at most `LONGEST_SLEEP_SECONDS`."""
        await asyncio.sleep(min(max(seconds, 0.0), LONGEST_SLEEP_SECONDS))
