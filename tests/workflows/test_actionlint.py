"""actionlint reads the workflows as GitHub would: their expressions, outputs, needs and inputs."""

import subprocess
from pathlib import Path

import pytest

from devcluster.resolve import Resolver
from support.documents import ROOT

FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
RELEASE = (ROOT / ".github" / "workflows" / "release.yml").read_text()


@pytest.fixture(scope="module")
def actionlint() -> Path:
    return Resolver().resolve(["actionlint"])["actionlint"]


def told(actionlint: Path, *files: Path) -> str:
    command = [str(actionlint), "-no-color", "-oneline", *map(str, files)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout  # noqa: S603 - resolved


def test_it_finds_nothing(actionlint: Path) -> None:
    assert FILES
    assert "" == told(actionlint, *FILES)


@pytest.mark.parametrize(
    ("right", "wrong", "finding"),
    [
        ("steps.operator.outputs.digest", "steps.operatr.outputs.digest", 'property "operatr" is not defined'),
        ("needs: test", "needs: tests", "needs job"),
        ("runs-on: ubuntu-24.04", "runs-on: ubuntu-99.04", 'label "ubuntu-99.04" is unknown'),
        ("github.sha", "github.shaa", 'property "shaa" is not defined'),
    ],
)
def test_it_would_find_what_a_schema_cannot(
    actionlint: Path, tmp_path: Path, right: str, wrong: str, finding: str
) -> None:
    broken = tmp_path / "release.yml"
    assert right in RELEASE
    broken.write_text(RELEASE.replace(right, wrong))
    assert finding in told(actionlint, broken)
