"""The clock that cluster tests move: an operator that sleeps notices a move, whenever it comes."""

import asyncio
from pathlib import Path

import pytest

from support.movable import MovableClock

SOON = 10.0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "clock"
    made.write_text("0")
    return made


def move(file: Path) -> None:
    file.write_text("60")


async def test_a_move_ends_a_sleep(file: Path) -> None:
    sleep = asyncio.create_task(MovableClock(file).sleep(30))
    await asyncio.sleep(0)
    move(file)
    await asyncio.wait_for(sleep, SOON)


async def test_a_move_between_the_question_for_the_time_and_the_sleep_ends_it_too(file: Path) -> None:
    clock = MovableClock(file)
    clock.now()
    move(file)
    await asyncio.wait_for(clock.sleep(30), SOON)


async def test_what_another_task_knows_of_the_time_plays_no_part(file: Path) -> None:
    clock = MovableClock(file)

    async def asks_and_sleeps(asked: asyncio.Event, moved: asyncio.Event) -> None:
        clock.now()
        asked.set()
        await moved.wait()
        await clock.sleep(30)

    asked, moved = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(asks_and_sleeps(asked, moved))
    await asked.wait()
    move(file)
    clock.now()
    moved.set()
    await asyncio.wait_for(task, SOON)


async def test_who_sleeps_without_asking_is_woken_once_for_a_move(file: Path) -> None:
    clock = MovableClock(file)
    clock.now()
    move(file)
    await asyncio.wait_for(clock.sleep(30), SOON)
    began = clock.boottime()
    await clock.sleep(0.05)
    assert clock.boottime() - began >= 0.05
