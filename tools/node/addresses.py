"""The addresses of one cluster: a block of its own out of 198.18.0.0/15.

That range is for benchmarks of network equipment (RFC 2544): no network that a machine is connected to has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Final

BLOCKS: Final = 128
MOST_NODES: Final = 3
_RANGE: Final = IPv4Network("198.18.0.0/15")
_BLOCK_SIZE: Final = 1024


@dataclass(frozen=True, slots=True)
class Block:
    """One of the 128 blocks: 256 addresses for the machine and the nodes, 256 more for the pods of each node."""

    number: int

    @property
    def link(self) -> str:
        """The name of the machine's network interface to the nodes: who made it has the block."""
        return f"kite-nodes-{self.number}"

    @property
    def machine(self) -> IPv4Address:
        """The machine's address, as the nodes see it: the API server listens there."""
        return self._of(0)[1]

    @property
    def prefix_length(self) -> int:
        """Of the network that the machine and the nodes share."""
        return self._of(0).prefixlen

    @property
    def everything(self) -> IPv4Network:
        """All of the block."""
        return IPv4Network((int(self.machine) - 1, 22))

    def node(self, number: int) -> IPv4Address:
        """The address of a node, the first of which is number 1."""
        return self._of(0)[1 + number]

    def pods(self, number: int) -> IPv4Network:
        """The addresses of the pods on a node."""
        if not 1 <= number <= MOST_NODES:
            raise ValueError(f"there is no node {number}: a block has room for {MOST_NODES}")
        return self._of(number)

    def _of(self, part: int) -> IPv4Network:
        return IPv4Network((int(_RANGE[0]) + self.number * _BLOCK_SIZE + part * 256, 24))
