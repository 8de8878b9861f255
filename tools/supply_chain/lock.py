"""The locked requirements as values: what an image is made of, with the hashes of the files that may be installed."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

_IMAGE: Final[Mapping[str, str]] = {
    "os_name": "posix",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
}
"""Where the image runs. The version of Python is that of the running interpreter."""


@dataclass(frozen=True, slots=True)
class Locked:
    """One distribution of one version, and the SHA-256 of each of its files that may be installed."""

    name: NormalizedName
    version: str
    hashes: tuple[str, ...]
    marker: Marker | None = None

    def is_for_the_image(self) -> bool:
        """False for what another system or another Python needs."""
        return self.marker is None or self.marker.evaluate(dict(_IMAGE))


def read_lock(path: Path) -> tuple[Locked, ...]:
    """Return what the file pins, in its order. Raises ValueError for a line that pins nothing, or without a hash."""
    return tuple(_locked(line) for line in _lines(path.read_text()))


def _lines(text: str) -> Iterator[str]:
    for line in re.sub(r"\\\n", " ", text).splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield line.strip()


def _locked(line: str) -> Locked:
    wanted, *hashes = re.split(r"\s+--hash=sha256:", line)
    requirement = Requirement(wanted)
    pinned = [each for each in requirement.specifier if each.operator == "=="]
    if len(pinned) != 1 or not hashes:
        raise ValueError(f"not pinned by version and hash: {line[:80]}")
    return Locked(canonicalize_name(requirement.name), pinned[0].version, tuple(sorted(hashes)), requirement.marker)
