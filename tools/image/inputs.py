"""The inputs of an image, as one key: the same inputs give the same image, so that it is built once."""

import hashlib
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from image import base

ROOT = Path(__file__).resolve().parents[2]
_FOLDERS = ("operator/kite_operator", "operator/kite_sandbox")
_FILES = ("Dockerfile", ".dockerignore", "tools/image/prepare.py")
_VERSION = re.compile(r'^__version__ = "(?P<version>[^"]+)"$', re.MULTILINE)
_BUILDER = [Path(__file__).with_name(name) for name in ("building.py", "storage.py")]
LONG_AGO = 1704067200
"""The time of every file where git does not know a better one: the beginning of 2024."""


@dataclass(frozen=True, slots=True)
class Source:
    """The origin of the inputs: the labels, and the time that every file gets."""

    revision: str
    when: int


def version() -> str:
    """The version, from the one place where it is written."""
    found = _VERSION.search((ROOT / "operator" / "kite_operator" / "__init__.py").read_text())
    if found is None:
        raise ValueError("operator/kite_operator/__init__.py has no __version__")
    return found["version"]


def files() -> list[Path]:
    """Return what goes into the images, and what says how; by path."""
    kept = [ROOT / name for name in _FILES]
    kept += [path for path in (ROOT / "requirements").glob("*.txt") if path.name != "dev.txt"]
    for folder in _FOLDERS:
        kept += [path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return sorted(kept)


def source() -> Source:
    """The last commit that changed one of the inputs; `-changed` is added when they differ from it now."""
    paths = [*_FILES, "requirements", *_FOLDERS]
    said = _git("log", "-1", "--format=%H %ct", "--", *paths)
    if not said:
        return Source("unknown", LONG_AGO)
    revision, when = said.split()
    changed = bool(_git("status", "--porcelain", "--", *paths))
    return Source(f"{revision}-changed" if changed else revision, int(when))


def key(target: str, arguments: Sequence[str]) -> str:
    """The name of the image in the cache: its inputs, the base images, and how it is built."""
    digest = hashlib.sha256()
    for part in (target, base.key(), *arguments):
        digest.update(f"{part}\0".encode())
    for path in [*files(), *_BUILDER]:
        content = path.read_bytes()
        digest.update(f"{path.name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments
            ["git", "-C", str(ROOT), *arguments],  # noqa: S607 - the git on the PATH
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
