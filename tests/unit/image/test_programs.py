"""What is said where an image cannot be made, and what is installed where it can."""

import os
from pathlib import Path

import pytest

from image import ImageProblem
from image.__main__ import main
from image.programs import PACKAGES, needed, run


@pytest.fixture(autouse=True)
def _empty_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))


def be(monkeypatch: pytest.MonkeyPatch, user: int) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)


def put(path: Path, script: str = "exit 0") -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_who_is_not_root_is_told_how_to_do_without(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    be(monkeypatch, 1000)
    assert 1 == main(["operator"])
    said = capsys.readouterr().err
    assert "image: making an image here needs root" in said
    assert "docs/install.md says how to build with docker" in said


def test_where_there_is_no_apt_the_missing_programs_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    be(monkeypatch, 0)
    put(tmp_path / "buildah")
    with pytest.raises(ImageProblem, match=r"^mmdebstrap not found, and no apt-get"):
        needed(*PACKAGES)


def test_what_is_missing_is_installed_and_nothing_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    be(monkeypatch, 0)
    put(tmp_path / "buildah")
    put(tmp_path / "apt-get", f'echo "$@" >> {tmp_path}/asked')
    needed(*PACKAGES)
    update, install = (tmp_path / "asked").read_text().splitlines()
    assert "update" == update.split()[-1]
    assert "mmdebstrap" == install.partition("--no-install-recommends ")[2]


def test_with_every_program_there_nothing_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    be(monkeypatch, 0)
    for each in PACKAGES:
        put(tmp_path / each)
    needed(*PACKAGES)  # apt-get is not there and is not missed


def test_a_program_that_fails_is_named_with_the_end_of_what_it_said(tmp_path: Path) -> None:
    put(tmp_path / "buildah", "echo what is wrong >&2; exit 125")
    with pytest.raises(ImageProblem, match="`buildah bud` ended with 125:\nwhat is wrong"):
        run(["buildah", "--root=here", "bud", "--secret=id=pip", "."])
