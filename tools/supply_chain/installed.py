"""Metadata of installed distributions: in a virtual environment, or in an image."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from supply_chain.licences import Declared
from supply_chain.lock import Locked

_LICENCE_FILE = re.compile(r"(?i)\.dist-info/(?:licenses/)?.*(?:licen[cs]e|copying|notice)")


@dataclass(frozen=True, slots=True)
class Installed:
    """One installed distribution."""

    name: NormalizedName
    version: str
    summary: str
    declared: Declared
    licence_files: tuple[Path, ...]
    requires: tuple[Requirement, ...]


class OutOfStep(Exception):
    """The installed distributions differ from the lock."""


@cache
def read_installed(folder: Path) -> Mapping[NormalizedName, Installed]:
    """Every distribution of a site-packages folder, by name."""
    found = (_installed(each) for each in distributions(path=[str(folder)]))
    return {each.name: each for each in sorted(found, key=lambda each: each.name)}


def of_lock(locked: Iterable[Locked], installed: Mapping[NormalizedName, Installed]) -> list[tuple[Locked, Installed]]:
    """Return what of the lock belongs into the image, as installed. Raises OutOfStep with all that differ."""
    wanted = [each for each in locked if each.is_for_the_image()]
    wrong = [
        f"{each.name} is locked as {each.version} and installed as {found.version if found else 'nothing'}"
        for each in wanted
        if (found := installed.get(each.name)) is None or found.version != each.version
    ]
    if wrong:
        raise OutOfStep("; ".join(wrong))
    return [(each, installed[each.name]) for each in wanted]


def _installed(found: Distribution) -> Installed:
    declared = Declared(
        expression=_field(found, "License-Expression"),
        licence=_field(found, "License"),
        classifiers=tuple(each for each in found.metadata.get_all("Classifier") or [] if each.startswith("License ::")),
    )
    files = [path for path in found.files or [] if _LICENCE_FILE.search(str(path))]
    return Installed(
        name=canonicalize_name(_field(found, "Name")),
        version=found.version,
        summary=_field(found, "Summary"),
        declared=declared,
        licence_files=tuple(sorted(Path(str(found.locate_file(path))) for path in files)),
        requires=tuple(Requirement(each) for each in found.requires or []),
    )


def _field(found: Distribution, name: str) -> str:
    return next(iter(found.metadata.get_all(name) or ()), "")
