"""Two replicas whose clocks are hours apart: who leads is decided by neither, and the wrong one costs nothing (P1, P2).

The broker goes by the right clock. Nobody makes a code by the other one, and what a session is good for is the
broker's word, so that a leader whose clock is wrong keeps what there is and says what is wrong.
"""

import signal
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import pytest

from support.operators import OperatorProcess, TestClock
from support.replicas import REPLICA, TAKEN_OVER_WITHIN, has_looked, leads, logins, taken_over
from support.world import World

NOON = "2026-02-27T12:00"
HOURS = pytest.mark.parametrize("hours", [20, -5], ids=["tomorrow morning", "this morning"])


@dataclass(slots=True)
class Wrong:
    """A clock so many seconds ahead of the world's, and moved with it."""

    world: World
    ahead: float
    file: Path

    @classmethod
    def by(cls, world: World, hours: float) -> Self:
        world.set_clock(NOON)
        made = cls(world, hours * 3600, world.folder / "wrong-clock")
        made.move(0)
        return made

    def move(self, seconds: float) -> None:
        """Both clocks."""
        self.world.clock.move(seconds)
        fresh = self.file.with_suffix(".new")
        fresh.write_text(str(self.world.clock.offset + self.ahead))
        fresh.rename(self.file)

    def operator(self) -> OperatorProcess:
        """A replica that goes by it."""
        return replace(self.world, clock=TestClock(self.file, self.world.sandbox)).operator(*REPLICA)


def assert_unharmed(world: World, token: str) -> None:
    """What is published is what was, works, and cost nothing more than it had to."""
    assert (token, True) == (world.token(), world.sandbox.is_alive(token))
    assert 0 == world.sandbox.counters("AB1234").wrong_entries


@HOURS
def test_a_wrong_clock_that_takes_over_keeps_the_token_and_logs_nobody_in(world: World, hours: float) -> None:
    clocks = Wrong.by(world, hours)
    right = world.operator(*REPLICA)
    world.until(lambda: leads(right), "the right one leads")
    wrong = clocks.operator()
    world.alpha()
    world.wait("SessionActive")
    token, expires = world.token(), (world.target() or {})["expires_at"]
    world.settle(3.0)  # the Lease is renewed, by times that are hours off to the one that stands by
    assert (True, False) == (leads(right), leads(wrong))

    right.kill()
    taken_over(wrong, world)
    world.until(lambda: has_looked(wrong), "looked at by the other")
    clocks.move(301)
    world.settle(1.0)
    assert_unharmed(world, token)
    assert (1, expires) == (logins(world), (world.target() or {})["expires_at"])

    world.sandbox.master_logout("AB1234")
    clocks.move(301)
    world.wait("ClockSkew" if hours > 0 else "WaitingForTOTPWindow")
    assert ("NTP" if hours > 0 else "the clock was set back") in world.condition()[2]
    clocks.move(301)
    world.settle(1.0)
    assert (1, token) == (logins(world), world.token())  # a dead one, and it is said; nothing is made of a wrong clock
    assert 0 == world.sandbox.counters("AB1234").wrong_entries

    third = world.operator(*REPLICA)
    wrong.kill()
    world.until(lambda: leads(third), "taken over", within=TAKEN_OVER_WITHIN)
    world.wait("SessionActive", within=40)
    assert 2 == logins(world)
    assert_unharmed(world, world.token())


@HOURS
def test_a_leader_of_a_wrong_clock_that_thaws_leaves_the_work_of_the_right_one_alone(
    world: World, hours: float
) -> None:
    clocks = Wrong.by(world, hours)
    wrong = clocks.operator()
    world.until(lambda: leads(wrong), "the wrong one leads")
    right = world.operator(*REPLICA)
    world.alpha()
    world.wait("ClockSkew")
    assert (0, None) == (logins(world), world.target())

    wrong.process.send_signal(signal.SIGSTOP)
    world.until(lambda: leads(right), "taken over", within=TAKEN_OVER_WITHIN)
    world.wait("SessionActive", within=40)
    token = world.token()
    wrong.process.send_signal(signal.SIGCONT)
    world.until(lambda: not leads(wrong), "it stands back")
    clocks.move(301)
    world.settle(2.0)
    assert (True, False) == (leads(right), leads(wrong))
    # What it may have said in the moment in which it thawed, the right one puts right at its next look.
    world.until(lambda: world.condition()[:2] == ("True", "SessionActive"), "the right one's word stands")
    assert 1 == logins(world)
    assert_unharmed(world, token)


@pytest.mark.parametrize("hours", [5, -5])
def test_a_person_who_logs_in_under_a_wrong_clock_gets_a_token_of_the_brokers_day(world: World, hours: float) -> None:
    clocks = Wrong.by(world, hours)
    wrong = clocks.operator()
    world.until(lambda: leads(wrong), "it leads")
    app = world.alpha(mode="Manual")
    world.wait("LoginRequired")
    world.grant(world.sandbox.request_token("AB1234", app.api_key))
    world.until(lambda: world.token() != "", "a token")
    right = world.operator(*REPLICA)
    token = world.token()
    assert "2026-02-28T06:00:00+05:30" == (world.target() or {})["expires_at"]
    assert 0 == wrong.stop()
    world.until(lambda: leads(right), "taken over")
    world.wait("SessionActive")
    assert_unharmed(world, token)
