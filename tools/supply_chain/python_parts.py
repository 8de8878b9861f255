"""The Python side of a bill of materials: the locked distributions, and who needs whom."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from supply_chain.bom import Part
from supply_chain.installed import Installed
from supply_chain.licences import licence_of
from supply_chain.lock import Locked

Extras = Mapping[NormalizedName, frozenset[str]]
_LINUX: Final = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}


def purl_of(name: str, version: str) -> str:
    """The package URL of a distribution."""
    return f"pkg:pypi/{canonicalize_name(name)}@{version}"


def python_parts(contents: Iterable[tuple[Locked, Installed]], roots: Iterable[Requirement]) -> list[Part]:
    """Each locked distribution as a part. `roots` are what the whole asks for: with which extras is in them."""
    contents = list(contents)
    purls = {locked.name: purl_of(locked.name, locked.version) for locked, _ in contents}
    extras = _extras([*roots, *(each for _, installed in contents for each in installed.requires)])
    return [
        Part(
            purl=purls[locked.name],
            licence=licence_of(locked.name, installed.declared),
            description=installed.summary,
            hashes=locked.hashes,
            needs=frozenset(purls[name] for name in _needs(installed, extras) if name in purls),
        )
        for locked, installed in contents
    ]


def _extras(requirements: Iterable[Requirement]) -> Extras:
    """The extras with which each distribution is asked for by anybody."""
    asked: dict[NormalizedName, frozenset[str]] = defaultdict(frozenset)
    for each in requirements:
        asked[canonicalize_name(each.name)] |= each.extras
    return asked


def _needs(installed: Installed, extras: Extras) -> Iterator[NormalizedName]:
    wanted = ("", *extras.get(installed.name, ()))
    for each in installed.requires:
        if each.marker is None or any(each.marker.evaluate({**_LINUX, "extra": extra}) for extra in wanted):
            yield canonicalize_name(each.name)
