"""The control groups in which a node's pods are: made in every hierarchy of the machine, under one name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

_MOUNTS: Final = Path("/proc/self/mounts")
_INHERITED: Final = ("cpuset.cpus", "cpuset.mems")  # empty in a new group of cgroups v1, where nothing could then run


def make(name: str, mounts: Path = _MOUNTS) -> tuple[Path, ...]:
    """Make the group in every hierarchy; returns the folders, for whoever removes them."""
    made = []
    for hierarchy in hierarchies(mounts):
        folder = hierarchy / name
        folder.mkdir()
        made.append(folder)
        for setting in _INHERITED:
            if (folder / setting).exists() and not (folder / setting).read_text().strip():
                (folder / setting).write_text((hierarchy / setting).read_text())
    return tuple(made)


def hierarchies(mounts: Path = _MOUNTS) -> Iterator[Path]:
    """Where cgroups are mounted: one place with version 2, several with version 1 or with both."""
    for line in mounts.read_text().splitlines():
        _, folder, kind, *_ = line.split()
        if kind in ("cgroup", "cgroup2"):
            yield Path(folder)
