"""CHANGELOG.md, whose first section gathers what is not released yet."""

import re
from typing import Final

_UNRELEASED: Final = "## [Unreleased]\n"


class NothingToRelease(Exception):
    """There is no section for this version, or nothing in it."""


def cut(text: str, version: str, date: str) -> str:
    """The text with what was unreleased under the heading of a version. Raises NothingToRelease."""
    if not notes(text, "Unreleased"):
        raise NothingToRelease("nothing stands under [Unreleased] in CHANGELOG.md")
    return text.replace(_UNRELEASED, f"{_UNRELEASED}\n## [{version}] - {date}\n", 1)


def notes(text: str, version: str) -> str:
    """Return what stands under the heading of a version; empty when there is no such heading."""
    found = re.search(rf"^## \[{re.escape(version)}\][^\n]*\n(.*?)(?=^## \[|\Z)", text, re.MULTILINE | re.DOTALL)
    return found[1].strip() if found else ""
