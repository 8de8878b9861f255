"""`python -m node`: what it says where a node cannot run."""

from pathlib import Path

import pytest

from node import machine, programs
from node.cli import main


def test_who_is_not_root_is_told_so_before_anything_is_started(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert 1 == main(["run", "--", "true"])
    assert capsys.readouterr().err.startswith("node: a real node cannot run on this machine: it needs root")


def test_a_machine_that_can_is_told_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(machine, "missing", list)
    assert 0 == main(["check"])
    assert "this machine can run a real node\n" == capsys.readouterr().out


def test_everything_that_is_lacking_is_told_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(machine, "missing", lambda: ["no overlayfs", "no control groups"])
    assert 1 == main(["check"])
    assert capsys.readouterr().err.endswith("on this machine: no overlayfs; no control groups\n")


def test_the_package_of_a_missing_program_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ["the Debian packages iproute2, mount, util-linux are not installed"] == machine.missing()


def test_no_command_is_an_error_and_starts_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert 1 == main(["run"])
    assert capsys.readouterr().err == "node: say what to run: python -m node run -- COMMAND [ARGUMENT…]\n"


def test_plugins_count_only_when_all_that_are_wanted_are_there(tmp_path: Path) -> None:
    for name in ("host-local", "loopback"):
        (tmp_path / name).touch()
    assert not programs._has_plugins(tmp_path)
    (tmp_path / "ptp").touch()
    assert programs._has_plugins(tmp_path)
