"""Starts the components of one control plane in their order, kills and restarts them, and ends them together."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL
from types import MappingProxyType
from typing import Final

from devcluster.errors import UsageError
from devcluster.layout import (
    API_SERVER,
    CONTROLLER_MANAGER,
    ETCD,
    SCHEDULER,
    Layout,
    Ports,
    api_server_command,
    controller_manager_command,
    etcd_command,
    scheduler_command,
)
from devcluster.pki import Authority
from devcluster.ports import LOOPBACK, free_ports
from devcluster.readiness import Check, wait_ready
from devcluster.supervised import Program, Snapshot, Supervised

# Nothing of the person's environment: etcd refuses to start when an ETCD_ variable contradicts a flag, and a proxy is
# not for loopback.
_ENVIRONMENT: Final = MappingProxyType({"PATH": os.defpath})


@dataclass(frozen=True, slots=True)
class Plan:
    """Options of a start. `timeout` is in seconds, for each component."""

    binaries: Mapping[str, Path]
    controllers: bool = False
    fsync: bool = False
    timeout: float = 60.0
    api_server_arguments: tuple[str, ...] = ()
    address: str = LOOPBACK
    nodes: bool = False


class Engine:
    """The running components of one control plane, in `folder`, which exists and is removed at the end."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self._plan = plan
        self.layout = Layout(folder, Ports(*free_ports(4)), plan.address)
        self.authority: Authority = self.layout.write_keys()
        self._commands = _commands(plan, self.layout)
        self._supervised = Supervised(remove=folder, log=self.layout.log("supervisor"))

    @property
    def components(self) -> tuple[str, ...]:
        """The names of the components, in the order of their start."""
        return tuple(self._commands)

    @property
    def supervisor_pid(self) -> int:
        """The process that holds the components."""
        return self._supervised.pid

    def start(self) -> None:
        """Start every component, each when the one before it is ready. Raises StartError; `stop` is the caller's."""
        for component in self.components:
            self._launch(component)

    def poll(self) -> Snapshot:
        """Return what runs and what has ended."""
        return self._supervised.poll()

    def kill(self, component: str) -> None:
        """End a component with SIGKILL; it keeps its data and its ports."""
        self._known(component)
        self._supervised.stop(component, sig=SIGKILL)

    def restart(self, component: str) -> None:
        """Start a component (killed first if it runs) with the same data and ports; returns when all are ready."""
        self._known(component)
        if component in self.poll().running:
            self.kill(component)
        self._launch(component)
        for other in self.poll().running:
            self._wait(other)

    def detach(self) -> None:
        """Let the components outlive this process."""
        self._supervised.detach()

    def stop(self) -> None:
        """End every component and remove the folder. May be called again."""
        self._supervised.close()

    def _launch(self, component: str) -> None:
        log = self.layout.log(component)
        self._supervised.start(Program(component, self._commands[component], log, _ENVIRONMENT))
        self._wait(component)

    def _wait(self, component: str) -> None:
        wait_ready(_check(component, self.layout), lambda: self.poll().exited, self._plan.timeout)

    def _known(self, component: str) -> None:
        if component not in self._commands:
            raise UsageError(
                f"{component} is not a part of this control plane; its parts: {', '.join(self.components)}"
            )


def _commands(plan: Plan, layout: Layout) -> dict[str, list[str]]:
    binaries, extra = plan.binaries, plan.api_server_arguments
    commands = {
        ETCD: etcd_command(binaries[ETCD], layout, fsync=plan.fsync),
        API_SERVER: api_server_command(
            binaries[API_SERVER], layout, extra, controllers=plan.controllers, nodes=plan.nodes
        ),
    }
    if plan.controllers:
        manager = controller_manager_command(binaries[CONTROLLER_MANAGER], layout, nodes=plan.nodes)
        commands[CONTROLLER_MANAGER] = manager
    if plan.nodes:
        commands[SCHEDULER] = scheduler_command(binaries[SCHEDULER], layout)
    return commands


def _check(component: str, layout: Layout) -> Check:
    keys, log = layout.keys, layout.log(component)
    if component == ETCD:
        return Check(component, f"{layout.etcd_url}/health", keys, authority="etcd-ca", identity="etcd-client", log=log)
    if component == SCHEDULER:
        url = f"{layout.scheduler_url}/readyz"
        return Check(component, url, keys, authority="api-ca", identity="admin", log=log)
    # kube-controller-manager listens nowhere; the first thing that only it makes is this ServiceAccount.
    made = "/api/v1/namespaces/default/serviceaccounts/default"
    path = "/readyz" if component == API_SERVER else made
    return Check(component, f"{layout.server}{path}", keys, authority="api-ca", identity="admin", log=log)
