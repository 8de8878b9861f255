"""The network between the machine and its nodes: a switch in a network namespace of its own.

What is left on the machine is one interface, the machine's end of a cable to the switch. The kernel removes it with the
namespace, and that goes when its only process does, however that ends.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

from devcluster.supervised import Program, Supervised
from node.addresses import BLOCKS, MOST_NODES, Block
from node.shell import CommandFailed, Inside, run

_BRIDGE: Final = "nodes"
_POLL_SECONDS: Final = 0.02
_PATIENCE_SECONDS: Final = 20.0


class Switch:
    """A running switch with the machine's cable in it; `block` has the addresses that are now this cluster's."""

    def __init__(self, held: Supervised, pid: int, block: Block) -> None:
        self.block = block
        self._held = held
        self._inside = Inside(pid, network_alone=True)

    @classmethod
    def start(cls, pause: Path) -> Self:
        """Start it, with a block of addresses that no other cluster of this machine has."""
        held = Supervised()
        try:
            pid = held.start(Program("switch", ["unshare", "--net", "--", str(pause)], Path(os.devnull)))
            eventually(lambda: _network(pid) != _network(os.getpid()), "the switch has a network of its own")
            return cls(held, pid, _plugged_in(pid))
        except BaseException:
            held.close()
            raise

    def connect(self, name: str, pid: int) -> None:
        """Lay a cable to the network namespace of a process, which calls its end eth0."""
        self._inside.run("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", str(pid))
        self._inside.run("ip", "link", "set", name, "master", _BRIDGE, "up")

    def stop(self) -> None:
        """The switch, and every cable in it, are gone."""
        self._held.close()
        eventually(lambda: self.block.link not in _links(), f"the interface {self.block.link} is gone")


def eventually(holds: Callable[[], bool], what: str, within: float = _PATIENCE_SECONDS) -> None:
    """Poll until it holds; CommandFailed says what never did."""
    deadline = time.monotonic() + within
    while not holds():
        if time.monotonic() > deadline:
            raise CommandFailed(f"never: {what}")
        time.sleep(_POLL_SECONDS)


def _plugged_in(pid: int) -> Block:
    inside = Inside(pid, network_alone=True)
    inside.run("ip", "link", "add", _BRIDGE, "type", "bridge")
    inside.run("ip", "link", "set", _BRIDGE, "up")
    block = _claimed(pid)
    inside.run("ip", "link", "set", "machine", "master", _BRIDGE, "up")
    run(["ip", "address", "add", f"{block.machine}/{block.prefix_length}", "dev", block.link])
    run(["ip", "link", "set", block.link, "up"])
    for number in range(1, MOST_NODES + 1):
        run(["ip", "route", "add", str(block.pods(number)), "via", str(block.node(number))])
    return block


def _claimed(pid: int) -> Block:
    """The kernel lets one cluster have each name of an interface, and so each block."""
    taken = _links()
    numbers = [each for each in range(BLOCKS) if Block(each).link not in taken]
    for number in random.SystemRandom().sample(numbers, len(numbers)):
        block = Block(number)
        try:
            run(["ip", "link", "add", block.link, "type", "veth", "peer", "name", "machine", "netns", str(pid)])
        except CommandFailed:
            if block.link not in _links():
                raise  # it is not that another was quicker
            continue
        return block
    raise CommandFailed(f"all {BLOCKS} blocks of addresses are in use by clusters on this machine")


def _links() -> set[str]:
    return {each["ifname"] for each in json.loads(run(["ip", "-json", "link", "show"]))}


def _network(pid: int) -> str:
    return str(Path(f"/proc/{pid}/ns/net").readlink())
