"""How late the event loop is."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from kite_operator.loop_lag import measure_lag
from support.broker_fakes import LoopClock

pytestmark = pytest.mark.looptime


@dataclass
class LateClock(LoopClock):
    """A loop that wakes nobody in time."""

    late: float = 0.0
    slept: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(seconds + self.late)


async def lags(clock: LateClock, seconds: float) -> list[float]:
    seen: list[float] = []
    task = asyncio.create_task(measure_lag(clock, seen.append))
    await asyncio.sleep(seconds)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return seen


async def test_a_loop_in_time_has_no_lag() -> None:
    assert [0.0, 0.0, 0.0] == await lags(LateClock(), 3.5)


async def test_a_late_loop_shows_by_how_much() -> None:
    assert [2.0, 2.0] == [round(lag, 3) for lag in await lags(LateClock(late=2.0), 6.5)]


async def test_a_sleep_that_is_cut_short_is_no_lag() -> None:
    assert [0.0] * 4 == await lags(LateClock(late=-0.5), 2.4)
