"""What the build does to a folder before it goes into an image."""

import struct
from pathlib import Path

import pytest

from image.prepare import prepare

WHEN = 1704067200


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("one/__init__.py", "one/tests/test_it.py", "one/test/__init__.py", "one/testing.py", "bin/tool"):
        path = tmp_path / "packages" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x = {'b', 'a'}\n")
        path.chmod(0o666)
    model = tmp_path / "packages" / "kubernetes" / "aio" / "client" / "models" / "v1_pod.py"
    model.parent.mkdir(parents=True)
    model.write_text("y = 1\n")
    (tmp_path / "packages" / "one" / "native.so").write_bytes(b"\x7fELF")
    (tmp_path / "packages" / "one" / "native.so").chmod(0o775)
    return tmp_path / "packages"


def sources(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"}


def test_what_is_for_developers_goes_and_the_rest_stays(folder: Path) -> None:
    prepare(folder, WHEN)
    kept = {"one/__init__.py", "one/testing.py", "one/native.so", "kubernetes/aio/client/models/v1_pod.py"}
    assert kept == sources(folder)


def test_byte_code_is_taken_without_looking_at_its_source_and_what_nobody_loads_is_not_compiled(folder: Path) -> None:
    prepare(folder, WHEN)
    compiled = sorted(folder.rglob("*.pyc"))
    assert ["__init__", "testing"] == [each.name.partition(".")[0] for each in compiled]
    assert {1} == {struct.unpack("<4sI", each.read_bytes()[:8])[1] for each in compiled}


def test_nothing_is_writable_for_others_and_everything_is_of_one_time(folder: Path) -> None:
    prepare(folder, WHEN)
    found = [folder, *folder.rglob("*")]
    assert {0o755, 0o644} == {path.stat().st_mode & 0o777 for path in found}
    assert 0o755 == (folder / "one" / "native.so").stat().st_mode & 0o777
    assert {WHEN} == {int(path.stat().st_mtime) for path in found}


def test_code_that_does_not_compile_stops_the_build(folder: Path) -> None:
    (folder / "one" / "testing.py").write_text("def\n")
    with pytest.raises(SystemExit, match="does not compile"):
        prepare(folder, WHEN)
