"""`python -m supply_chain` writes what is missing and tells what is out of step."""

import io
import tarfile
from pathlib import Path

import pytest

from supply_chain import __main__ as command
from supply_chain.contents import LOCKS


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(command, "ROOT", tmp_path)
    monkeypatch.setattr(command, "DIST", tmp_path / "dist")
    monkeypatch.setattr(command, "PAGE", tmp_path / "licences.md")
    return tmp_path


def test_the_page_is_missed_written_and_then_in_step(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert 1 == command.main(["check"])
    assert "licences.md is out of step: run `make licences`\n" == capsys.readouterr().err
    assert 0 == command.main(["licences"])
    assert 0 == command.main(["check"])
    page = tree / "licences.md"
    page.write_text(page.read_text().replace("MPL-2.0", "MIT"))
    assert 1 == command.main(["check"])


def test_each_lock_gets_its_bill(tree: Path) -> None:
    assert 0 == command.main(["bom"])
    wanted = {f"{name}.cdx.json" for name in LOCKS}
    assert wanted == {path.name for path in (tree / "dist").iterdir()}


def test_an_archive_without_the_locked_distributions_is_told(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive = tree / "image.tar"
    with tarfile.open(archive, "w") as target:
        for name, content in {"c.json": b"{}", "manifest.json": b'[{"Config": "c.json", "Layers": []}]'}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            target.addfile(entry, io.BytesIO(content))
    assert 1 == command.main(["bom", "--archive", str(archive)])
    assert "has no app/packages" in capsys.readouterr().err
