"""Cache of built programs: outside of the checkout, one folder for each pinned version, shared by every checkout.

The key changes with anything that changes the programs: the pinned version, go.mod and go.sum, our own Go files, the
linker flags, the platform. The version and the platform are readable in it, the rest is a hash.
"""

from __future__ import annotations

import fcntl
import hashlib
import platform
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

from devcluster.binaries import Binary, GoModule
from devcluster.errors import UnsupportedPlatformError
from devcluster.progress import Progress

_POLL: Final = 0.25
_PROCESSORS: Final = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def cache_root(environ: Mapping[str, str]) -> Path:
    """`$XDG_CACHE_HOME/kite-operator`; a relative XDG_CACHE_HOME is ignored, as its specification asks."""
    configured = Path(environ.get("XDG_CACHE_HOME", ""))
    base = configured if configured.is_absolute() else Path.home() / ".cache"
    return base / "kite-operator"


def go_platform(system: str = sys.platform, machine: str | None = None) -> tuple[str, str]:
    """GOOS and GOARCH of this machine, without asking Go: a filled cache is of use where Go is missing.

    Raises UnsupportedPlatformError off Linux: the control plane relies on Linux to end what it started.
    """
    found = machine or platform.machine()
    processor = _PROCESSORS.get(found.lower())
    if system != "linux" or processor is None:
        raise UnsupportedPlatformError(
            f"the development cluster runs on Linux on x86-64 or arm64; this is {system} on {found}"
        )
    return "linux", processor


def cache_key(module: GoModule, target: tuple[str, str]) -> str:
    """The name of the folder for the programs of `module`, such as kubernetes-v1.36.3-linux-amd64-0a1b2c3d4e5f."""
    digest = hashlib.sha256()
    sources = [path.read_bytes() for path in sorted(module.folder.glob("**/*.go"))]
    for part in ((module.folder / "go.mod").read_bytes(), (module.folder / "go.sum").read_bytes(), *sources):
        digest.update(len(part).to_bytes(8) + part)
    digest.update(module.linker_flags.encode())
    return "-".join([module.name, module.version, *target, digest.hexdigest()[:12]])


def cached_path(binary: Binary, root: Path, target: tuple[str, str] | None = None) -> Path:
    """Return where `binary` is, or will be once it is built, under the cache `root`."""
    return root / "tools" / cache_key(binary.module, target or go_platform()) / binary.name


@contextmanager
def exclusive(path: Path, task: str, stream: TextIO) -> Iterator[None]:
    """Hold the lock file; `task` is shown while another run has it. The kernel frees it however its holder ends."""
    progress = Progress(task, stream)
    with path.open("ab") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                progress.tick()
                time.sleep(_POLL)
        yield
