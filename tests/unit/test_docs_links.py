"""Whatever the documentation points to is there: pages, anchors, make targets."""

import re
from pathlib import Path

import pytest

from support.documents import PAGES, ROOT, anchors, links, page, relative

MAKEFILE = page("Makefile")


def _local_links(path: Path) -> list[tuple[Path, str]]:
    """File and anchor of every link of a page that stays in the repository."""
    local = [link for link in links(path.read_text()) if not re.match(r"[a-z]+:", link)]
    parts = [link.partition("#") for link in local]
    return [((path.parent / file).resolve() if file else path, anchor) for file, _, anchor in parts]


@pytest.mark.parametrize("path", PAGES, ids=relative)
def test_every_link_leads_to_a_file(path: Path) -> None:
    broken = [str(file) for file, _ in _local_links(path) if not file.exists()]
    assert [] == broken


@pytest.mark.parametrize("path", PAGES, ids=relative)
def test_every_link_stays_in_the_repository(path: Path) -> None:
    outside = [str(file) for file, _ in _local_links(path) if not file.is_relative_to(ROOT)]
    assert [] == outside


@pytest.mark.parametrize("path", PAGES, ids=relative)
def test_every_anchor_is_a_heading(path: Path) -> None:
    pages = [(file, anchor) for file, anchor in _local_links(path) if anchor and file.suffix == ".md" and file.exists()]
    broken = [f"{file.name}#{anchor}" for file, anchor in pages if anchor not in anchors(file.read_text())]
    assert [] == broken


def test_every_page_can_be_found_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        path = waiting.pop()
        reached.add(path)
        following = {file / "README.md" if file.is_dir() else file for file, _ in _local_links(path)}
        waiting += [file for file in following - reached if file.suffix == ".md" and file.exists()]
    assert set() == set(PAGES) - reached


def _named_targets(text: str) -> set[str]:
    """The targets of `make …` in code, of which one command may name several."""
    commands = re.findall(r"(?:`|^ *\$ )make ((?:[a-z0-9-]+ ?)+)", text, re.MULTILINE)
    return {target for command in commands for target in command.split()}


def _targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z0-9-]*):", MAKEFILE, re.MULTILINE))


@pytest.mark.parametrize("path", PAGES, ids=relative)
def test_every_make_target_that_is_named_exists(path: Path) -> None:
    assert set() == _named_targets(path.read_text()) - _targets()


def test_every_make_target_with_a_help_text_is_described_to_contributors() -> None:
    offered = set(re.findall(r"^([a-z0-9-]+):.*##", MAKEFILE, re.MULTILINE))
    assert set() == offered - _named_targets(page("CONTRIBUTING.md"))
