"""Debian packages, unpacked into the cache.

Unpacked, not installed: that needs no root, and starts no service on somebody's machine. `apt-get` keeps its lists in a
folder of ours for the same reason. The packages' signatures are checked as in any installation.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from devcluster.errors import PackageError

_PATIENCE_SECONDS: Final = 300


def unpack(packages: Sequence[str], folder: Path) -> None:
    """Unpack these packages, and none that they depend on, into `folder`, complete or not at all; nothing if it exists.

    Raises PackageError: apt-get or dpkg-deb is missing, or the packages cannot be had.
    """
    missing = [each for each in ("apt-get", "dpkg-deb") if shutil.which(each) is None]
    if missing:
        raise PackageError(f"without {' and '.join(missing)} {', '.join(packages)} cannot be taken from Debian")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            return  # somebody else was quicker
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix="packages-") as scratch:
            _unpack(packages, Path(scratch))
            (Path(scratch) / "root").rename(folder)


def _unpack(packages: Sequence[str], scratch: Path) -> None:
    lists, cache = scratch / "lists", scratch / "cache"
    (lists / "partial").mkdir(parents=True)
    (cache / "archives" / "partial").mkdir(parents=True)
    apt = ["apt-get", "--quiet=2", "-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={cache}"]
    if os.geteuid() == 0:
        apt += ["-o", "APT::Sandbox::User=root"]
    _run([*apt, "update"], scratch, packages)
    _run([*apt, "download", *packages], scratch, packages)
    for package in scratch.glob("*.deb"):
        _run(["dpkg-deb", "--extract", str(package), str(scratch / "root")], scratch, packages)


def _run(command: list[str], folder: Path, packages: Sequence[str]) -> None:
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    done = subprocess.run(  # noqa: S603 - a fixed command
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=_PATIENCE_SECONDS, check=False
    )
    if done.returncode:
        raise PackageError(
            f"`{' '.join(command[:2])}` could not bring {', '.join(packages)}: {done.stderr.strip()[-500:]}"
        )
