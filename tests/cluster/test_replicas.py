"""Two replicas: one works, one stands by; killed, stopped, frozen and cut off, they make no login too many."""

import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import pytest
import yaml

from kite_operator.act.login import SEND_WITHIN_SECONDS
from support.cuttable import Cuttable
from support.operators import OperatorProcess
from support.replicas import REPLICA, TAKEN_OVER_WITHIN, has_looked, holder, leads, logins, shown, taken_over
from support.world import World


def two(world: World) -> tuple[OperatorProcess, OperatorProcess]:
    """The one that leads, and the one that stands by."""
    first = world.operator(*REPLICA)
    world.until(lambda: leads(first), "the first leads")
    return first, world.operator(*REPLICA)


def test_the_standby_is_ready_knows_everything_and_does_nothing(world: World) -> None:
    leader, standby = two(world)
    world.alpha()
    world.wait("SessionActive")
    assert (200, 200) == (standby.get("/readyz")[0], standby.get("/healthz")[0])
    assert (True, False) == (shown(leader), shown(standby))
    assert not re.search(r"kite_operator_broker_calls_total\{.*\} [1-9]", standby.get("/metrics")[1])
    assert 1 == logins(world)


def test_a_killed_leader_is_followed_by_the_standby(world: World) -> None:
    leader, standby = two(world)
    world.alpha()
    world.wait("SessionActive")
    leader.kill()
    taken_over(standby, world)
    world.until(lambda: has_looked(standby), "looked at by the other")
    token = world.token()
    world.sandbox.master_logout("AB1234")
    world.clock.move(301)
    world.until(lambda: world.token() not in ("", token), "healed by the other")
    assert 2 == logins(world)


def test_a_stopped_leader_gives_its_lease_back(world: World) -> None:
    leader, standby = two(world)
    world.alpha()
    world.wait("SessionActive")
    before = holder(world)
    assert 0 == leader.stop()
    assert before != holder(world)  # given back: nobody waits until it runs out
    taken_over(standby, world)
    assert 1 == logins(world)


STEPS = (
    ("before-password-send", "after-password-answer", "before-totp-send"),
    ("after-totp-answer", "after-request-token", "before-exchange", "after-exchange"),
    ("after-stage", "before-profile", "after-proof"),
    ("before-publish", "after-publish", "after-clear"),
)
"""Every named point of a login, some of them at a time: the Leases run out side by side."""


@dataclass(frozen=True, slots=True)
class Thawed:
    """One install of a leader that freezes at a point, and of a standby; they handle one credential of their own."""

    number: int
    world: World
    frozen: OperatorProcess
    standby: OperatorProcess

    @classmethod
    def at(cls, world: World, number: int, point: str) -> Self:
        mine = ("--leader-lease", f"lease-{number}", "--class-name", f"class-{number}")
        frozen = world.operator(*mine, STOP_AT=point)
        world.until(lambda: leads(frozen), "it leads")
        return cls(number, world, frozen, world.operator(*mine))

    @property
    def name(self) -> str:
        return f"desk-{self.number}"

    @property
    def client_id(self) -> str:
        return f"AB123{self.number}"

    def token(self) -> str:
        return self.world.token(f"{self.name}-token")

    def logins(self) -> int:
        return int(self.world.sandbox.counters(self.client_id).count("login"))


@pytest.mark.parametrize("points", STEPS, ids=lambda points: f"from {points[0]}")
def test_a_leader_that_thaws_in_the_middle_of_a_login_does_no_harm(world: World, points: tuple[str, ...]) -> None:
    installs = [Thawed.at(world, number, point) for number, point in enumerate(points)]
    for each in installs:
        world.alpha(each.name, each.client_id, className=f"class-{each.number}")
    for each in installs:
        world.until(each.frozen.is_frozen, "frozen")
    frozen_at = time.monotonic()
    for each in installs:
        world.until(lambda each=each: leads(each.standby), "taken over", within=TAKEN_OVER_WITHIN)  # type: ignore[misc]
    world.clock.move(91)  # the lock of the login that was begun runs out
    for each in installs:
        world.wait("SessionActive", name=each.name, within=40)
    # A lock runs out later than a reservation: by the clock that is not moved the reservation has to run out as well.
    world.until(lambda: time.monotonic() - frozen_at > SEND_WITHIN_SECONDS, "the frozen one's reservation ran out")
    before = [(each.token(), each.logins()) for each in installs]
    for each in installs:
        each.frozen.process.send_signal(signal.SIGCONT)
    for each in installs:
        world.until(lambda each=each: not leads(each.frozen), "it stands back")  # type: ignore[misc]
    world.settle(2)
    assert before == [(each.token(), each.logins()) for each in installs]
    for each in installs:
        assert world.sandbox.is_alive(each.token())
        assert ("True", "SessionActive") == world.condition(name=each.name)[:2]
        assert 0 == world.sandbox.counters(each.client_id).wrong_entries
        assert 1 <= each.logins() <= 2
        assert not shown(each.frozen)


@pytest.fixture
def link(world: World) -> Iterator[Cuttable]:
    """The way from one replica to the API server."""
    server = urlsplit(world.api.server)
    with Cuttable(server.hostname or "", server.port or 443) as made:
        yield made


@pytest.fixture
def broker_links(world: World) -> Iterator[tuple[Cuttable, Cuttable]]:
    """The ways from one replica to the broker's API and to its login."""
    api, login = (urlsplit(url) for url in (world.sandbox.api_url, world.sandbox.login_url))
    with Cuttable(api.hostname or "", api.port or 80) as one, Cuttable(login.hostname or "", login.port or 80) as other:
        yield one, other


def to_the_broker_by(links: tuple[Cuttable, Cuttable]) -> tuple[str, ...]:
    """The arguments of a replica that reaches the broker over them."""
    api, login = (f"http://127.0.0.1:{each.port}" for each in links)
    return (*REPLICA, "--api-url", api, "--login-url", login)


def behind(link: Cuttable, world: World) -> Path:
    """A kubeconfig that leads over the link."""
    config = yaml.safe_load(world.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{link.port}"
    file = world.kubeconfig.with_name(f"{world.namespace}.kubeconfig")
    file.write_text(yaml.safe_dump(config))
    return file


def test_a_leader_that_is_cut_off_from_the_cluster_stops_and_the_other_takes_over(world: World, link: Cuttable) -> None:
    leader = replace(world, kubeconfig=behind(link, world)).operator(*REPLICA)
    world.until(lambda: leads(leader), "it leads")
    standby = world.operator(*REPLICA)
    world.alpha()
    world.wait("SessionActive")
    link.cut()
    world.until(lambda: not leads(leader), "it gives up", within=TAKEN_OVER_WITHIN)
    assert not shown(leader)
    taken_over(standby, world)
    world.until(lambda: has_looked(standby), "looked at by the other")
    token = world.token()
    world.sandbox.master_logout("AB1234")
    world.clock.move(301)
    world.until(lambda: world.token() not in ("", token), "healed by the other")
    world.settle(2)
    assert 2 == logins(world)
    link.mend()
    world.settle(2)
    assert (False, True) == (leads(leader), leads(standby))


def test_a_leader_that_is_cut_off_in_the_middle_of_a_login_counts_it_once(world: World, link: Cuttable) -> None:
    leader = replace(world, kubeconfig=behind(link, world)).operator(*REPLICA)
    world.until(lambda: leads(leader), "it leads")
    standby = world.operator(*REPLICA)
    held = world.sandbox.hold("twofa", when="before")
    world.alpha()
    world.sandbox.wait_held(held)
    link.cut()
    world.sandbox.release(held)
    world.until(lambda: leads(standby), "taken over", within=TAKEN_OVER_WITHIN)
    world.clock.move(91)
    world.wait("SessionActive", within=40)
    world.settle(2)
    assert logins(world) <= 2
    assert 0 == world.sandbox.counters("AB1234").wrong_entries
    assert world.sandbox.is_alive(world.token())


def test_a_leader_that_is_cut_off_writes_down_what_the_broker_has_answered_when_it_is_back(
    world: World, link: Cuttable
) -> None:
    alone = replace(world, kubeconfig=behind(link, world)).operator(*REPLICA, "--stop-seconds", "1")
    world.until(lambda: leads(alone), "it leads")
    app, account = world.broker()
    world.sources(app, account, password="wrong-password-1")
    held = world.sandbox.hold("login", when="after")
    world.credential()
    world.sandbox.wait_held(held)
    link.cut()
    world.sandbox.release(held)
    world.until(lambda: not leads(alone), "it gives up", within=TAKEN_OVER_WITHIN)
    assert not shown(alone)
    world.settle(3)
    link.mend()
    world.until(lambda: leads(alone), "it leads again", within=TAKEN_OVER_WITHIN)
    world.clock.move(91)  # a lock that was left behind runs out
    world.wait("PasswordRejected")
    world.settle(2)
    assert 1 == world.sandbox.counters("AB1234").wrong_passwords


def test_a_leader_that_is_cut_off_from_the_broker_alone_spends_nothing_and_the_other_goes_on_from_there(
    world: World, broker_links: tuple[Cuttable, Cuttable]
) -> None:
    leader = world.operator(*to_the_broker_by(broker_links))
    world.until(lambda: leads(leader), "it leads")
    standby = world.operator(*REPLICA)
    world.alpha()
    world.wait("SessionActive")
    token = world.token()
    for each in broker_links:
        each.cut()
    world.clock.move(301)
    world.until(lambda: 'outcome="BrokerUnreachable"' in leader.get("/metrics")[1], "it asks in vain")
    assert (token, True) == (world.token(), world.sandbox.is_alive(token))
    world.sandbox.master_logout("AB1234")
    for _ in range(3):
        world.clock.move(301)
        world.settle(0.5)
    assert (1, token) == (logins(world), world.token())  # what nobody could look at is not thrown away
    assert (True, False) == (leads(leader), leads(standby))
    assert 0 == leader.stop()
    world.until(lambda: has_looked(standby), "taken over", within=TAKEN_OVER_WITHIN)
    world.clock.move(301)
    world.until(lambda: world.token() not in ("", token), "healed by the other", within=40)
    assert 2 == logins(world)
    assert 0 == world.sandbox.counters("AB1234").wrong_entries
    assert world.sandbox.is_alive(world.token())


def test_a_leader_that_loses_the_broker_in_the_middle_of_a_login_is_followed_within_the_budget(
    world: World, broker_links: tuple[Cuttable, Cuttable]
) -> None:
    leader = world.operator(*to_the_broker_by(broker_links))
    world.until(lambda: leads(leader), "it leads")
    standby = world.operator(*REPLICA)
    held = world.sandbox.hold("twofa", when="before")
    world.alpha()
    world.sandbox.wait_held(held)
    for each in broker_links:
        each.cut()
    world.sandbox.release(held)
    world.until(lambda: "failures" in world.status(), "the answer never came, and that is told")
    world.settle(1)
    assert (True, None) == (leads(leader), world.target())
    leader.kill()
    world.until(lambda: leads(standby), "taken over", within=TAKEN_OVER_WITHIN)
    world.clock.move(91)
    world.wait("SessionActive", within=40)
    assert logins(world) <= 2
    assert 0 == world.sandbox.counters("AB1234").wrong_entries
    assert world.sandbox.is_alive(world.token())


def test_a_kill_in_the_middle_of_a_login_is_made_good_by_the_other(world: World) -> None:
    dying = world.operator(*REPLICA, DIE_AT="after-stage")
    world.until(lambda: leads(dying), "it leads")
    world.operator(*REPLICA)
    world.alpha()
    assert -9 == dying.wait_dead()
    world.wait("SessionActive", within=TAKEN_OVER_WITHIN)
    assert 1 == logins(world)


def test_without_a_lease_one_process_works_by_itself(world: World) -> None:
    alone = world.operator()
    assert leads(alone)
    assert [] == [each["metadata"]["name"] for each in world.api.get(world.path("leases"))["items"]]
