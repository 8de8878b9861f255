"""A control plane and its nodes, started and ended together."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from devcluster import ControlPlane, Options
from node import machine, programs
from node.addresses import Block
from node.configuration import DNS_RIGHTS
from node.member import Node
from node.switch import Switch


class Cluster:
    """A running cluster. It ends with `stop`, at the end of a `with` block, or with this process."""

    def __init__(self, switch: Switch, plane: ControlPlane, found: programs.Programs) -> None:
        self.plane = plane
        self.nodes: list[Node] = []
        self._made = 0
        self._switch = switch
        self._programs = found

    @classmethod
    def start(cls, nodes: int = 1, *, stream: TextIO = sys.stderr) -> Self:
        """Start it with so many nodes, all of them ready.

        Raises MachineLacks where this machine cannot run a node, and DevclusterError for anything else.
        """
        machine.check()
        found = programs.resolve(stream)
        switch = Switch.start(found.kubernetes["pause"])
        try:
            plane = ControlPlane.start(
                Options(kubeconfig=None, nodes=True, address=str(switch.block.machine), progress=stream)
            )
        except BaseException:
            switch.stop()
            raise
        started = cls(switch, plane, found)
        try:
            started._allow_name_service()
            for _ in range(nodes):
                started.add_node(wait=False)
            for node in started.nodes:
                node.wait_ready()
        except BaseException:
            started.stop()
            raise
        return started

    @property
    def block(self) -> Block:
        """The addresses of this cluster."""
        return self._switch.block

    def add_node(self, *, wait: bool = True) -> Node:
        """One more node."""
        self._made += 1
        node = Node(self._made, self._switch, self._programs, self.plane)
        self.nodes.append(node)
        node.boot()
        if wait:
            node.wait_ready()
        return node

    def lose(self, node: Node) -> None:
        """The end of a node as of a machine without power: nothing in it is told, and it does not come back."""
        self.nodes.remove(node)
        node.stop()

    def load(self, image_archive: Path) -> None:
        """Give every node the images of a docker-archive."""
        with ThreadPoolExecutor(len(self.nodes)) as threads:
            list(threads.map(lambda node: node.load(image_archive), self.nodes))

    def stop(self) -> None:
        """End everything; nothing stays behind. May be called again."""
        for node in self.nodes:
            node.stop()
        self.plane.stop()
        self._switch.stop()

    def _allow_name_service(self) -> None:
        for each in DNS_RIGHTS:
            self.plane.ask("create", "--filename=-", input_text=json.dumps(each), check=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
