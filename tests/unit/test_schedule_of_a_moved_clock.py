"""The wall clock is set back under the scheduler (P6), and a look that hangs (P7)."""

import asyncio
from datetime import datetime, timedelta

import pytest

from kite_operator import schedule
from kite_operator.model.resource import Key
from kite_operator.schedule import Agenda, Scheduler, Urgency
from support.broker_fakes import NOW, LoopClock

ALPHA, BETA = Key("desk", "alpha"), Key("desk", "beta")
HOUR = timedelta(hours=1)

pytestmark = pytest.mark.looptime


class SetBack(LoopClock):
    """The event loop's time; the wall clock jumps back by `by` at second 30."""

    by = timedelta(days=1)

    def now(self) -> datetime:
        return super().now() - (self.by if self.boottime() >= 30 else timedelta(0))


def test_what_was_due_in_an_hour_is_due_in_an_hour_after_the_clock_was_set_back() -> None:
    agenda = Agenda()
    agenda.wake_at(ALPHA, NOW + 2 * HOUR)
    agenda.wake_at(BETA, NOW + HOUR)
    agenda.set_back(24 * HOUR)
    back = NOW - 24 * HOUR
    assert (None, back + HOUR) == (agenda.take(back), agenda.next_due())
    assert [BETA, ALPHA] == [agenda.take(back + HOUR), agenda.take(back + 2 * HOUR)]


async def test_looks_go_on_after_the_clock_was_set_back() -> None:
    clock, looked = SetBack(), list[float]()

    async def look(_: Key) -> datetime:
        looked.append(clock.boottime())
        return clock.now() + timedelta(minutes=5)

    made = Scheduler(look, clock, workers=1, on_progress=lambda: None, on_error=lambda _: None)
    made.wake_now(ALPHA, Urgency.NEW)
    task = asyncio.create_task(made.run())
    await asyncio.sleep(1000)
    task.cancel()
    assert [0, 300, 600, 900] == [round(at, -1) for at in looked]


async def test_a_look_that_hangs_is_given_up_and_counted() -> None:
    clock, errors, looks = LoopClock(), list[str](), list[float]()

    async def look(_: Key) -> None:
        looks.append(clock.boottime())
        await asyncio.Event().wait()

    made = Scheduler(look, clock, workers=1, on_progress=lambda: None, on_error=errors.append)
    made.wake_now(ALPHA, Urgency.NEW)
    task = asyncio.create_task(made.run())
    await asyncio.sleep(schedule.LONGEST_LOOK_SECONDS + 10)
    task.cancel()
    await made.drain(0.1)
    assert (["TimeoutError"], 2) == (errors, len(looks))
