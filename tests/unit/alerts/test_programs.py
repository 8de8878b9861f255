"""Where Prometheus' programs come from, and what is said when they cannot be had."""

from pathlib import Path

import pytest

from alerts import programs
from alerts.__main__ import main


@pytest.fixture(autouse=True)
def _empty_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()


def put(path: Path, script: str = "exit 0") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_what_is_on_the_path_is_used(tmp_path: Path) -> None:
    promtool = put(tmp_path / "bin" / "promtool")
    assert promtool == programs.found("promtool")


def test_debian_s_name_of_alertmanager_is_known_and_an_installed_one_started_as_it_is(tmp_path: Path) -> None:
    installed = put(tmp_path / "bin" / "prometheus-alertmanager")
    assert [str(installed)] == programs.command("alertmanager")


def test_an_unpacked_one_is_given_its_template(tmp_path: Path) -> None:
    put(tmp_path / "bin" / "unshare")
    folder = tmp_path / "cache" / "kite-operator" / "tools" / "prometheus-debian" / "usr"
    unpacked = put(folder / "bin" / "prometheus-alertmanager")
    command = programs.command("alertmanager")
    assert "unshare" == command[0]
    assert [str(folder / "share" / "prometheus"), str(unpacked)] == command[-2:]


def test_without_debian_s_tools_it_says_what_to_install(capsys: pytest.CaptureFixture[str]) -> None:
    assert 1 == main(["fetch"])
    told = capsys.readouterr().err
    assert "promtool, prometheus, alertmanager, amtool are not on the PATH" in told
    assert "apt-get and dpkg-deb" in told
    assert "install Prometheus (2.42 or later" in told


def test_a_download_that_fails_is_told_and_leaves_nothing_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path / "bin" / "apt-get", 'echo "E: no route to the mirror" >&2; exit 100')
    put(tmp_path / "bin" / "dpkg-deb")
    assert 1 == main(["fetch"])
    assert "no route to the mirror" in capsys.readouterr().err
    left = [path.name for path in (tmp_path / "cache" / "kite-operator" / "tools").iterdir()]
    assert ["prometheus-debian.lock"] == left


def test_without_a_way_to_show_it_its_template_alertmanager_must_be_installed(tmp_path: Path) -> None:
    put(tmp_path / "cache/kite-operator/tools/prometheus-debian/usr/bin/prometheus-alertmanager")
    with pytest.raises(programs.ProgramMissing, match="prometheus-alertmanager"):
        programs.command("alertmanager")
