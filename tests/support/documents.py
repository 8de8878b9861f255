"""The project's documentation as data: headings, anchors, links, tables and code blocks of its Markdown files."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).resolve().parents[2]
PAGES = tuple(sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]))
"""Every page of the repository that people are sent to."""

_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_ROW = re.compile(r"^\|(.+)\|$", re.MULTILINE)
_CELL = re.compile(r"(?<!\\)\|")


def page(name: str) -> str:
    """The text of a page, by its path from the root."""
    return (ROOT / name).read_text()


def relative(path: Path) -> str:
    """A page's path from the root, as tests name it."""
    return str(path.relative_to(ROOT))


def prose(text: str) -> str:
    """The text without its code blocks."""
    return _FENCE.sub("", text)


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of one language, without the indentation of a list that they stand in."""
    return [dedent(match[2]) for match in _FENCE.finditer(text) if match[1] == language]


def headings(text: str, level: int) -> list[str]:
    """The titles of one level, in order."""
    return [match[2] for match in _HEADING.finditer(prose(text)) if len(match[1]) == level]


def section(text: str, title: str) -> str:
    """What stands under a heading, up to the next one of its level or above."""
    outside = _FENCE.sub(lambda fence: re.sub(r"[^\n]", " ", fence[0]), text)  # a comment in YAML is no heading
    for match in _HEADING.finditer(outside):
        if match[2] == title:
            end = re.compile(rf"^#{{1,{len(match[1])}}} ", re.MULTILINE).search(outside, match.end())
            return text[match.end() : end.start() if end else None]
    raise AssertionError(f"there is no heading {title!r}")


def anchors(text: str) -> set[str]:
    """The anchors that a page offers, made from its headings as GitHub makes them."""
    seen: Counter[str] = Counter()
    found = set()
    for match in _HEADING.finditer(prose(text)):
        slug = re.sub(r"[^\w\- ]", "", match[2].lower()).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


def links(text: str) -> list[str]:
    """Where a page points to."""
    return _LINK.findall(prose(text))


def rows(text: str) -> list[list[str]]:
    """The rows of all tables, cell by cell, without the lines under the headers."""
    cells = [[cell.strip() for cell in _CELL.split(match[1])] for match in _ROW.finditer(prose(text))]
    return [row for row in cells if not all(re.fullmatch(r":?-+:?", cell) for cell in row)]


def missing_tests(named: Iterable[str]) -> list[str]:
    """Those of `file::test` that no file of the repository defines."""
    return [each for each in named if not _is_defined(*each.split("::", maxsplit=1))]


def _is_defined(file: str, test: str = "") -> bool:
    path = ROOT / file
    return path.is_file() and bool(test) and f"def {test}(" in path.read_text()


def named_tests(text: str) -> list[str]:
    """The tests that running text names as code."""
    return [code for code in codes(text) if code.startswith("tests/")]


def codes(text: str) -> list[str]:
    """What is set as code in running text."""
    return re.findall(r"`([^`\n]+)`", text)
