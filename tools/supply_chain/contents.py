"""The contents of an image: the locks, what is installed of them, and the operator itself."""

import os
import re
import sysconfig
import tarfile
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from cyclonedx.model.component import ComponentType
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from image.archive import Image, Target
from kite_operator import __version__
from supply_chain.bom import Part, bill
from supply_chain.debian import debian_parts
from supply_chain.installed import Installed, OutOfStep, of_lock, read_installed
from supply_chain.licences import Unclear, licence_of
from supply_chain.lock import Locked, read_lock
from supply_chain.python_parts import purl_of, python_parts

ROOT: Final = Path(__file__).resolve().parents[2]
SITE: Final = Path(sysconfig.get_path("purelib"))
LOCKS: Final[Mapping[str, Path]] = {
    "kite-operator": ROOT / "requirements" / "operator.txt",
    "kite-operator-tracing": ROOT / "requirements" / "tracing.txt",
    "kite-operator-sandbox": ROOT / "requirements" / "sandbox.txt",
}
"""Each image, and what is locked for it."""
_EXTRAS: Final[Mapping[str, tuple[str, ...]]] = {
    "kite-operator": ("", "operator"),
    "kite-operator-tracing": ("", "operator", "tracing"),
    "kite-operator-sandbox": ("sandbox",),
}
"""The extras of pyproject.toml that each has; the empty one is what every installation has."""
_DESCRIPTIONS: Final = {"kite-operator-sandbox": "A fake Kite, to try kite-operator out."}
PACKAGES: Final = Path("app/packages")
"""Where the Dockerfile installs what is locked. A base may have some of it elsewhere too."""
_SAYS: Final = re.compile(r"\.dist-info/|^var/lib/dpkg/status|^etc/os-release$|^usr/lib/os-release$")
"""The files of an image that say what it holds."""


def contents_of(locks: Iterable[Path], site: Path) -> Iterator[tuple[Locked, Installed]]:
    """Yield what of the locks belongs into an image, each once, with its installation in `site`. Raises OutOfStep."""
    installed = read_installed(site)
    once = {each.name: each for lock in locks for each in read_lock(lock)}
    yield from of_lock(sorted(once.values(), key=lambda each: each.name), installed)


def bill_of_lock(name: str, lock: Path, made_at: datetime | None = None) -> str:
    """Return what an image must hold, from its lock. Raises OutOfStep and Unclear."""
    parts = python_parts(contents_of([lock], SITE), _asked(name))
    return bill(_whole(name, parts), parts, made_at)


def bill_of_image(name: str, lock: Path, root: Path, more: Iterable[Part], made_at: datetime | None = None) -> str:
    """Return what an image holds, from its file system. Raises OutOfStep when that is not what is locked, and Unclear.

    `more` is what the file system does not tell.
    """
    locked = read_lock(lock)
    site = root / PACKAGES
    if not site.is_dir():
        raise OutOfStep(f"the image has no {PACKAGES}, where the locked distributions are installed")
    foreign = read_installed(site).keys() - {each.name for each in locked}
    if foreign:
        raise OutOfStep(f"installed beside what is locked: {', '.join(sorted(foreign))}")
    parts = python_parts(contents_of([lock], site), _asked(name))
    return bill(_whole(name, parts), [*parts, *_of_the_base(root, site), *debian_parts(root), *more], made_at)


def _of_the_base(root: Path, site: Path) -> Iterator[Part]:
    """Python distributions that the base has brought, pip above all: they are no part of ours, but of the image."""
    for folder in sorted({path.parent for path in root.rglob("*.dist-info")} - {site}):
        for each in read_installed(folder).values():
            try:
                licence = licence_of(each.name, each.declared)
            except Unclear:
                licence = ""
            yield Part(purl_of(each.name, each.version), licence, each.summary)


def bill_of_archive(name: str, lock: Path, archive: Path, made_at: datetime | None = None) -> str:
    """The same from what `docker save` or `make image` writes. Raises OutOfStep and Unclear."""
    image = Image(Target.OPERATOR, name, archive)
    with tempfile.TemporaryDirectory() as folder:
        for layer in image.layers():
            for member in _telling(layer):
                _write(layer, member, Path(folder))
        return bill_of_image(name, lock, Path(folder), _interpreter(image), made_at)


def _telling(layer: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Files only: there is no link by which one of them could leave the folder, and no name that does."""
    for member in layer:
        member.name = os.path.normpath(member.name).lstrip("/")
        if _SAYS.search(member.name) and member.isreg() and not member.name.startswith(".."):
            yield member


def _write(layer: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    content = layer.extractfile(member)
    if content is not None:
        path = folder / member.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.read())


def _interpreter(image: Image) -> Iterator[Part]:
    """Docker's images of Python have built it themselves: no package tells of it, but a variable does."""
    for variable in image.configuration().get("config", {}).get("Env") or []:
        key, _, value = variable.partition("=")
        if key == "PYTHON_VERSION":
            yield Part(f"pkg:generic/python@{value}", licence="Python-2.0.1", description="CPython")


def _asked(name: str) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = {"": project["dependencies"], **project["optional-dependencies"]}
    return [Requirement(each) for extra in _EXTRAS[name] for each in extras[extra]]


def _whole(name: str, parts: Iterable[Part]) -> Part:
    wanted = {canonicalize_name(each.name) for each in _asked(name)}
    needs = frozenset(part.purl for part in parts if part.purl.removeprefix("pkg:pypi/").split("@")[0] in wanted)
    return Part(
        purl=purl_of(name, __version__).replace("pkg:pypi/", "pkg:generic/"),
        licence="Apache-2.0",
        description=_DESCRIPTIONS.get(name, "Keeps a Zerodha Kite Connect session alive for trading pods."),
        kind=ComponentType.APPLICATION,
        needs=needs,
    )
