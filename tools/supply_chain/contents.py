"""What an image is made of: the locks, what is installed of them, and the operator itself."""

import sysconfig
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from cyclonedx.model.component import ComponentType
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from kite_operator import __version__
from supply_chain.bom import Part, bill
from supply_chain.debian import debian_parts
from supply_chain.installed import Installed, OutOfStep, of_lock, read_installed
from supply_chain.lock import Locked, read_lock
from supply_chain.python_parts import purl_of, python_parts

ROOT: Final = Path(__file__).resolve().parents[2]
SITE: Final = Path(sysconfig.get_path("purelib"))
LOCKS: Final[Mapping[str, Path]] = {
    "kite-operator": ROOT / "requirements" / "operator.txt",
    "kite-operator-tracing": ROOT / "requirements" / "tracing.txt",
}
"""Each image, and what is locked for it. A file that is not there is an image that is not made."""
_EXTRAS: Final = {"kite-operator": ("operator",), "kite-operator-tracing": ("operator", "tracing")}


def contents_of(locks: Iterable[Path], site: Path) -> Iterator[tuple[Locked, Installed]]:
    """What of the locks belongs into an image, each once, with what is installed of it in `site`. Raises OutOfStep."""
    installed = read_installed(site)
    once = {each.name: each for lock in locks for each in read_lock(lock)}
    yield from of_lock(sorted(once.values(), key=lambda each: each.name), installed)


def bill_of_lock(name: str, lock: Path, made_at: datetime | None = None) -> str:
    """What an image must hold, from its lock. Raises OutOfStep and Unclear."""
    parts = python_parts(contents_of([lock], SITE), _asked(name))
    return bill(_whole(name, parts), parts, made_at)


def bill_of_image(name: str, lock: Path, root: Path, made_at: datetime | None = None) -> str:
    """What an image holds, from its file system. Raises OutOfStep when that is not what is locked, and Unclear."""
    parts = python_parts(contents_of([lock], _site_of(root, read_lock(lock))), _asked(name))
    return bill(_whole(name, parts), [*parts, *debian_parts(root)], made_at)


def _site_of(root: Path, locked: Iterable[Locked]) -> Path:
    """The folder of the image where the locked distributions are."""
    names = {each.name for each in locked}
    found = {path.parent for path in root.rglob("*.dist-info") if canonicalize_name(path.name.split("-")[0]) in names}
    if len(found) != 1:
        raise OutOfStep(f"the locked distributions are in {len(found)} folders under {root}")
    return found.pop()


def _asked(name: str) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    return [
        Requirement(each) for each in [*project["dependencies"], *(x for extra in _EXTRAS[name] for x in extras[extra])]
    ]


def _whole(name: str, parts: Iterable[Part]) -> Part:
    wanted = {canonicalize_name(each.name) for each in _asked(name)}
    needs = frozenset(part.purl for part in parts if part.purl.removeprefix("pkg:pypi/").split("@")[0] in wanted)
    return Part(
        purl=purl_of(name, __version__).replace("pkg:pypi/", "pkg:generic/"),
        licence="Apache-2.0",
        description="Keeps a Zerodha Kite Connect session alive for trading pods.",
        kind=ComponentType.APPLICATION,
        needs=needs,
    )
