"""The locked requirements are read whole."""

from pathlib import Path

import pytest

from supply_chain.lock import Locked, read_lock

TEXT = """\
# made by a tool
one==1.0 \\
    --hash=sha256:bb \\
    --hash=sha256:aa
Two.Words==2.0 ; sys_platform == 'win32' \\
    --hash=sha256:cc
"""


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "lock.txt"
    path.write_text(TEXT)
    return path


def test_each_line_is_a_name_a_version_and_hashes(lock: Path) -> None:
    one, two = read_lock(lock)
    assert ("one", "1.0", ("aa", "bb"), None) == (one.name, one.version, one.hashes, one.marker)
    assert ("two-words", "2.0", ("cc",)) == (two.name, two.version, two.hashes)


def test_what_another_system_needs_is_not_for_the_image(lock: Path) -> None:
    assert ["one"] == [each.name for each in read_lock(lock) if each.is_for_the_image()]


@pytest.mark.parametrize("line", ["one>=1.0 --hash=sha256:aa", "one==1.0", "one --hash=sha256:aa"])
def test_a_line_that_pins_too_little_is_an_error(tmp_path: Path, line: str) -> None:
    path = tmp_path / "lock.txt"
    path.write_text(line + "\n")
    with pytest.raises(ValueError, match="not pinned by version and hash: one"):
        read_lock(path)


def test_a_marker_that_holds_on_linux_belongs_into_the_image(tmp_path: Path) -> None:
    path = tmp_path / "lock.txt"
    path.write_text("one==1.0 ; platform_python_implementation != 'PyPy' --hash=sha256:aa\n")
    (one,) = read_lock(path)
    assert isinstance(one, Locked)
    assert one.is_for_the_image()
