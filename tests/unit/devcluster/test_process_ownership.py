"""Only the recorded process is ever signalled, not another one that was given its number."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from devcluster.ownership import Process, start_time

SLEEPER = "import sys, time; print('up', flush=True); time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPER}"


def started(program: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", program]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)  # noqa: S603 - a program of this test
    assert process.stdout is not None
    process.stdout.readline()
    return process


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with started(SLEEPER) as process:
        yield process
        process.kill()


def different_start(process: Process) -> Process:
    return replace(process, started=process.started - 1)


def different_boot(process: Process) -> Process:
    return replace(process, boot="another")


def test_the_start_time_is_found_behind_a_name_with_spaces_and_parentheses() -> None:
    fields = " ".join(str(number) for number in range(4, 53))
    assert start_time(f"42 (a) (b c) S {fields}") == 22


def test_a_running_process_is_alive(sleeper: subprocess.Popen[bytes]) -> None:
    assert Process.of(sleeper.pid).alive()


def test_an_ended_process_is_not_alive(sleeper: subprocess.Popen[bytes]) -> None:
    process = Process.of(sleeper.pid)
    sleeper.kill()
    sleeper.wait()
    assert not process.alive()


def test_a_process_that_nobody_waited_for_is_not_alive(sleeper: subprocess.Popen[bytes]) -> None:
    process = Process.of(sleeper.pid)
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert not process.alive()


@pytest.mark.parametrize("change", [different_start, different_boot])
def test_another_process_of_the_same_number_is_left_alone(
    sleeper: subprocess.Popen[bytes], change: Callable[[Process], Process]
) -> None:
    recorded = change(Process.of(sleeper.pid))
    recorded.end(grace=0)
    assert not recorded.alive()
    assert sleeper.poll() is None


def test_an_owned_process_is_ended(sleeper: subprocess.Popen[bytes]) -> None:
    Process.of(sleeper.pid).end()
    assert sleeper.wait() == -15


def test_a_process_that_ignores_sigterm_is_killed_after_the_grace() -> None:
    with started(STUBBORN) as stubborn:
        Process.of(stubborn.pid).end(grace=0.05)
        assert stubborn.wait() == -9


def test_a_number_without_a_process_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ProcessLookupError, match="no process 42"):
        Process.of(42, proc=tmp_path)
