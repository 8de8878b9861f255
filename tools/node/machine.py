"""Checks that this machine can run a node: they try what a node needs, and guess nothing."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from devcluster.errors import DevclusterError
from node import cgroups
from node.shell import CommandFailed, run

PROGRAMS: Final = {"ip": "iproute2", "mount": "mount", "nsenter": "util-linux", "unshare": "util-linux"}
"""What must be installed, and the Debian package of each."""
_OVERLAY: Final = 'mount -t overlay overlay -o "lowerdir=$0/lower,upperdir=$0/upper,workdir=$0/work" "$0/merged"'


class MachineLacks(DevclusterError):
    """A node needs something that this machine lacks."""

    def __init__(self, lacks: list[str]) -> None:
        super().__init__(f"a real node cannot run on this machine: {'; '.join(lacks)}")


def check() -> None:
    """Raise MachineLacks unless this machine can run a node."""
    lacks = missing()
    if lacks:
        raise MachineLacks(lacks)


def missing() -> list[str]:
    """Return what this machine lacks, in words for a person."""
    if os.geteuid() != 0:
        return ["it needs root, for it makes containers, network interfaces and mounts"]
    absent = {package for program, package in PROGRAMS.items() if shutil.which(program) is None}
    if absent:
        return [f"the Debian packages {', '.join(sorted(absent))} are not installed"]
    return [said for said in (_namespaces(), _overlay(), _control_groups(), _kernel_log()) if said]


def _namespaces() -> str:
    try:
        run(["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "true"])
        run(["unshare", "--net", "ip", "link", "add", "one", "type", "veth", "peer", "name", "two"])
    except CommandFailed as error:
        return f"namespaces and virtual network interfaces of our own cannot be made ({error})"
    return ""


def _overlay() -> str:
    with tempfile.TemporaryDirectory(prefix="kite-node-check-") as folder:
        for each in ("lower", "upper", "work", "merged"):
            (Path(folder) / each).mkdir()
        try:
            run(["unshare", "--mount", "sh", "-c", _OVERLAY, folder])
        except CommandFailed as error:
            return f"overlayfs, in which containers have their files, cannot be mounted in {folder} ({error})"
    return ""


def _control_groups() -> str:
    found = list(cgroups.hierarchies())
    if not found:
        return "no control groups are mounted (/sys/fs/cgroup)"
    try:
        cgroups.hand_down()
    except OSError as error:
        return f"control groups of version 2 get no controllers (a container needs --cgroupns=host): {error.strerror}"
    refused = [str(each) for each in found if not _can_make_a_group(each)]
    return f"control groups cannot be made in {', '.join(refused)}" if refused else ""


def _can_make_a_group(hierarchy: Path) -> bool:
    group = hierarchy / f"kite-node-check-{os.getpid()}"
    try:
        group.mkdir()
        group.rmdir()
    except OSError:
        return False
    return True


def _kernel_log() -> str:
    return "" if Path("/dev/kmsg").exists() else "/dev/kmsg is missing, and kubelet reads it"
