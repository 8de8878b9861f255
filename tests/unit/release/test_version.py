"""One version, wherever it stands."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from kite_operator import __version__
from release import __main__ as command
from release.places import Place, current, files, places, write
from support.documents import ROOT

TEXTS = {
    "operator/kite_operator/__init__.py": '__version__ = "1.2.3"\n',
    "charts/kite-operator/Chart.yaml": 'version: 1.2.3\nappVersion: "1.2.3"\nkubeVersion: ">=1.31.0-0"\n',
    "docs/install.md": (
        "registry.example.com/kite-operator:1.2.3 oci://charts/kite-operator --version 1.2.3\n"
        "git//kite-operator/overlays/cluster?ref=v1.2.3 kite-operator-1.2.3.tgz\n"
        "kite-operator/releases/download/v1.2.3/a.yaml\n"
        "images:\n  - {name: kite-operator, newName: other/name, newTag: 1.2.3}\n"
        "source:\n  chart: kite-operator\n  targetRevision: 1.2.3\n"
    ),
    "docs/others.md": (
        "image: debian:12.1.0, Helm 3.17.0, chart reloader --version 2.3.4, ref=v9.9.9\n"
        "etcd/releases/download/v3.6.1/x\n"
    ),
    "CHANGELOG.md": "## [Unreleased]\n\n### Added\n\n- A thing.\n\n## [1.2.3] - 2099-01-01\n\n- The first.\n",
    "tests/test_some.py": 'image = "kite-operator:0.0.1"\n',
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository whose files repeat the version in every way that is known."""
    for name, text in TEXTS.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "docs" / "picture.png").write_bytes(b"\x89PNG\xff")
    git = shutil.which("git")
    assert git
    subprocess.run([git, "init", "--quiet"], cwd=tmp_path, check=True)  # noqa: S603 - git
    subprocess.run([git, "add", "."], cwd=tmp_path, check=True)  # noqa: S603 - git
    return tmp_path


def test_this_repository_says_one_version_everywhere() -> None:
    other = [place for place in places(ROOT) if place.version != __version__]
    assert [] == other
    assert 0 == command.main(["check"])


def test_the_places_that_people_and_programs_read_are_among_those_that_are_looked_at() -> None:
    found = {str(place.file) for place in places(ROOT)}
    wanted = {"operator/kite_operator/__init__.py", "charts/kite-operator/Chart.yaml", "deploy/base/operator.yaml"}
    assert wanted | {"docs/install.md"} <= found


def test_the_version_is_written_in_no_other_way() -> None:
    looked_at = {(place.file, place.line) for place in places(ROOT)}
    version = re.compile(rf"(?<![\w.])v?{re.escape(__version__)}(?![\w.])")
    texts = {
        file: (ROOT / file).read_bytes().decode(errors="replace") for file in files(ROOT) if file.suffix != ".json"
    }
    written = {(file, number) for file, text in texts.items() for number, line in _lines(text) if version.search(line)}
    assert set() == written - looked_at, "add its form to tools/release/places.py"


def test_no_test_asks_for_the_present_version_by_its_number() -> None:
    # `release prepare` writes nothing in tests: such a test would be red for every next version, and hold it up.
    version = re.compile(rf"kite-operator.*(?<![\w.])v?{re.escape(__version__)}(?![\w.])")
    texts = {path: path.read_text() for path in (ROOT / "tests").rglob("*.py") if path != Path(__file__)}
    assert texts
    assert [] == [path for path, text in texts.items() if version.search(text)]


def _lines(text: str) -> list[tuple[int, str]]:
    return list(enumerate(text.splitlines(), 1))


def test_every_known_way_of_writing_it_is_found(tree: Path) -> None:
    found = list(places(tree))
    assert {"1.2.3"} == {place.version for place in found}
    assert TEXTS["docs/install.md"].count("1.2.3") == len([each for each in found if each.file.name == "install.md"])
    assert Place(Path("docs/install.md"), 8, "1.2.3") in found


def test_others_versions_are_left_alone(tree: Path) -> None:
    write(tree, "2.0.0-rc.1")
    for name in ("docs/others.md", "tests/test_some.py", "CHANGELOG.md"):
        assert TEXTS[name] == (tree / name).read_text()
    assert 'kubeVersion: ">=1.31.0-0"' in (tree / "charts/kite-operator/Chart.yaml").read_text()


def test_a_version_is_written_everywhere_and_the_changelog_is_cut(tree: Path) -> None:
    assert 0 == command.main(["prepare", "2.0.0-rc.1", "--date", "2099-02-03"], tree)
    assert "2.0.0-rc.1" == current(tree)
    assert "1.2.3" not in (tree / "docs/install.md").read_text()
    assert (
        "## [Unreleased]\n\n## [2.0.0-rc.1] - 2099-02-03\n\n### Added\n\n- A thing.\n"
        in (tree / "CHANGELOG.md").read_text()
    )
    assert 0 == command.main(["check", "2.0.0-rc.1"], tree)


def test_from_a_candidate_to_the_release(tree: Path) -> None:
    write(tree, "2.0.0-rc.1")
    write(tree, "2.0.0")
    assert {"2.0.0"} == {place.version for place in places(tree)}


def test_a_place_that_was_left_behind_is_told(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chart = tree / "charts/kite-operator/Chart.yaml"
    chart.write_text(chart.read_text().replace('appVersion: "1.2.3"', 'appVersion: "1.2.2"'))
    assert 1 == command.main(["check"], tree)
    assert "charts/kite-operator/Chart.yaml:2 says 1.2.2, not 1.2.3\n" == capsys.readouterr().err


def test_a_version_without_notes_is_not_released(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tree, "3.0.0")
    assert 1 == command.main(["check", "3.0.0"], tree)
    assert "CHANGELOG.md has no section [3.0.0]\n" == capsys.readouterr().err


def test_nothing_unreleased_is_nothing_to_release(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changelog = tree / "CHANGELOG.md"
    changelog.write_text(changelog.read_text().replace("### Added\n\n- A thing.\n", ""))
    assert 1 == command.main(["prepare", "2.0.0"], tree)
    assert "nothing stands under [Unreleased] in CHANGELOG.md\n" == capsys.readouterr().err
    assert "1.2.3" == current(tree)


def test_the_notes_are_the_section_of_the_version(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == command.main(["notes", "1.2.3"], tree)
    assert "- The first.\n" == capsys.readouterr().out


@pytest.mark.parametrize("version", ["v2.0.0", "2.0", "2.0.0rc1", "2.0.0-beta"])
def test_a_version_of_another_form_is_refused(tree: Path, version: str) -> None:
    with pytest.raises(SystemExit):
        command.main(["prepare", version], tree)
    assert "1.2.3" == current(tree)
