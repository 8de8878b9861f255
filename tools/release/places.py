"""The places of the version. Its source is operator/kite_operator/__init__.py; everything else repeats it.

The places are not a list of files but the few ways in which a version of this project is written, looked for in every
file: so a new example in a document cannot be forgotten.
"""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

NUMBER: Final = r"\d+\.\d+\.\d+(?:-rc\.\d+)?"
SOURCE: Final = Path("operator/kite_operator/__init__.py")
_WRITTEN: Final = re.compile(
    rf"""(?P<before>
        ^__version__\ =\ "                            # the source
      | ^(?:version|appVersion):\ "?                  # Chart.yaml
      | app\.kubernetes\.io/version:\ "?              # labels
      | kite-operator(?:-[a-z]+)*[:@_-]v?             # an image's tag, an archive of the chart
      | (?P<loose>
            [?&]ref=v | refs/tags/v                   # what kustomize takes from Git
          | /releases/download/v                      # what is attached to a release
          | \b(?:newTag|tag|targetRevision|VERSION)[:=]\ ?"?v?
          | --version[\ =]v?                          # of a chart
        )
    )(?P<version>{NUMBER})(?![\w.]*\d)""",
    re.MULTILINE | re.VERBOSE,
)
_NEAR: Final = 200
"""Characters before a loose form within which the project's name must stand: others' versions are written so too."""
_FOREIGN: Final = ("tests/", "tools/", "requirements/", ".github/", "CHANGELOG.md", "LICENSE", "docs/release.md")
"""Others' versions stand in them, and in two of them those of our other releases."""


@dataclass(frozen=True, slots=True)
class Place:
    """One place where a version is written."""

    file: Path
    line: int
    version: str


def current(root: Path) -> str:
    """The version of the source."""
    (place,) = _in_text(SOURCE, (root / SOURCE).read_text())
    return place.version


def files(root: Path) -> Iterator[Path]:
    """Every file of the repository in which a version of ours may stand, from the root."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True)  # noqa: S607 - git
    for name in filter(None, listed.stdout.split("\0")):
        if not name.startswith(_FOREIGN) and (root / name).is_file():
            yield Path(name)


def places(root: Path) -> Iterator[Place]:
    """Each place, in every file."""
    for file in files(root):
        yield from _in_text(file, _text(root / file))


def write(root: Path, version: str) -> list[Path]:
    """Write another version into every place. What has changed."""
    changed = []
    for file in files(root):
        before = _text(root / file)
        after = _WRITTEN.sub(lambda match: _with(match, version), before)
        if after != before:
            (root / file).write_text(after)
            changed.append(file)
    return changed


def _in_text(file: Path, text: str) -> Iterator[Place]:
    for match in _WRITTEN.finditer(text):
        if _is_ours(match):
            yield Place(file, text.count("\n", 0, match.start()) + 1, match["version"])


def _with(match: re.Match[str], version: str) -> str:
    return f"{match['before']}{version}" if _is_ours(match) else match[0]


def _is_ours(match: re.Match[str]) -> bool:
    around = match.string[max(0, match.start() - _NEAR) : match.end()]
    return match["loose"] is None or "kite-operator" in around


def _text(path: Path) -> str:
    """Empty for a picture."""
    try:
        return path.read_text()
    except UnicodeDecodeError:
        return ""
