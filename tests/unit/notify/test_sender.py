"""A send never blocks the event loop, ends in time whatever the service does, and keeps its place while it hangs."""

import asyncio
import threading
from dataclasses import dataclass, field

import pytest

from kite_operator.notify.sender import Sender


@dataclass(slots=True)
class Slow:
    """A service that answers when its event is set."""

    answer: bool | Exception = True
    go: threading.Event = field(default_factory=threading.Event)
    asked: int = 0

    def send(self, _title: str, _body: str) -> bool:
        self.asked += 1
        assert self.go.wait(20)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def send(sender: Sender, service: Slow) -> bool:
    return await sender.send(service, "title", "body")  # type: ignore[arg-type]  # what is used of a Service


@pytest.mark.parametrize(("answer", "sent"), [(True, True), (False, False), (ValueError("secret"), False)])
async def test_a_send_returns_the_answer_and_raises_nothing(answer: bool | Exception, sent: bool) -> None:  # noqa: FBT001 - a table
    service = Slow(answer)
    service.go.set()
    assert sent is await send(Sender(), service)


async def test_the_event_loop_runs_during_a_send() -> None:
    service = Slow()
    sending = asyncio.create_task(send(Sender(), service))
    while not service.asked:  # noqa: ASYNC110 - a thread sets no asyncio event
        await asyncio.sleep(0)
    service.go.set()
    assert await sending


async def test_a_service_that_hangs_is_given_up_and_keeps_its_place() -> None:
    sender, hanging, other = Sender(most=1, send_seconds=0.05, place_seconds=0.05), Slow(), Slow()
    other.go.set()
    assert not await send(sender, hanging)
    assert not await send(sender, other)
    assert 0 == other.asked
    hanging.go.set()
    while sender._places.locked():  # noqa: ASYNC110 - a thread frees it
        await asyncio.sleep(0.001)
    assert await send(sender, other)


async def test_a_late_answer_after_the_loop_stopped_is_ignored() -> None:
    service, sender = Slow(), Sender(send_seconds=0.05)

    async def one() -> bool:
        return await send(sender, service)

    answer = await asyncio.to_thread(asyncio.run, one())
    assert answer is False
    before = threading.active_count()
    service.go.set()
    for thread in threading.enumerate():
        if thread.name == "notify":
            await asyncio.to_thread(thread.join, 20)
    assert threading.active_count() <= before
