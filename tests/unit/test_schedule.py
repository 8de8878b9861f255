"""When whom to look at: by the wall clock, new ones first, never two looks at one credential at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kite_operator.model.errors import ClusterUnavailable
from kite_operator.model.resource import Key
from kite_operator.schedule import FIRST, Agenda, Scheduler, Urgency
from support.broker_fakes import NOW, LoopClock

A, B, C, D = (Key("desk", name) for name in "abcd")
SECOND = timedelta(seconds=1)
pytestmark = pytest.mark.looptime


def taken(agenda: Agenda, now: datetime = NOW) -> list[Key]:
    keys = []
    while (key := agenda.take(now)) is not None:
        keys.append(key)
    return keys


# The agenda is data.


def test_new_ones_go_before_changed_ones_before_due_ones() -> None:
    agenda = Agenda()
    agenda.wake_at(A, NOW)
    agenda.wake_now(B, Urgency.CHANGED)
    agenda.wake_now(C, Urgency.NEW)
    agenda.wake_now(D, Urgency.CHANGED)
    assert [C, B, D, A] == taken(agenda)


def test_nothing_is_taken_before_it_is_due() -> None:
    agenda = Agenda()
    agenda.wake_at(A, NOW + SECOND)
    assert (None, NOW + SECOND) == (agenda.take(NOW), agenda.next_due())
    assert A == agenda.take(NOW + SECOND)
    assert agenda.next_due() is None


def test_the_earlier_of_two_times_counts() -> None:
    agenda = Agenda()
    agenda.wake_at(A, NOW + 2 * SECOND)
    agenda.wake_at(A, NOW + SECOND)
    agenda.wake_at(A, NOW + 3 * SECOND)
    assert [A] == taken(agenda, NOW + SECOND)
    agenda.done(A, None)
    assert [] == taken(agenda, NOW + 9 * SECOND)


def test_one_that_is_woken_twice_is_looked_at_once_at_its_higher_urgency() -> None:
    agenda = Agenda()
    agenda.wake_now(A, Urgency.CHANGED)
    agenda.wake_now(B, Urgency.CHANGED)
    agenda.wake_now(B, Urgency.NEW)
    assert 2 == agenda.waiting
    assert [B, A] == taken(agenda)


def test_one_that_is_woken_while_it_is_worked_on_comes_again_afterwards() -> None:
    agenda = Agenda()
    agenda.wake_now(A, Urgency.NEW)
    assert [A] == taken(agenda)
    agenda.wake_now(A, Urgency.CHANGED)
    assert [] == taken(agenda)
    agenda.done(A, NOW + timedelta(hours=1))
    assert [A] == taken(agenda)
    agenda.done(A, NOW + timedelta(hours=1))
    assert NOW + timedelta(hours=1) == agenda.next_due()


def test_the_lag_is_that_of_the_most_overdue_until_a_worker_has_taken_it() -> None:
    agenda = Agenda()
    agenda.wake_at(A, NOW)
    agenda.wake_at(B, NOW + 5 * SECOND)
    agenda.wake_now(C, Urgency.NEW)
    assert timedelta() == agenda.lag(NOW)
    assert 8 * SECOND == agenda.lag(NOW + 8 * SECOND)
    assert C == agenda.take(NOW + 8 * SECOND)
    assert (8 * SECOND, 2, 1) == (agenda.lag(NOW + 8 * SECOND), agenda.waiting, agenda.busy)
    assert A == agenda.take(NOW + 9 * SECOND)
    assert 4 * SECOND == agenda.lag(NOW + 9 * SECOND)
    agenda.forget(B)
    assert timedelta() == agenda.lag(NOW + 9 * SECOND)


def test_a_clock_that_is_set_back_makes_nobody_less_overdue() -> None:
    agenda = Agenda()
    agenda.wake_at(A, NOW)
    agenda.wake_at(B, NOW)
    agenda.take(NOW)
    agenda.set_back(timedelta(hours=1))
    assert 3 * SECOND == agenda.lag(NOW - timedelta(hours=1) + 3 * SECOND)


def test_one_that_falls_due_while_it_is_worked_on_is_not_lost() -> None:
    agenda = Agenda()
    agenda.wake_now(A, Urgency.NEW)
    assert [A] == taken(agenda)
    agenda.wake_at(A, NOW + SECOND)
    assert [] == taken(agenda, NOW + 2 * SECOND)
    agenda.done(A, NOW + timedelta(hours=1))
    assert [A] == taken(agenda, NOW + 2 * SECOND)


def test_one_that_is_forgotten_is_not_looked_at() -> None:
    agenda = Agenda()
    agenda.wake_at(A, NOW)
    agenda.wake_now(B, Urgency.NEW)
    agenda.forget(A)
    agenda.forget(B)
    assert ([], None, 0) == (taken(agenda), agenda.next_due(), agenda.waiting)


STEPS = st.lists(
    st.tuples(st.sampled_from(["now", "at", "take", "done", "later"]), st.sampled_from([A, B, C]), st.integers(0, 5)),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_no_credential_is_ever_lost_or_worked_on_twice(steps: list[tuple[str, Key, int]]) -> None:
    agenda, busy, wanted, now = Agenda(), set[Key](), set[Key](), NOW
    for what, key, number in steps:
        match what:
            case "now":
                agenda.wake_now(key, Urgency(number % 3))
                wanted.add(key)
            case "at":
                agenda.wake_at(key, now + number * SECOND)
                wanted.add(key)
            case "take":
                took = agenda.take(now)
                if took is not None:
                    assert took not in busy
                    busy.add(took)
                    wanted.discard(took)
            case "done" if key in busy:
                busy.remove(key)
                agenda.done(key, now + number * SECOND if number else None)
                wanted |= {key} if number else set()
            case _:
                now += number * SECOND
    for key in busy:
        agenda.done(key, None)
    assert wanted <= set(taken(agenda, now + timedelta(hours=1)))


# The scheduler drives it.


class Looks:
    """Counts looks; a look takes `seconds` of the loop's virtual time and gives or raises what the test says."""

    def __init__(self, seconds: float = 1.0, answers: dict[Key, list[object]] | None = None) -> None:
        self.seconds = seconds
        self.answers = answers or {}
        self.log: list[tuple[float, Key]] = []
        self.under_way: set[Key] = set()
        self.most = 0

    async def look(self, key: Key) -> datetime | None:
        assert key not in self.under_way, "two looks at one credential"
        self.log.append((asyncio.get_running_loop().time(), key))
        self.under_way.add(key)
        self.most = max(self.most, len(self.under_way))
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.under_way.discard(key)
        answer = self.answers[key].pop(0) if self.answers.get(key) else None
        if isinstance(answer, Exception):
            raise answer
        return NOW + timedelta(seconds=answer) if isinstance(answer, (int, float)) else None


@contextmanager
def running(scheduler: Scheduler) -> Iterator[asyncio.Task[None]]:
    task = asyncio.create_task(scheduler.run())
    try:
        yield task
    finally:
        task.cancel()


def scheduler(look: Callable[[Key], Awaitable[datetime | None]], workers: int = 2) -> tuple[Scheduler, list[str]]:
    errors: list[str] = []
    made = Scheduler(look, LoopClock(), workers=workers, on_progress=lambda: None, on_error=errors.append)
    return made, errors


async def test_workers_are_bounded_and_all_are_served() -> None:
    looks = Looks()
    made, _ = scheduler(looks.look, workers=2)
    keys = [Key("desk", f"c{number}") for number in range(7)]
    for key in keys:
        made.wake_now(key, Urgency.NEW)
    with running(made):
        await asyncio.sleep(10)
    assert (keys, 2) == ([key for _, key in looks.log], looks.most)


async def test_a_look_is_repeated_when_it_asked_to_be() -> None:
    looks = Looks(seconds=0.5, answers={A: [10, 100]})
    made, _ = scheduler(looks.look)
    made.wake_now(A, Urgency.NEW)
    with running(made):
        await asyncio.sleep(200)
    assert [0, 10, 100] == [round(at) for at, _ in looks.log]


async def test_a_wake_during_a_look_is_not_lost() -> None:
    looks = Looks(seconds=5)
    made, _ = scheduler(looks.look)
    made.wake_now(A, Urgency.NEW)
    with running(made):
        await asyncio.sleep(1)
        made.wake_now(A, Urgency.CHANGED)
        await asyncio.sleep(20)
    assert [0, 5] == [round(at) for at, _ in looks.log]


async def test_a_failing_look_is_repeated_ever_later_and_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    fault = RuntimeError("body with access_token=very-secret")
    looks = Looks(seconds=0, answers={A: [fault, ClusterUnavailable("GET x", status=503), fault, 500]})
    made, errors = scheduler(looks.look, workers=1)
    made.wake_now(A, Urgency.NEW)
    made.wake_now(B, Urgency.NEW)
    with running(made):
        await asyncio.sleep(150)
    assert [0, 2, 24, 69] == [int(at) for at, key in looks.log if key == A]
    assert [0] == [int(at) for at, key in looks.log if key == B]
    assert ["RuntimeError", "ClusterUnavailable", "RuntimeError"] == errors
    assert "very-secret" not in caplog.text
    assert "GET x: HTTP 503" in caplog.text


async def test_after_a_success_the_backoff_begins_anew() -> None:
    looks = Looks(seconds=0, answers={A: [ValueError(), 10, ValueError(), 400]})
    made, _ = scheduler(looks.look)
    made.wake_now(A, Urgency.NEW)
    with running(made):
        await asyncio.sleep(100)
    assert [0, 2, 10, 10 + FIRST.total_seconds()] == [int(at) for at, _ in looks.log]


async def test_draining_waits_for_what_is_under_way_and_cancels_what_takes_too_long() -> None:
    looks = Looks(seconds=5)
    made, _ = scheduler(looks.look)
    made.wake_now(A, Urgency.NEW)
    with running(made) as task:
        await asyncio.sleep(1)
        task.cancel()
        await made.drain(3)
    assert (4.0, set()) == (asyncio.get_running_loop().time(), looks.under_way)
    assert 1 == len(looks.log)
    await made.drain(3)
    assert 4.0 == asyncio.get_running_loop().time()


async def test_draining_lets_a_look_finish() -> None:
    finished: list[Key] = []

    async def look(key: Key) -> None:
        await asyncio.sleep(2)
        finished.append(key)

    made, _ = scheduler(look)
    made.wake_now(A, Urgency.NEW)
    with running(made) as task:
        await asyncio.sleep(1)
        task.cancel()
        await made.drain(30)
    assert [A] == finished
