"""A reminder goes to each URL once, is tried a few times, and what failed is told by line and never by URL."""

import asyncio
import base64
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from kite_operator.allow_list import parse_allow_list
from kite_operator.cluster.api import secrets_path
from kite_operator.model.errors import ClusterUnavailable
from kite_operator.notify.message import ReminderMessage
from kite_operator.notify.notifier import RETRY_AFTER, Notifier
from kite_operator.notify.services import Service
from kite_operator.record.events import EventWriter
from support.broker_fakes import LoopClock
from support.facts import credential
from support.memory_cluster import MemoryCluster

ALPHA = credential(mode="Manual", notify_secret="alpha-notify")
LETTER = ReminderMessage("a title", "a body")
SECRET_PART = "made-up-and-wrong"
ONE, TWO, THREE = (f"https://hooks.example.com/{name}-{SECRET_PART}" for name in ("one", "two", "three"))
ELSEWHERE = f"https://evil.example/{SECRET_PART}"
PATH = secrets_path("desk", "alpha-notify")
ALL_TRIES = sum(pause.total_seconds() for pause in RETRY_AFTER) + 1

pytestmark = pytest.mark.looptime


@dataclass(slots=True)
class FakeSender:
    """Takes what `takes` says; remembers the paths that it was asked to send to."""

    takes: Callable[[str], bool] = lambda _path: True
    sent: list[str] = field(default_factory=list)
    seconds: float = 0.0

    async def send(self, service: Service, title: str, body: str) -> bool:
        assert (LETTER.title, LETTER.body) == (title, body)
        path = service._plugin.fullpath
        self.sent.append(path.removeprefix("/").partition("-")[0])
        await asyncio.sleep(self.seconds)
        return self.takes(path)


class Setup:
    """A notifier with a cluster in memory, and what became of it."""

    def __init__(self, *urls: str) -> None:
        self.cluster = MemoryCluster()
        self.results: list[str] = []
        clock = LoopClock()
        events = EventWriter(self.cluster, clock, "test")
        allowed = parse_allow_list("https://hooks.example.com")
        self.notifier = Notifier(self.cluster, clock, events, allowed, self.results.append)
        self.sender = FakeSender()
        self.notifier._sender = self.sender  # type: ignore[assignment]  # the one method that is used
        if urls:
            self.write(*urls)

    def write(self, *urls: str) -> None:
        data = {"urls": base64.b64encode("\n".join(urls).encode()).decode()}
        self.cluster.put(PATH, {"metadata": {"name": "alpha-notify"}, "data": data})

    def events(self) -> list[tuple[str, str]]:
        return [(one["reason"], one["message"]) for path, one in self.cluster.objects.items() if "/events/" in path]

    def reads(self) -> int:
        return self.cluster.journal.count(("GET", PATH))

    async def all_tries(self) -> None:
        await asyncio.sleep(ALL_TRIES)


async def test_each_url_gets_it_once() -> None:
    desk = Setup(ONE, "# a comment", TWO)
    desk.notifier.send(ALPHA, LETTER)
    await desk.all_tries()
    assert ["one", "two"] == sorted(desk.sender.sent)
    assert ["sent", "sent"] == desk.results
    assert [] == desk.events()
    assert 1 == desk.reads()


async def test_without_a_notification_secret_nothing_is_read() -> None:
    desk = Setup(ONE)
    desk.notifier.send(replace(ALPHA, notify_secret=None), LETTER)
    desk.notifier.check(replace(ALPHA, notify_secret=None))
    await desk.all_tries()
    assert ([], []) == (desk.sender.sent, desk.cluster.journal)


async def test_only_what_failed_is_tried_again() -> None:
    desk = Setup(ONE, TWO)
    tries = {"/two": 0}

    def second_time(path: str) -> bool:
        tries["/two"] += path.startswith("/two")
        return not path.startswith("/two") or tries["/two"] == 2

    desk.sender.takes = second_time
    desk.notifier.send(ALPHA, LETTER)
    await desk.all_tries()
    assert ["one", "two", "two"] == sorted(desk.sender.sent)
    assert ["sent", "sent"] == desk.results
    assert [] == desk.events()


async def test_it_is_given_up_after_four_tries_and_told_by_its_line() -> None:
    desk = Setup("", ONE, TWO)
    desk.sender.takes = lambda path: path.startswith("/one")
    desk.notifier.send(ALPHA, LETTER)
    await desk.all_tries()
    await desk.all_tries()
    assert ["one", "two", "two", "two", "two"] == sorted(desk.sender.sent)
    assert ["failed", "sent"] == sorted(desk.results)
    [(reason, message)] = desk.events()
    assert "NotificationFailed" == reason
    assert "line 3 of key urls of Secret 'alpha-notify'" in message
    assert SECRET_PART not in message


async def test_a_bad_line_is_told_and_the_others_are_used() -> None:
    desk = Setup(ELSEWHERE, ONE)
    desk.notifier.send(ALPHA, LETTER)
    await desk.all_tries()
    assert ["one"] == desk.sender.sent
    assert ["invalid", "sent"] == sorted(desk.results)
    [(reason, message)] = desk.events()
    assert "NotifySecretInvalid" == reason
    assert message.startswith("key 'urls' of Secret 'alpha-notify' (spec.notifySecretRef): line 1 goes where")
    assert "evil" not in message
    assert SECRET_PART not in message


async def test_what_is_wrong_all_the_time_is_told_once() -> None:
    desk = Setup(ELSEWHERE)
    desk.notifier.send(ALPHA, LETTER)
    await desk.all_tries()
    assert ["NotifySecretInvalid"] == [reason for reason, _ in desk.events()]
    assert ["invalid"] == desk.results
    assert len(RETRY_AFTER) + 1 == desk.reads()


async def test_a_secret_that_is_corrected_between_two_tries_counts() -> None:
    desk = Setup()
    desk.notifier.send(ALPHA, LETTER)
    await asyncio.sleep(1)
    desk.write(ONE)
    await desk.all_tries()
    assert ["one"] == desk.sender.sent
    [(reason, message)] = desk.events()
    assert "NotifySecretInvalid" == reason
    assert "there is no such Secret" in message


async def test_an_api_server_that_is_away_costs_a_try() -> None:
    desk = Setup(ONE)

    def away(verb: str, path: str) -> None:
        if (verb, path) == ("GET", PATH) and asyncio.get_running_loop().time() < 20:
            raise ClusterUnavailable("GET", status=0)

    desk.cluster.before = away
    desk.notifier.send(ALPHA, LETTER)
    await desk.all_tries()
    assert ["one"] == desk.sender.sent


async def test_once_nobody_is_needed_nothing_is_tried_again() -> None:
    desk = Setup(ONE)
    desk.sender.takes = lambda _path: False
    desk.notifier.send(ALPHA, LETTER)
    await asyncio.sleep(1)
    desk.notifier.withdraw(ALPHA.key)
    await desk.all_tries()
    assert ["one"] == desk.sender.sent
    assert ([], []) == (desk.results, desk.events())


async def test_a_newer_reminder_takes_the_place_of_an_older() -> None:
    desk = Setup(ONE)
    desk.sender.takes = lambda _path: len(desk.sender.sent) > 1
    desk.notifier.send(ALPHA, LETTER)
    await asyncio.sleep(1)
    desk.notifier.send(ALPHA, LETTER)
    await desk.all_tries()
    assert ["one", "one"] == desk.sender.sent
    assert ["sent"] == desk.results
    assert {} == desk.notifier._under_way


async def test_a_stop_lets_what_is_being_sent_finish_and_tries_nothing_again() -> None:
    desk = Setup(ONE, TWO)
    desk.sender.takes = lambda path: path.startswith("/one")
    desk.sender.seconds = 2.0
    desk.notifier.send(ALPHA, LETTER)
    await asyncio.sleep(1)
    await desk.notifier.drain(5)
    assert ["failed", "sent"] == sorted(desk.results)
    assert 2.0 == asyncio.get_running_loop().time()
    desk.notifier.send(ALPHA, LETTER)
    await desk.all_tries()
    assert ["one", "two"] == sorted(desk.sender.sent)


async def test_a_stop_does_not_wait_for_a_pause_nor_for_a_service_that_hangs() -> None:
    desk = Setup(ONE)
    desk.sender.takes = lambda _path: False
    desk.notifier.send(ALPHA, LETTER)
    await asyncio.sleep(1)
    await desk.notifier.drain(5)
    assert 1.0 == asyncio.get_running_loop().time()
    hanging = Setup(ONE)
    hanging.sender.seconds = 1000.0
    hanging.notifier.send(ALPHA, LETTER)
    await asyncio.sleep(1)
    await hanging.notifier.drain(5)
    assert 7.0 == asyncio.get_running_loop().time()


async def test_a_check_sends_nothing_and_tells_what_is_wrong() -> None:
    desk = Setup(ONE, ELSEWHERE)
    desk.notifier.check(ALPHA)
    await desk.all_tries()
    assert [] == desk.sender.sent
    assert ["NotifySecretInvalid"] == [reason for reason, _ in desk.events()]
    assert 1 == desk.reads()


async def test_one_who_changes_a_credential_all_the_time_is_told_twice_a_minute_and_of_the_last_change() -> None:
    desk = Setup(ELSEWHERE)
    for number in range(100):
        desk.notifier.check(replace(ALPHA, notify_secret="alpha-notify" if number == 0 else f"other-{number}"))
        await asyncio.sleep(0.1)
    await asyncio.sleep(60)
    assert 2 == len(desk.events())
    assert "'other-99'" in desk.events()[1][1]
    assert ({}, {}) == (desk.notifier._checks, desk.notifier._to_check)


async def test_nothing_of_a_url_shows_in_what_the_notifier_logs_or_tells(caplog: pytest.LogCaptureFixture) -> None:
    desk = Setup(ONE, ELSEWHERE, f"slack://{SECRET_PART}", f"{SECRET_PART} ")

    def broken(_path: str) -> bool:
        raise RuntimeError(ONE)

    desk.sender.takes = broken
    with caplog.at_level("DEBUG"):
        desk.notifier.send(ALPHA, LETTER)
        await desk.all_tries()
    assert "RuntimeError" in caplog.text
    assert SECRET_PART not in f"{caplog.text}{desk.events()}{desk.results}{vars(desk.notifier)}"
