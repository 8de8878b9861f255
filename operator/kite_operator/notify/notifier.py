"""Delivery of due reminders: beside the workers, in a few tries; a failure is reported by an Event.

A delivery begins after the reminder was written to status, and stores nothing: what a killed process had not sent yet
is lost (at most once, see docs/notifications.md). The notification Secret is read at each try, so that a corrected one
counts. Otherwise it is read only for a check after a credential was changed (P8).
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

from kite_operator.allow_list import AllowList
from kite_operator.clock import Clock
from kite_operator.cluster.api import Cluster, secrets_path
from kite_operator.model.errors import OperatorError
from kite_operator.model.notify_urls import Line, NotifyUrls, parse_notify_secret, place, told
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Credential, Key
from kite_operator.model.sensitive import Sensitive
from kite_operator.notify.message import ReminderMessage
from kite_operator.notify.sender import Sender
from kite_operator.notify.services import Service, UrlRefused, open_service
from kite_operator.record.events import EventWriter
from kite_operator.record.outcome import Note

_log = logging.getLogger(__name__)

RETRY_AFTER = (timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=5))
"""Pauses between the tries of one reminder: four tries in seven and a half minutes, and no more."""

CHECK_PAUSE = timedelta(seconds=30)
"""Shortest pause between two checks of one credential."""

Count = Callable[[str], None]


class Notifier:
    """Runs one delivery per credential at a time; a newer one replaces an older one."""

    def __init__(self, cluster: Cluster, clock: Clock, events: EventWriter, allowed: AllowList, count: Count) -> None:
        """Create an idle notifier; `count` is called with the result of each URL."""
        self._cluster = cluster
        self._clock = clock
        self._events = events
        self._allowed = allowed
        self._count = count
        self._sender = Sender()
        self._stopping = asyncio.Event()
        self._under_way: dict[Key, asyncio.Task[None]] = {}
        self._checks: dict[Key, asyncio.Task[None]] = {}
        self._to_check: dict[Key, Credential] = {}

    def send(self, credential: Credential, message: ReminderMessage) -> None:
        """Send the message to every URL of the credential's notification Secret; return at once."""
        self.withdraw(credential.key)
        if credential.notify_secret is None or self._stopping.is_set():
            return
        task = asyncio.create_task(self._deliver(credential, message), name=f"notify {credential.key}")
        self._under_way[credential.key] = task
        task.add_done_callback(lambda done: self._ended(credential.key, done))

    def check(self, credential: Credential) -> None:
        """Report problems of the notification Secret now, and not on the morning on which it is needed."""
        if credential.notify_secret is None or self._stopping.is_set():
            return
        self._to_check[credential.key] = credential
        if credential.key not in self._checks:
            task = asyncio.create_task(self._check(credential.key), name=f"notify check {credential.key}")
            self._checks[credential.key] = task
            task.add_done_callback(lambda _: self._checks.pop(credential.key))

    def withdraw(self, key: Key) -> None:
        """Cancel the delivery: no action is required any more."""
        task = self._under_way.pop(key, None)
        if task is not None:
            task.cancel()

    async def drain(self, seconds: float) -> None:
        """Stop: a send in progress may finish within `seconds`, and nothing is tried again."""
        self._stopping.set()
        tasks = {*self._under_way.values(), *self._checks.values()}
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def _ended(self, key: Key, task: "asyncio.Task[None]") -> None:
        if self._under_way.get(key) is task:
            del self._under_way[key]
        if not task.cancelled() and (error := task.exception()) is not None:
            # Its text may be foreign: only its type is logged (P4).
            _log.error("notification failed", extra={"credential": key, "error": type(error).__name__})

    async def _deliver(self, credential: Credential, message: ReminderMessage) -> None:
        delivered: set[Sensitive] = set()
        known: tuple[str, ...] = ()
        tries = 0
        for pause in (*RETRY_AFTER, None):
            tries += 1
            urls, services = await self._open(credential)
            if urls.problems != known:
                await self._report_invalid(credential, urls)
                known = urls.problems
            waiting = [(line, service) for line, service in services if line.url not in delivered]
            delivered |= await self._try(credential, waiting, message)
            failed = [line for line, _ in waiting if line.url not in delivered]
            if not failed and services:
                return
            if pause is None or self._stopping.is_set():
                break
            await self._pause(pause)
        await self._report_failed(credential, failed, tries)

    async def _open(self, credential: Credential) -> tuple[NotifyUrls, list[tuple[Line, Service]]]:
        """Return the lines and services of the Secret as it is now; unusable lines are among the problems."""
        name = credential.notify_secret or ""
        try:
            secret = await self._cluster.find(secrets_path(credential.key.namespace, name))
        except OperatorError as error:
            return NotifyUrls(problems=(f"it could not be read: {error}",)), []
        urls = parse_notify_secret(None if secret is None else dict(secret.get("data") or {}))
        services, problems = [], list(urls.problems)
        for line in urls.lines:
            await asyncio.sleep(0)  # a hostile line costs some milliseconds: let other tasks run
            try:
                services.append((line, open_service(line.url, self._allowed)))
            except UrlRefused as refusal:
                problems.append(place(line.number, str(refusal)))
        return NotifyUrls(urls.lines, tuple(problems)), services

    async def _try(
        self, credential: Credential, services: list[tuple[Line, Service]], message: ReminderMessage
    ) -> set[Sensitive]:
        """Send to these services concurrently; return the URLs that accepted the message."""
        answers = await asyncio.gather(
            *(self._sender.send(service, message.title, message.body) for _, service in services)
        )
        taken = {line.url for (line, _), sent in zip(services, answers, strict=True) if sent}
        for _ in taken:
            self._count("sent")
        if services:
            _log.info(
                "reminder sent", extra={"credential": credential.key, "sent": len(taken), "services": len(services)}
            )
        return taken

    async def _pause(self, pause: timedelta) -> None:
        """Wait until `pause` is over by either clock, or the process stops."""
        due, boot_due = self._clock.now() + pause, self._clock.boottime() + pause.total_seconds()
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            while not stopping.done() and self._clock.now() < due and self._clock.boottime() < boot_due:
                sleep = asyncio.create_task(self._clock.sleep((due - self._clock.now()).total_seconds()))
                await asyncio.wait({sleep, stopping}, return_when=asyncio.FIRST_COMPLETED)
                sleep.cancel()
        finally:
            stopping.cancel()

    async def _check(self, key: Key) -> None:
        """Check the latest state of a credential, at most twice a minute, however often it is changed."""
        while (credential := self._to_check.pop(key, None)) is not None:
            await self._report_invalid(credential, (await self._open(credential))[0])
            await self._pause(CHECK_PAUSE)

    async def _report_invalid(self, credential: Credential, urls: NotifyUrls) -> None:
        if not urls.problems:
            return
        for _ in urls.problems:
            self._count("invalid")
        message = told(credential.notify_secret or "", urls.problems)
        await self._events.write(credential, Note(Reason.NOTIFY_SECRET_INVALID, message))

    async def _report_failed(self, credential: Credential, failed: list[Line], tries: int) -> None:
        if not failed:
            return  # there was nothing to send to, and that has been reported
        for _ in failed:
            self._count("failed")
        lines = ", ".join(str(line.number) for line in failed)
        message = (
            f"a reminder was not delivered to line {lines} of key urls of Secret {credential.notify_secret!r} "
            f"(spec.notifySecretRef) (tries: {tries}): check that its URL is right and its service up"
        )
        await self._events.write(credential, Note(Reason.NOTIFICATION_FAILED, message))
