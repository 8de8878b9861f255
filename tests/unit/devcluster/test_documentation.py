"""docs/devcluster.md names what the code has."""

import re
from pathlib import Path

import pytest

from devcluster.archive import ARCHIVES_VARIABLE, ENVTEST, RELEASES
from devcluster.binaries import BINARIES, CONTROL_PLANE
from devcluster.cli import main
from devcluster.controlplane import KUBECONFIG_VARIABLE

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "devcluster.md").read_text()


def test_every_command_is_described_and_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    commands = re.findall(r"^    (\w+)(?: +\w|$)", capsys.readouterr().out, re.MULTILINE)
    assert commands == ["up", "down", "status", "kubeconfig", "run", "fetch"]
    assert set(commands) == set(re.findall(r"^\| `python -m devcluster (\w+)", PAGE, re.MULTILINE))


@pytest.mark.parametrize("name", CONTROL_PLANE)
def test_the_oldest_version_of_each_program_is_given(name: str) -> None:
    (row,) = [line for line in PAGE.splitlines() if line.startswith("|") and "oldest" not in line and "| 1.35" in line]
    oldest = ".".join(str(number) for number in BINARIES[name].minimum)
    assert (name in row and oldest == "1.35.0") or f"| {name} | {oldest} |" in PAGE


def test_the_variable_for_a_given_cluster_is_named() -> None:
    assert f"`{KUBECONFIG_VARIABLE}`" in PAGE


def test_the_release_archive_is_the_one_that_is_named() -> None:
    assert f"`{ARCHIVES_VARIABLE}=off`" in PAGE
    assert f"`<address>/envtest-{ENVTEST.version}/envtest-{ENVTEST.version}-linux-amd64.tar.gz`" in PAGE
    assert RELEASES.removesuffix("/download") in PAGE
