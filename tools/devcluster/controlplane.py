"""The control plane as its users see it: start it, get kubeconfigs, kill and restart its parts, stop it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TextIO

from devcluster.engine import Engine, Plan
from devcluster.errors import PortTakenError, StartError, UsageError
from devcluster.kubeconfig import kubeconfig
from devcluster.layout import API_SERVER, CONTROLLER_MANAGER, ETCD, SCHEDULER
from devcluster.pki import KeyPair, write_private
from devcluster.ports import LOOPBACK
from devcluster.resolve import Resolver

KUBECONFIG_VARIABLE: Final = "KITE_DEVCLUSTER_KUBECONFIG"
_ATTEMPTS: Final = 3


def _given_kubeconfig() -> Path | None:
    given = os.environ.get(KUBECONFIG_VARIABLE)
    return Path(given) if given else None


@dataclass(frozen=True, slots=True)
class Options:
    """Options of a control plane.

    `kubeconfig`: use that cluster and start nothing; by default what KITE_DEVCLUSTER_KUBECONFIG names; None starts
    one of our own. `controllers`: also kube-controller-manager. `fsync`: etcd writes through to the disk (slower; for
    tests of lost power). `address`: where the API server listens, when not on loopback. `nodes`: nodes may join; also
    kube-scheduler, and the controllers that pods on nodes need. `timeout`: seconds for each component to become ready.
    `folder`: an absent folder for everything, by default a temporary one; it is removed by `stop` either way.
    `progress` receives what the Go build has to say.
    """

    controllers: bool = False
    fsync: bool = False
    kubeconfig: Path | None = field(default_factory=_given_kubeconfig)
    timeout: float = 60.0
    folder: Path | None = None
    api_server_arguments: tuple[str, ...] = ()
    address: str = LOOPBACK
    nodes: bool = False
    progress: TextIO = field(default_factory=lambda: sys.stderr)


class ControlPlane:
    """A control plane that this process has started, or a cluster that was given.

    It ends with `stop`, at the end of a `with` block, or with this process, whichever comes first and however it comes.
    """

    def __init__(self, kubectl: Path, kubeconfig_path: Path, server: str, engine: Engine | None) -> None:
        self.kubectl = kubectl
        self.kubeconfig = kubeconfig_path
        self.server = server
        self._engine = engine

    @classmethod
    def start(cls, options: Options | None = None) -> Self:
        """Start a control plane and return it ready for use.

        Raises StartError with the end of a component's log, ToolchainError or BuildError when a program must be built
        and cannot be.
        """
        chosen = options or Options()
        resolver = Resolver(stream=chosen.progress)
        if chosen.kubeconfig is not None:
            return cls._given(resolver.resolve(["kubectl"])["kubectl"], chosen.kubeconfig)
        more = {CONTROLLER_MANAGER: chosen.controllers or chosen.nodes, SCHEDULER: chosen.nodes}
        components = (ETCD, API_SERVER, *(name for name, wanted in more.items() if wanted))
        binaries = resolver.resolve((*components, "kubectl"))
        engine = _started(chosen, binaries)
        return cls(binaries["kubectl"], engine.layout.kubeconfig, engine.layout.server, engine)

    @classmethod
    def _given(cls, kubectl: Path, path: Path) -> Self:
        query = ["config", "view", "--minify", "--output=jsonpath={.clusters[0].cluster.server}"]
        server = _asked(kubectl, path, query)
        _asked(kubectl, path, ["get", "--raw=/readyz"])
        return cls(kubectl, path, server, None)

    @property
    def processes(self) -> Mapping[str, int]:
        """The running components by process id; empty for a given cluster."""
        return {} if self._engine is None else self._engine.poll().running

    @property
    def supervisor_pid(self) -> int:
        """The process that holds the components."""
        return self._own("tell of a supervisor").supervisor_pid

    @property
    def environment(self) -> dict[str, str]:
        """Our environment with KUBECONFIG set, kubectl's cache kept apart, and the right kubectl first on PATH.

        The cache is apart because kubectl keys it by host and port, which a later control plane may use again for
        other resources.
        """
        path = os.pathsep.join([str(self.kubectl.parent), os.environ.get("PATH", os.defpath)])
        cache = {} if self._engine is None else {"KUBECACHEDIR": str(self._engine.layout.folder / "kubectl-cache")}
        return {**os.environ, "PATH": path, "KUBECONFIG": str(self.kubeconfig), **cache}

    def kubeconfig_for(self, user: str, groups: Sequence[str] = ()) -> Path:
        """A kubeconfig that authenticates as `user` in `groups`, who may do what RBAC grants them.

        For a ServiceAccount: user `system:serviceaccount:NAMESPACE:NAME`, groups `system:serviceaccounts` and
        `system:serviceaccounts:NAMESPACE`.
        """
        engine = self._own("sign certificates")
        name = hashlib.sha256("\n".join([user, *groups]).encode()).hexdigest()[:16]
        path = engine.layout.folder / f"user-{name}.kubeconfig"
        identity = engine.authority.issue(user, groups)
        write_private(path, kubeconfig(self.server, engine.authority.pem, identity, user=user))
        return path

    def certificate(self, user: str, groups: Sequence[str] = (), server_names: Sequence[str] = ()) -> KeyPair:
        """A certificate of `user` in `groups`, and of a server of these names, that everything here believes."""
        return self._own("sign certificates").authority.issue(user, groups, server_names)

    @property
    def authority(self) -> bytes:
        """The certificate (PEM) by which everything here is verified."""
        return self._own("tell its authority").authority.pem

    def ask(self, *arguments: str, input_text: str | None = None, check: bool = False) -> str:
        """Return what kubectl answers to the administrator: nothing when it fails, or StartError with `check`."""
        answer = subprocess.run(  # noqa: S603 - the resolved kubectl
            [self.kubectl, *arguments],
            env=self.environment,
            input=input_text,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if check and answer.returncode != 0:
            raise StartError(f"kubectl {arguments[0]}: {answer.stderr.strip()[-400:]}")
        return answer.stdout if answer.returncode == 0 else ""

    def kill(self, component: str) -> None:
        """End etcd, kube-apiserver or kube-controller-manager with SIGKILL; it keeps its data and its ports."""
        self._own("kill components").kill(component)

    def restart(self, component: str) -> None:
        """Start a component (SIGKILL first if it runs) with the same data and ports; returns when all are ready."""
        self._own("restart components").restart(component)

    def detach(self) -> None:
        """Let it outlive this process. From then on only the supervisor's process id can end it."""
        self._own("be left running").detach()

    def stop(self) -> None:
        """End everything that was started and remove its folder. May be called again; a given cluster is left alone."""
        if self._engine is not None:
            self._engine.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _own(self, wish: str) -> Engine:
        if self._engine is None:
            raise UsageError(f"cannot {wish}: this cluster was given by a kubeconfig, not started by devcluster")
        return self._engine


def _started(options: Options, binaries: Mapping[str, Path]) -> Engine:
    """A started engine; when another program was quicker to take a port, once more with other ports."""
    plan = Plan(
        binaries,
        controllers=options.controllers or options.nodes,
        nodes=options.nodes,
        address=options.address,
        fsync=options.fsync,
        timeout=options.timeout,
        api_server_arguments=options.api_server_arguments,
    )
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return _attempt(plan, _new_folder(options.folder))
        except PortTakenError:
            if attempt == _ATTEMPTS:
                raise
    raise AssertionError("unreachable: the last attempt returns or raises")


def _attempt(plan: Plan, folder: Path) -> Engine:
    """A started engine in `folder`, or nothing at all: neither a failure nor Ctrl-C leaves a process or the folder."""
    try:
        engine = Engine(plan, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    try:
        engine.start()
    except BaseException:
        engine.stop()
        raise
    return engine


def _new_folder(wanted: Path | None) -> Path:
    if wanted is None:
        return Path(tempfile.mkdtemp(prefix="kite-devcluster-"))
    wanted.parent.mkdir(parents=True, exist_ok=True)
    wanted.mkdir(mode=0o700)
    return wanted


def _asked(kubectl: Path, path: Path, arguments: Sequence[str]) -> str:
    answer = subprocess.run(  # noqa: S603 - the resolved kubectl
        [kubectl, f"--kubeconfig={path}", *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    if answer.returncode != 0:
        raise StartError(f"the cluster of {path} does not answer: {answer.stderr.strip()[-400:]}")
    return answer.stdout
