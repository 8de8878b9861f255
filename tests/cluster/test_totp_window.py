"""The edge of a TOTP window: with three seconds or less left, the next one is waited for, and none is used twice."""

import time

import pytest

from support.world import World


def start_at(world: World, second: float) -> None:
    """Move both clocks so that so many seconds of a TOTP window are over."""
    world.clock.move((second - world.clock.now() % 30) % 30)


@pytest.mark.parametrize("second", [26.9, 28.0, 29.5])
def test_a_login_at_the_end_of_a_window_sends_the_code_of_the_next(world: World, second: float) -> None:
    world.operator()
    world.alpha(suspend=True)
    world.wait("Suspended")
    start_at(world, second)
    world.api.patch(world.path("kitecredentials", "alpha"), {"spec": {"suspend": None}})
    world.wait("SessionActive")
    counters = world.sandbox.counters("AB1234")
    sent = [entry for entry in counters.log if entry.step == "twofa"]
    assert (1, 0) == (len(sent), counters.wrong_entries)
    assert sent[0].at.timestamp() % 30 < 27


def test_a_code_is_sent_once_in_its_window_however_often_a_login_is_needed(world: World) -> None:
    world.operator()
    start_at(world, 1)
    world.alpha()
    world.wait("SessionActive")
    token = world.token()
    world.sandbox.master_logout("AB1234")
    world.annotate(refresh="1")
    before = time.monotonic()
    world.until(lambda: world.token() not in ("", token) and world.condition()[1] == "SessionActive", "anew", within=40)
    windows = [int(e.at.timestamp()) // 30 for e in world.sandbox.counters("AB1234").log if e.step == "twofa"]
    assert 2 == len(set(windows)) == len(windows)
    assert time.monotonic() - before > 1
    assert 0 == world.sandbox.counters("AB1234").wrong_entries
