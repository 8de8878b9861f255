"""Sends one reminder on a thread of its own: bounded in number and time, so that a stop is never delayed."""

import asyncio
import threading

from kite_operator.notify.services import Service

MOST_AT_ONCE = 8
SEND_SECONDS = 30.0
"""Longest wait for one send; a slower answer counts as a failure."""
PLACE_SECONDS = 300.0
"""Longest wait for a free place, when many reminders are sent at the same mark."""


class Sender:
    """Runs Apprise, which blocks. Its threads are daemons: one that hangs keeps its place, but not the process."""

    def __init__(
        self, *, most: int = MOST_AT_ONCE, send_seconds: float = SEND_SECONDS, place_seconds: float = PLACE_SECONDS
    ) -> None:
        """Create a sender. The bounds are arguments so that tests need not wait."""
        self._places = asyncio.Semaphore(most)
        self._send_seconds = send_seconds
        self._place_seconds = place_seconds

    async def send(self, service: Service, title: str, body: str) -> bool:
        """Return whether the service accepted the message in time; a late answer counts as a failure."""
        try:
            await asyncio.wait_for(self._places.acquire(), self._place_seconds)
        except TimeoutError:
            return False
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        threading.Thread(target=self._work, args=(answer, service, title, body), name="notify", daemon=True).start()
        try:
            return await asyncio.wait_for(asyncio.shield(answer), self._send_seconds)
        except TimeoutError:
            return False

    def _work(self, answer: "asyncio.Future[bool]", service: Service, title: str, body: str) -> None:
        try:
            sent = service.send(title, body)
        except Exception:  # noqa: BLE001 - a plugin may raise anything, and its text may hold the URL
            sent = False
        try:
            answer.get_loop().call_soon_threadsafe(self._done, answer, sent)
        except RuntimeError:
            return  # the process is stopping: no task waits for the answer

    def _done(self, answer: "asyncio.Future[bool]", sent: bool) -> None:  # noqa: FBT001 - called by the loop
        self._places.release()
        if not answer.done():
            answer.set_result(sent)
