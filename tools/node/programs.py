"""The programs of a node: those of Kubernetes and CoreDNS as devcluster has them, containerd and its own from Debian.

A containerd that the machine has is used; else Debian's packages are unpacked into the cache, and nothing is installed.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from devcluster import debian
from devcluster.binaries import NODE_PROGRAMS
from devcluster.cache import cache_root
from devcluster.resolve import Resolver

_PACKAGES: Final = (
    "containerd",
    "containernetworking-plugins",
    "nftables",
    "runc",
    # Libraries of nft, which a small machine lacks.
    "libbsd0",
    "libedit2",
    "libgmp10",
    "libjansson4",
    "libmd0",
    "libmnl0",
    "libnftables1",
    "libnftnl11",
    "libseccomp2",
    "libxtables12",
)
_WANTED: Final = ("containerd", "containerd-shim-runc-v2", "ctr", "nft", "runc")
_CNI_WANTED: Final = ("host-local", "loopback", "ptp")
_CNI_FOLDERS: Final = ("/opt/cni/bin", "/usr/lib/cni")
_SYSTEM_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Programs:
    """The paths of the programs; they are started with `environment`."""

    kubernetes: Mapping[str, Path]
    cni: Path
    environment: Mapping[str, str]

    def found(self, name: str) -> str:
        """The path of a program on the path of `environment`."""
        return shutil.which(name, path=self.environment["PATH"]) or name


def resolve(stream: TextIO = sys.stderr) -> Programs:
    """Everything that a node needs, built or unpacked where it is missing. Raises DevclusterError."""
    kubernetes = Resolver(stream=stream).resolve(NODE_PROGRAMS)
    cni = next((Path(each) for each in _CNI_FOLDERS if _has_plugins(Path(each))), None)
    if cni is not None and all(shutil.which(name, path=_SYSTEM_PATH) for name in _WANTED):
        return Programs(kubernetes, cni, {"PATH": _SYSTEM_PATH})
    root = cache_root(os.environ) / "tools" / "node-debian"
    if not root.exists():
        stream.write(f"Unpacking Debian's {', '.join(_PACKAGES[:4])} and their libraries\n")
        debian.unpack(_PACKAGES, root)
    path = ":".join(str(root / each) for each in ("usr/sbin", "usr/bin"))
    libraries = ":".join(str(each) for each in sorted((root / "usr/lib").glob("*-linux-gnu")))
    environment = {"PATH": f"{path}:{_SYSTEM_PATH}", "LD_LIBRARY_PATH": libraries}
    return Programs(kubernetes, root / "usr/lib/cni", environment)


def _has_plugins(folder: Path) -> bool:
    return all((folder / name).is_file() for name in _CNI_WANTED)
