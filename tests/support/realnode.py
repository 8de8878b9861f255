"""What of a node can be seen on the machine that it runs on."""

import json
import subprocess
from pathlib import Path

import pytest

from devcluster.errors import DevclusterError
from node import Cluster, MachineLacks, Node, machine

REQUIRED = "required"


def may_run(required: bool) -> None:  # noqa: FBT001 - one question
    """Skip where this machine cannot run a node, and say so; fail where a run is asked for."""
    try:
        machine.check()
    except MachineLacks as lacks:
        if required:
            pytest.fail(str(lacks), pytrace=False)
        pytest.skip(f"NOT TESTED END TO END: {lacks}")


def started(nodes: int) -> Cluster:
    """A cluster, or a failure without the long way by which it came."""
    try:
        return Cluster.start(nodes)
    except DevclusterError as error:
        pytest.fail(str(error), pytrace=False)


def processes_of(node: Node) -> list[int]:
    """Every process in the node's process namespace, those in containers too, by its id on the machine."""
    chain = Path(f"/proc/{node.inside.pid}/ns/pid").readlink()
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            depth = next(line.split()[1:] for line in status.read_text().splitlines() if line.startswith("NSpid:"))
        except (FileNotFoundError, ProcessLookupError):
            continue
        if len(depth) > 1 and _is_inside(status.parent, chain):
            found.append(int(status.parent.name))
    return found


def _is_inside(process: Path, namespace: Path) -> bool:
    """A pod has a process namespace of its own, whose processes descend from one of the node's."""
    while process.name not in ("0", "1"):
        try:
            if (process / "ns/pid").readlink() == namespace:
                return True
            status = (process / "status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return False
        parent = next(line.split()[1] for line in status.splitlines() if line.startswith("PPid:"))
        process = process.with_name(parent)
    return False


def links() -> set[str]:
    """The machine's network interfaces to clusters."""
    shown = subprocess.run(["ip", "-json", "link", "show"], capture_output=True, text=True, check=True)  # noqa: S607
    return {each["ifname"] for each in json.loads(shown.stdout) if each["ifname"].startswith("kite-")}


def control_groups(node: Node) -> list[Path]:
    """The control groups that bear the node's name."""
    return [path for path in Path("/sys/fs/cgroup").glob(f"**/{node.place.cgroup}") if path.is_dir()]
