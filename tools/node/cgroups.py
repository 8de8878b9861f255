"""The control groups in which a node's pods are: made in every hierarchy of the machine, under one name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

_MOUNTS: Final = Path("/proc/self/mounts")
_INHERITED: Final = ("cpuset.cpus", "cpuset.mems")  # empty in a new group of cgroups v1, where nothing could then run
_ASKED: Final = frozenset({"cpu", "cpuset", "hugetlb", "memory", "pids"})
"""The controllers without which kubelet does not start in a group of version 2, as far as the machine has them."""


def make(name: str, mounts: Path = _MOUNTS) -> tuple[Path, ...]:
    """Make the group in every hierarchy; returns the folders, for whoever removes them."""
    hand_down(mounts)
    made = []
    for hierarchy in hierarchies(mounts):
        folder = hierarchy / name
        folder.mkdir()
        made.append(folder)
        for setting in _INHERITED:
            # The root of version 2 has none of them, and what is empty below it holds for all.
            if (hierarchy / setting).exists() and not (folder / setting).read_text().strip():
                (folder / setting).write_text((hierarchy / setting).read_text())
    return tuple(made)


def hand_down(mounts: Path = _MOUNTS) -> None:
    """See to it that a group has the controllers that kubelet asks for: with version 2 the one above must give them.

    Raises OSError where it cannot, as in a container that takes its own group for the root. Beside version 1 kubelet
    looks at that.
    """
    found = list(hierarchies(mounts))
    if len(found) == 1 and (found[0] / "cgroup.controllers").exists():
        given = found[0] / "cgroup.subtree_control"
        there = set((found[0] / "cgroup.controllers").read_text().split())
        missing = there & _ASKED - set(given.read_text().split())
        if missing:
            given.write_text(" ".join(f"+{each}" for each in sorted(missing)))


def hierarchies(mounts: Path = _MOUNTS) -> Iterator[Path]:
    """Yield where cgroups are mounted: one place with version 2, several with version 1 or with both."""
    for line in mounts.read_text().splitlines():
        _, folder, kind, *_ = line.split()
        if kind in ("cgroup", "cgroup2"):
            yield Path(folder)
