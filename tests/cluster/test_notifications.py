"""A reminder is sent once at each mark, to places that are allowed, and holds and leaks no secret."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from support.operators import OperatorProcess
from support.ports import free_port
from support.receiver import Receiver, receiving
from support.reminding import move_to
from support.world import World

TOKEN = "made-up-webhook-token"


@dataclass(slots=True)
class Setup:
    """A world with a receiver that its operators may send to."""

    world: World
    receiver: Receiver

    def operator(self, *arguments: str) -> OperatorProcess:
        return self.world.operator("--notify-allow", f"http://{self.receiver.address}", *arguments)

    def urls(self, *more: str) -> None:
        self.world.secret("alpha-notify", urls="\n".join((f"http://{self.receiver.address}/{TOKEN}", *more)))

    def alpha(self, mode: str = "Manual") -> str:
        """A credential that is to be reminded of; returns its api_key."""
        return self.world.alpha(mode=mode, notifySecretRef={"name": "alpha-notify"}).api_key

    def until_told(self, number: int) -> None:
        self.world.until(lambda: len(self.receiver.messages) >= number, f"message {number}")
        self.world.settle()
        assert number == len(self.receiver.messages)

    def results(self, result: str) -> float:
        """The notifications of that result, over all operators that run."""
        sample = f'kite_operator_notifications_total{{result="{result}"}}'
        running = [each for each in self.world.operators if each.process.poll() is None]
        return sum(each.metric(sample) or 0.0 for each in running)


@pytest.fixture
def desk(world: World) -> Iterator[Setup]:
    with receiving() as receiver:
        yield Setup(world, receiver)
        world.assert_nothing_leaked(TOKEN)


def test_one_message_at_each_mark_with_what_is_missing_and_no_secret(desk: Setup) -> None:
    desk.urls()
    api_key = desk.alpha()
    desk.operator()
    desk.world.wait("LoginRequired")
    move_to(desk.world, "08:15:00")
    desk.until_told(1)
    move_to(desk.world, "08:45:00")
    desk.until_told(2)
    name = f"{desk.world.namespace}/alpha"
    assert [f"Kite: {name} needs you before 08:45 IST", f"Kite: {name} is not ready"] == desk.receiver.titles()
    assert f"/{TOKEN}" == desk.receiver.messages[0]["path"]
    text = str(desk.receiver.messages)
    assert "AB1234: Somebody has to log in to Kite." in text
    assert f"See: kubectl describe kitecred alpha -n {desk.world.namespace}" in text
    assert api_key not in text
    assert 2 == desk.results("sent")


def test_a_message_has_the_link_to_the_login_page_where_there_is_one(desk: Setup) -> None:
    desk.urls()
    desk.alpha()
    desk.world.secret("kite-login-passphrase", passphrase="a made-up passphrase of some length")
    page = ("--login-listen", f"127.0.0.1:{free_port()}", "--login-public-url", "https://kite-login.example.com")
    desk.operator(*page)
    desk.world.wait("LoginRequired")
    move_to(desk.world, "08:15:00")
    desk.until_told(1)
    link = f"https://kite-login.example.com/login/{desk.world.namespace}/alpha"
    assert f"Log in: {link}" in desk.receiver.messages[0]["message"]


def test_none_when_it_is_ready_in_time(desk: Setup) -> None:
    desk.urls()
    api_key = desk.alpha()
    desk.operator()
    desk.world.wait("LoginRequired")
    move_to(desk.world, "07:40:00")
    desk.world.grant(desk.world.sandbox.request_token("AB1234", api_key))
    desk.world.wait("SessionActive")
    for clock_time in ("08:15:00", "08:45:00"):
        move_to(desk.world, clock_time)
        desk.world.settle()
    assert [] == desk.receiver.messages


def test_none_is_repeated_by_a_restart_nor_by_a_second_operator(desk: Setup) -> None:
    desk.urls()
    desk.alpha()
    first, _ = desk.operator(), desk.operator()
    desk.world.wait("LoginRequired")
    move_to(desk.world, "08:15:00")
    desk.until_told(1)
    first.kill()
    desk.operator()
    desk.world.clock.move(300)
    desk.world.settle(2)
    assert 1 == len(desk.receiver.messages)
    move_to(desk.world, "08:45:00")
    desk.until_told(2)


def test_a_kill_between_record_and_send_costs_that_one_message_and_no_other(desk: Setup) -> None:
    desk.urls()
    desk.alpha()
    dying = desk.world.operator("--notify-allow", f"http://{desk.receiver.address}", DIE_AT="reminded")
    desk.world.wait("LoginRequired")
    move_to(desk.world, "08:15:00")
    dying.wait_dead()
    desk.operator()
    desk.world.settle(2)
    assert "Early" == desk.world.status()["lastReminder"]["mark"]
    assert [] == desk.receiver.messages
    assert ("True", "LoginRequired") == desk.world.condition("LoginRequired")[:2]
    move_to(desk.world, "08:45:00")
    desk.until_told(1)


def test_it_is_tried_again_by_the_clock_and_only_where_it_failed(desk: Setup) -> None:
    with receiving() as broken:
        broken.status = 503
        desk.urls(f"http://{broken.address}/{TOKEN}")
        desk.alpha()
        desk.world.operator("--notify-allow", f"http://{desk.receiver.address},http://{broken.address}")
        desk.world.wait("LoginRequired")
        move_to(desk.world, "08:15:00")
        for number in range(1, 5):
            desk.world.until(lambda number=number: len(broken.messages) == number, f"try {number}")  # type: ignore[misc]  # bound
            desk.world.clock.move(301)
        desk.world.until(lambda: "NotificationFailed" in desk.world.events(), "told")
        desk.world.settle()
        assert (4, 1) == (len(broken.messages), len(desk.receiver.messages))
    assert (1, 1) == (desk.results("sent"), desk.results("failed"))


def test_a_login_ends_the_tries(desk: Setup) -> None:
    desk.receiver.status = 503
    desk.urls()
    api_key = desk.alpha()
    desk.operator()
    desk.world.wait("LoginRequired")
    move_to(desk.world, "08:15:00")
    desk.until_told(1)
    desk.world.grant(desk.world.sandbox.request_token("AB1234", api_key))
    desk.world.wait("SessionActive")
    desk.world.clock.move(600)
    desk.world.settle()
    assert 1 == len(desk.receiver.messages)
    assert "NotificationFailed" not in desk.world.events()


def test_places_that_are_not_allowed_are_not_asked_and_told_by_line(desk: Setup) -> None:
    with receiving() as forbidden:
        desk.receiver.status, desk.receiver.location = 302, f"http://{forbidden.address}/{TOKEN}"
        host, _, port = desk.receiver.address.partition(":")
        desk.urls(
            f"http://{forbidden.address}/{TOKEN}",
            f"json://{host}@{forbidden.address}/{TOKEN}",
            f"json://{host}/{TOKEN}?port={forbidden.address.partition(':')[2]}",
            f"json://{host}:{port}/{TOKEN}?redirect=yes",
            f"file:///etc/{TOKEN}",
        )
        desk.alpha()
        desk.operator()
        desk.world.until(lambda: "NotifySecretInvalid" in desk.world.events(), "told when it was made")
        move_to(desk.world, "08:15:00")
        desk.world.until(lambda: len(desk.receiver.messages) == 1, "the allowed one is asked")
        desk.world.settle()
        assert [] == forbidden.messages
    items = desk.world.api.get(desk.world.path("events"))["items"]
    told = [each["message"] for each in items if each["reason"] == "NotifySecretInvalid"]
    for number in range(2, 7):
        assert f" line {number} " in told[0]
    assert told[0].startswith("key 'urls' of Secret 'alpha-notify' (spec.notifySecretRef): line 2 ")


def test_what_is_wrong_with_the_secret_never_stops_a_refresh(desk: Setup) -> None:
    desk.world.secret("alpha-notify", urls=f"nonsense-{TOKEN}\n")
    desk.alpha("TOTP")
    desk.operator()
    desk.world.wait("SessionActive")
    desk.world.until(lambda: "NotifySecretInvalid" in desk.world.events(), "told")
    desk.world.settle()
    assert 1 == desk.world.events().count("NotifySecretInvalid")
    desk.urls()
    desk.world.annotate(refresh="1")
    desk.world.until(lambda: desk.world.status().get("lastHandledRefresh") == "1", "handled")
    desk.world.settle()
    assert 1 == desk.world.events().count("NotifySecretInvalid")


def test_a_secret_that_is_missing_is_told_and_the_reminder_stands(desk: Setup) -> None:
    desk.alpha()
    desk.operator()
    desk.world.until(lambda: "NotifySecretInvalid" in desk.world.events(), "told")
    move_to(desk.world, "08:15:00")
    desk.world.until(lambda: "PersonNeeded" in desk.world.events(), "an Event")
    desk.urls()
    desk.world.clock.move(31)
    desk.until_told(1)
