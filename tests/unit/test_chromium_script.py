"""tools/chromium.sh: nothing where there is one, Debian's package where it may, and otherwise a sentence that helps."""

import shutil
import subprocess
from pathlib import Path

import pytest

from support.documents import ROOT


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A PATH with bash and env alone."""
    for name in ("bash", "env"):
        (tmp_path / name).symlink_to(shutil.which(name) or "")
    return tmp_path


def put(programs: Path, name: str, text: str) -> None:
    file = programs / name
    file.write_text(f"#!{programs}/bash\n{text}\n")
    file.chmod(0o755)


def run(programs: Path) -> "subprocess.CompletedProcess[str]":
    command = [str(programs / "bash"), str(ROOT / "tools" / "chromium.sh")]
    return subprocess.run(command, env={"PATH": str(programs)}, capture_output=True, text=True, check=False)  # noqa: S603 - our own script


def test_nothing_is_done_where_there_is_one(programs: Path) -> None:
    put(programs, "chromium", "exit 1")
    assert (0, "", "") == (run(programs).returncode, run(programs).stdout, run(programs).stderr)


def test_as_root_the_package_is_installed(programs: Path) -> None:
    put(programs, "id", "echo 0")
    put(programs, "true", "exit 0")
    put(programs, "apt-get", f'echo "$@" >> {programs}/asked')
    assert 0 == run(programs).returncode
    asked = (programs / "asked").read_text().splitlines()
    assert ["update", "install"] == [line.split()[0] for line in asked]
    assert "chromium" == asked[1].split()[-1]


@pytest.mark.parametrize("has_apt", [True, False])
def test_otherwise_it_says_what_is_missing(programs: Path, *, has_apt: bool) -> None:
    put(programs, "id", "echo 1000")
    if has_apt:
        put(programs, "apt-get", f"touch {programs}/asked")
    ended = run(programs)
    assert 1 == ended.returncode
    assert "as root, apt-get install chromium" in ended.stderr
    assert not (programs / "asked").exists()
