"""An operator that the tests fork behaves as a process that they start."""

import subprocess
from pathlib import Path

import pytest

from support.forked import ForkedProcess


def test_what_it_writes_and_its_exit_code_are_those_of_a_command(tmp_path: Path) -> None:
    forked = ForkedProcess(["run", "--no-such-flag"], {"PATH": "/usr/bin"}, tmp_path / "log")
    assert 2 == forked.wait(timeout=30)
    assert "unrecognized arguments: --no-such-flag" in (tmp_path / "log").read_text()
    assert 2 == forked.poll()


def test_what_it_does_not_catch_ends_it_and_is_in_its_log(tmp_path: Path) -> None:
    forked = ForkedProcess(["run"], {"PATH": "/usr/bin"}, tmp_path / "log")
    assert 1 == forked.wait(timeout=30)
    assert "SettingsError" in (tmp_path / "log").read_text()


def test_a_signal_that_ends_it_is_its_exit_code(tmp_path: Path) -> None:
    kubeconfig, clock = tmp_path / "kubeconfig", tmp_path / "clock"
    clock.write_text("0")
    arguments = ["run", "--kubeconfig", str(kubeconfig), "--listen", "127.0.0.1:0"]
    forked = ForkedProcess(arguments, {"MOVABLE_CLOCK": str(clock), "PATH": "/usr/bin"}, tmp_path / "log")
    forked.kill()
    assert -9 == forked.wait(timeout=30)
    forked.kill()  # what has ended is left alone


def test_waiting_for_it_ends_when_it_was_said_to(tmp_path: Path) -> None:
    forked = ForkedProcess(["run", "--help"], {"PATH": "/usr/bin"}, tmp_path / "log")
    with pytest.raises(subprocess.TimeoutExpired):
        forked.wait(timeout=0)
    assert 0 == forked.wait(timeout=30)
