"""What is kept in the cache of images, and what goes when another one is made."""

import os
import time
from pathlib import Path

import pytest

from image import Target, building
from image.building import Options, build
from image.inputs import Source
from image.storage import Storage

DAY = 86400


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache; building there writes a file, and needs nothing of the machine."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(building, "needed", lambda *_: None)
    monkeypatch.setattr(Storage, "at", classmethod(lambda cls, folder: cls(folder, "vfs")))
    monkeypatch.setattr(building, "_make", lambda _reference, archive, *_: archive.write_text("an image"))
    made = tmp_path / "kite-operator" / "images"
    made.mkdir(parents=True)
    return made


def put(path: Path, *, unused_for: float) -> Path:
    path.mkdir() if path.suffix == "" else path.write_text("")
    os.utime(path, (time.time() - unused_for,) * 2)
    return path


def test_an_image_is_built_once_and_its_use_is_remembered(folder: Path) -> None:
    source = Source("unknown", 0)
    first = build(Target.OPERATOR, Options(source=source))
    first.archive.write_text("the first one")
    os.utime(first.archive, (0, 0))
    again = build(Target.OPERATOR, Options(source=source))
    assert (first.archive, "the first one") == (again.archive, again.archive.read_text())
    assert folder == again.archive.parent
    assert time.time() - again.archive.stat().st_mtime < DAY


def test_another_revision_is_another_archive(folder: Path) -> None:
    del folder  # it is asked for so that nothing else is written to
    archives = {build(Target.OPERATOR, Options(source=Source(each, 0))).archive for each in ("one", "two", "one")}
    assert 2 == len(archives)


def test_what_nobody_has_used_for_a_day_goes_with_the_next_build(folder: Path) -> None:
    old = [put(folder / "operator-1.tar", unused_for=DAY), put(folder / "base-1", unused_for=DAY)]
    used = [put(folder / "operator-2.tar", unused_for=60), put(folder / "base-2", unused_for=60)]
    build(Target.SANDBOX)
    assert [False] * 2 == [each.exists() for each in old]
    assert [True] * 2 == [each.exists() for each in used]
