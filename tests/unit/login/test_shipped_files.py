"""The pages are shipped with the code: in the wheel, and beside the modules."""

import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from support.documents import ROOT

PACKAGE = ROOT / "operator" / "kite_operator" / "login"
FILES = sorted(file for file in PACKAGE.rglob("*") if file.suffix in (".html", ".css"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the names of the files in a wheel that is built now."""
    folder = tmp_path_factory.mktemp("wheel")
    (built,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    with zipfile.ZipFile(built) as archive:
        return archive.namelist()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_page_and_style_is_in_the_wheel(file: Path, wheel: list[str]) -> None:
    assert str(file.relative_to(ROOT / "operator")) in wheel


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_no_page_loads_anything_from_another_site(file: Path) -> None:
    text = file.read_text()
    assert not [word for word in ("http://", "https://w", "//cdn", "@import", "url(", "<script") if word in text]
