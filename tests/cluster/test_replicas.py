"""Two replicas: one works, one stands by; killed, stopped, frozen and cut off, they make no login too many."""

import re
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from support.cuttable import Cuttable
from support.operators import OperatorProcess
from support.world import World

REPLICA = ("--leader-lease", "kite-operator")
TAKEN_OVER_WITHIN = 15.0


def leads(each: OperatorProcess) -> bool:
    return each.metric("kite_operator_leader") == 1


def two(world: World) -> tuple[OperatorProcess, OperatorProcess]:
    """The one that leads, and the one that stands by."""
    first = world.operator(*REPLICA)
    world.until(lambda: leads(first), "the first leads")
    return first, world.operator(*REPLICA)


def seconds_until(holds: Callable[[], bool], world: World, what: str) -> float:
    started = time.monotonic()
    world.until(holds, what, within=TAKEN_OVER_WITHIN + 10)
    return time.monotonic() - started


def logins(world: World) -> int:
    return int(world.sandbox.counters("AB1234").count("login"))


def shown(each: OperatorProcess) -> bool:
    return "kite_credential_ready{" in each.get("/metrics")[1]


def test_the_standby_is_ready_knows_everything_and_does_nothing(world: World) -> None:
    leader, standby = two(world)
    world.alpha()
    world.wait("SessionActive")
    assert (200, 200) == (standby.get("/readyz")[0], standby.get("/healthz")[0])
    assert (True, False) == (shown(leader), shown(standby))
    assert not re.search(r"kite_operator_broker_calls_total\{.*\} [1-9]", standby.get("/metrics")[1])
    assert 1 == logins(world)


def test_a_killed_leader_is_followed_within_fifteen_seconds(world: World) -> None:
    leader, standby = two(world)
    world.alpha()
    world.wait("SessionActive")
    leader.kill()
    assert seconds_until(lambda: leads(standby), world, "taken over") <= TAKEN_OVER_WITHIN
    world.until(lambda: shown(standby), "shown by the other")
    token = world.token()
    world.sandbox.master_logout("AB1234")
    world.clock.move(301)
    world.until(lambda: world.token() not in ("", token), "healed by the other")
    assert 2 == logins(world)


def test_a_stopped_leader_is_followed_within_two_seconds(world: World) -> None:
    leader, standby = two(world)
    world.alpha()
    world.wait("SessionActive")
    assert 0 == leader.stop()
    assert seconds_until(lambda: leads(standby), world, "taken over") <= 2.0
    assert 1 == logins(world)


@pytest.mark.parametrize("point", ["before-password-send", "after-totp-answer", "after-exchange", "before-publish"])
def test_a_leader_that_thaws_in_the_middle_of_a_login_does_no_harm(world: World, point: str) -> None:
    frozen = world.operator(*REPLICA, STOP_AT=point)
    world.until(lambda: leads(frozen), "it leads")
    standby = world.operator(*REPLICA)
    world.alpha()
    world.until(lambda: leads(standby), "taken over", within=TAKEN_OVER_WITHIN + 10)
    world.clock.move(91)  # the lock of the login that was begun runs out
    world.wait("SessionActive", within=40)
    token, made = world.token(), logins(world)
    frozen.process.send_signal(signal.SIGCONT)
    world.until(lambda: not leads(frozen), "it stands back")
    world.settle(2)
    assert (token, True) == (world.token(), world.sandbox.is_alive(token))
    assert ("True", "SessionActive") == world.condition()[:2]
    assert 0 == world.sandbox.counters("AB1234").wrong_entries
    assert made <= logins(world) <= 2
    assert not shown(frozen)


@pytest.fixture
def link(world: World) -> Iterator[Cuttable]:
    """The way from one replica to the API server."""
    server = urlsplit(world.api.server)
    with Cuttable(server.hostname or "", server.port or 443) as made:
        yield made


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
    assert seconds_until(lambda: leads(standby), world, "taken over") <= TAKEN_OVER_WITHIN
    world.until(lambda: shown(standby), "shown by the other")
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
    world.until(lambda: leads(standby), "taken over", within=TAKEN_OVER_WITHIN + 10)
    world.clock.move(91)
    world.wait("SessionActive", within=40)
    world.settle(2)
    assert logins(world) <= 2
    assert 0 == world.sandbox.counters("AB1234").wrong_entries
    assert world.sandbox.is_alive(world.token())


def test_a_kill_in_the_middle_of_a_login_is_made_good_by_the_other(world: World) -> None:
    dying = world.operator(*REPLICA, DIE_AT="after-stage")
    world.until(lambda: leads(dying), "it leads")
    world.operator(*REPLICA)
    world.alpha()
    assert -9 == dying.wait_dead()
    world.wait("SessionActive", within=TAKEN_OVER_WITHIN + 10)
    assert 1 == logins(world)


def test_without_a_lease_one_process_works_by_itself(world: World) -> None:
    alone = world.operator()
    assert leads(alone)
    assert [] == [each["metadata"]["name"] for each in world.api.get(world.path("leases"))["items"]]
