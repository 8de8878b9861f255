"""A reminder goes to each URL once and is tried a few times; a failure is reported by line, never by URL."""

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
REMINDER = ReminderMessage("a title", "a body")
SECRET_PART = "made-up-and-wrong"
ONE, TWO, THREE = (f"https://hooks.example.com/{name}-{SECRET_PART}" for name in ("one", "two", "three"))
ELSEWHERE = f"https://evil.example/{SECRET_PART}"
PATH = secrets_path("desk", "alpha-notify")
ALL_TRIES = sum(pause.total_seconds() for pause in RETRY_AFTER) + 1

pytestmark = pytest.mark.looptime


@dataclass(slots=True)
class FakeSender:
    """A sender that accepts what `takes` returns, and records the paths that it was called with."""

    takes: Callable[[str], bool] = lambda _path: True
    sent: list[str] = field(default_factory=list)
    seconds: float = 0.0

    async def send(self, service: Service, title: str, body: str) -> bool:
        assert (REMINDER.title, REMINDER.body) == (title, body)
        path = service._plugin.fullpath
        self.sent.append(path.removeprefix("/").partition("-")[0])
        await asyncio.sleep(self.seconds)
        return self.takes(path)


class Setup:
    """A notifier with a cluster in memory, and its results."""

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


async def test_each_url_gets_a_reminder_once() -> None:
    setup = Setup(ONE, "# a comment", TWO)
    setup.notifier.send(ALPHA, REMINDER)
    await setup.all_tries()
    assert ["one", "two"] == sorted(setup.sender.sent)
    assert ["sent", "sent"] == setup.results
    assert [] == setup.events()
    assert 1 == setup.reads()


async def test_without_a_notification_secret_nothing_is_read() -> None:
    setup = Setup(ONE)
    setup.notifier.send(replace(ALPHA, notify_secret=None), REMINDER)
    setup.notifier.check(replace(ALPHA, notify_secret=None))
    await setup.all_tries()
    assert ([], []) == (setup.sender.sent, setup.cluster.journal)


async def test_only_failed_urls_are_retried() -> None:
    setup = Setup(ONE, TWO)
    tries = {"/two": 0}

    def second_time(path: str) -> bool:
        tries["/two"] += path.startswith("/two")
        return not path.startswith("/two") or tries["/two"] == 2

    setup.sender.takes = second_time
    setup.notifier.send(ALPHA, REMINDER)
    await setup.all_tries()
    assert ["one", "two", "two"] == sorted(setup.sender.sent)
    assert ["sent", "sent"] == setup.results
    assert [] == setup.events()


async def test_a_url_is_given_up_after_four_tries_and_reported_by_its_line() -> None:
    setup = Setup("", ONE, TWO)
    setup.sender.takes = lambda path: path.startswith("/one")
    setup.notifier.send(ALPHA, REMINDER)
    await setup.all_tries()
    await setup.all_tries()
    assert ["one", "two", "two", "two", "two"] == sorted(setup.sender.sent)
    assert ["failed", "sent"] == sorted(setup.results)
    [(reason, message)] = setup.events()
    assert "NotificationFailed" == reason
    assert "line 3 of key urls of Secret 'alpha-notify'" in message
    assert SECRET_PART not in message


async def test_a_bad_line_is_reported_and_the_others_are_used() -> None:
    setup = Setup(ELSEWHERE, ONE)
    setup.notifier.send(ALPHA, REMINDER)
    await setup.all_tries()
    assert ["one"] == setup.sender.sent
    assert ["invalid", "sent"] == sorted(setup.results)
    [(reason, message)] = setup.events()
    assert "NotifySecretInvalid" == reason
    assert message.startswith("key 'urls' of Secret 'alpha-notify' (spec.notifySecretRef): line 1 goes where")
    assert "evil" not in message
    assert SECRET_PART not in message


async def test_a_lasting_problem_is_reported_once() -> None:
    setup = Setup(ELSEWHERE)
    setup.notifier.send(ALPHA, REMINDER)
    await setup.all_tries()
    assert ["NotifySecretInvalid"] == [reason for reason, _ in setup.events()]
    assert ["invalid"] == setup.results
    assert len(RETRY_AFTER) + 1 == setup.reads()


async def test_a_secret_that_is_corrected_between_two_tries_is_used() -> None:
    setup = Setup()
    setup.notifier.send(ALPHA, REMINDER)
    await asyncio.sleep(1)
    setup.write(ONE)
    await setup.all_tries()
    assert ["one"] == setup.sender.sent
    [(reason, message)] = setup.events()
    assert "NotifySecretInvalid" == reason
    assert "there is no such Secret" in message


async def test_an_unreachable_api_server_costs_one_try() -> None:
    setup = Setup(ONE)

    def away(verb: str, path: str) -> None:
        if (verb, path) == ("GET", PATH) and asyncio.get_running_loop().time() < 20:
            raise ClusterUnavailable("GET", status=0)

    setup.cluster.before = away
    setup.notifier.send(ALPHA, REMINDER)
    await setup.all_tries()
    assert ["one"] == setup.sender.sent


async def test_nothing_is_retried_once_no_action_is_required() -> None:
    setup = Setup(ONE)
    setup.sender.takes = lambda _path: False
    setup.notifier.send(ALPHA, REMINDER)
    await asyncio.sleep(1)
    setup.notifier.withdraw(ALPHA.key)
    await setup.all_tries()
    assert ["one"] == setup.sender.sent
    assert ([], []) == (setup.results, setup.events())


async def test_a_newer_reminder_replaces_an_older_one() -> None:
    setup = Setup(ONE)
    setup.sender.takes = lambda _path: len(setup.sender.sent) > 1
    setup.notifier.send(ALPHA, REMINDER)
    await asyncio.sleep(1)
    setup.notifier.send(ALPHA, REMINDER)
    await setup.all_tries()
    assert ["one", "one"] == setup.sender.sent
    assert ["sent"] == setup.results
    assert {} == setup.notifier._under_way


async def test_a_stop_lets_sends_finish_and_retries_nothing() -> None:
    setup = Setup(ONE, TWO)
    setup.sender.takes = lambda path: path.startswith("/one")
    setup.sender.seconds = 2.0
    setup.notifier.send(ALPHA, REMINDER)
    await asyncio.sleep(1)
    await setup.notifier.drain(5)
    assert ["failed", "sent"] == sorted(setup.results)
    assert 2.0 == asyncio.get_running_loop().time()
    setup.notifier.send(ALPHA, REMINDER)
    await setup.all_tries()
    assert ["one", "two"] == sorted(setup.sender.sent)


async def test_a_stop_waits_neither_for_a_pause_nor_for_a_service_that_hangs() -> None:
    setup = Setup(ONE)
    setup.sender.takes = lambda _path: False
    setup.notifier.send(ALPHA, REMINDER)
    await asyncio.sleep(1)
    await setup.notifier.drain(5)
    assert 1.0 == asyncio.get_running_loop().time()
    hanging = Setup(ONE)
    hanging.sender.seconds = 1000.0
    hanging.notifier.send(ALPHA, REMINDER)
    await asyncio.sleep(1)
    await hanging.notifier.drain(5)
    assert 7.0 == asyncio.get_running_loop().time()


async def test_a_check_sends_nothing_and_reports_problems() -> None:
    setup = Setup(ONE, ELSEWHERE)
    setup.notifier.check(ALPHA)
    await setup.all_tries()
    assert [] == setup.sender.sent
    assert ["NotifySecretInvalid"] == [reason for reason, _ in setup.events()]
    assert 1 == setup.reads()


async def test_a_credential_that_is_changed_often_is_reported_twice_a_minute_with_the_last_change() -> None:
    setup = Setup(ELSEWHERE)
    for number in range(100):
        setup.notifier.check(replace(ALPHA, notify_secret="alpha-notify" if number == 0 else f"other-{number}"))
        await asyncio.sleep(0.1)
    await asyncio.sleep(60)
    assert 2 == len(setup.events())
    assert "'other-99'" in setup.events()[1][1]
    assert ({}, {}) == (setup.notifier._checks, setup.notifier._to_check)


async def test_nothing_of_a_url_shows_in_what_the_notifier_logs_or_tells(caplog: pytest.LogCaptureFixture) -> None:
    setup = Setup(ONE, ELSEWHERE, f"slack://{SECRET_PART}", f"{SECRET_PART} ")

    def broken(_path: str) -> bool:
        raise RuntimeError(ONE)

    setup.sender.takes = broken
    with caplog.at_level("DEBUG"):
        setup.notifier.send(ALPHA, REMINDER)
        await setup.all_tries()
    assert "RuntimeError" in caplog.text
    assert SECRET_PART not in f"{caplog.text}{setup.events()}{setup.results}{vars(setup.notifier)}"
