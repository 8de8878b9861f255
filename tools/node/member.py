"""One node: namespaces of its own on this machine, and in them the programs that a node runs.

Its processes, network and mounts are in a process, a network and a mount namespace, which end with their first process:
then no container, no interface and no mount is left, however a run ends. What outlives them, its folder and its control
groups, the supervisor removes.
"""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final

from devcluster import ControlPlane
from devcluster.pki import write_private
from devcluster.readiness import log_tail
from devcluster.supervised import Program, Supervised
from node import archive, cgroups, configuration
from node.addresses import MOST_NODES
from node.configuration import CONTAINERD_SOCKET, DNS_READY_PORT, PAUSE_IMAGE, Place
from node.programs import Programs
from node.shell import CommandFailed, Inside
from node.switch import Switch, eventually

CONTAINERD: Final = "containerd"
KUBELET: Final = "kubelet"
KUBE_PROXY: Final = "kube-proxy"
COREDNS: Final = "coredns"
_MACHINE: Final = "machine"
_NAMESPACES: Final = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--")
_SECONDS_TO_START: Final = 90.0
# kubelet sets these for the whole machine. It may believe that it did.
_TUNED_BY_KUBELET: Final = (
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
    "kernel/panic",
    "kernel/panic_on_oops",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
)


class Node:
    """A node of a cluster. `inside` runs programs in it."""

    def __init__(self, number: int, switch: Switch, programs: Programs, plane: ControlPlane) -> None:
        block = switch.block
        self.name = f"node-{number}"
        self._number = number
        self._switch = switch
        self._programs = programs
        self._plane = plane
        cgroup = f"kite-node-{block.number}-{number}"
        self.folder = Path(tempfile.mkdtemp(prefix="kite-node-"))
        self.place = Place(self.name, block.node(number), block.pods(number), block.everything, self.folder, cgroup)
        groups = [each / cgroup for each in cgroups.hierarchies()]
        try:
            self._held = Supervised(remove=self.folder, remove_cgroups=groups, log=self.log("supervisor"))
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        self._commands: Mapping[str, list[str]] = {}

    def log(self, program: str) -> Path:
        """Return where the output of one of its programs goes."""
        return self.folder / f"{program}.log"

    @property
    def running(self) -> frozenset[str]:
        """Return which of its programs run."""
        return frozenset(self._held.poll().running) - {_MACHINE}

    def boot(self) -> None:
        """Make the namespaces, and start every program in them; the node is not ready yet."""
        cgroups.make(self.place.cgroup)
        pause = str(self._programs.kubernetes["pause"])
        outer = self._held.start(Program(_MACHINE, [*_NAMESPACES, pause], self.log(_MACHINE), {}))
        self.inside = Inside(_first_process(outer))
        self._connect()
        self._mount()
        self._commands = self._configure()
        self.start(CONTAINERD)
        self._import_pause()
        for program in (KUBELET, KUBE_PROXY, COREDNS):
            self.start(program)

    def wait_ready(self) -> None:
        """Until the node says so itself, and answers for names. Raises CommandFailed with the end of kubelet's log."""
        ready = ["get", "node", self.name, "--output", 'jsonpath={.status.conditions[?(@.type=="Ready")].status}']
        try:
            eventually(lambda: self._plane.ask(*ready) == "True", f"{self.name} is ready", _SECONDS_TO_START)
            eventually(self._answers_for_names, f"CoreDNS on {self.name} is ready", _SECONDS_TO_START)
        except CommandFailed as error:
            ends = "\n".join(f"{each}:\n{log_tail(self.log(each))}" for each in (KUBELET, CONTAINERD, COREDNS))
            raise CommandFailed(f"{error}; the ends of the logs:\n{ends}") from error

    def load(self, image_archive: Path) -> None:
        """Give the node the images of a docker-archive."""
        self._containerd("images", "import", str(image_archive))

    def images(self) -> frozenset[str]:
        """The names of its images."""
        return frozenset(self._containerd("images", "list", "--quiet").split())

    def signal(self, container: str, number: int) -> None:
        """Send a signal to the first process of a container, which cannot refuse what comes from its node."""
        tasks = [line.split() for line in self._containerd("tasks", "list").splitlines()]
        pids = [pid for name, pid, *_ in tasks if name == container]
        if not pids:
            raise CommandFailed(f"no container {container} runs on {self.name}")
        self.inside.run("sh", "-c", f"kill -{number} {pids[0]}")

    def start(self, program: str) -> None:
        """Start one of its programs."""
        command = self.inside.command(*self._commands[program])
        self._held.start(Program(program, command, self.log(program), self._programs.environment))
        if program == CONTAINERD:
            eventually(self._containerd_answers, f"containerd on {self.name} answers", _SECONDS_TO_START)

    def kill(self, program: str) -> None:
        """End one of its programs with SIGKILL; what runs in containers stays."""
        self._held.stop(program, sig=signal.SIGKILL)

    def stop(self) -> None:
        """End everything in it at once, and remove what it used. May be called again."""
        self._held.close()

    def _connect(self) -> None:
        block, address = self._switch.block, self.place.address
        self._switch.connect(self.name, self.inside.pid)
        self.inside.run("ip", "link", "set", "lo", "up")
        self.inside.run("ip", "address", "add", f"{address}/{block.prefix_length}", "dev", "eth0")
        self.inside.run("ip", "link", "set", "eth0", "up")
        self.inside.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        for other in range(1, MOST_NODES + 1):
            if other != self._number:
                self.inside.run("ip", "route", "add", str(block.pods(other)), "via", str(block.node(other)))

    def _mount(self) -> None:
        """Folders of its own where programs have theirs by custom: the machine's are neither read nor written."""
        for name in ("lib", "log"):
            (self.folder / name).mkdir()
            self.inside.run("mount", "--bind", str(self.folder / name), f"/var/{name}")
        self.inside.run("mount", "-t", "tmpfs", "tmpfs", "/run")
        for name in _TUNED_BY_KUBELET:
            real, ours = Path("/proc/sys") / name, self.folder / "sys" / name
            ours.parent.mkdir(parents=True, exist_ok=True)
            ours.write_text(real.read_text())
            self.inside.run("mount", "--bind", str(ours), str(real))

    def _configure(self) -> Mapping[str, list[str]]:
        """Write the configuration of each program; returns how each is started."""
        folder, plane, found = self.folder, self._plane, self._programs.kubernetes
        user = f"system:node:{self.name}"
        plane.certificate(user, ["system:nodes"], (self.name, str(self.place.address))).write(folder, "kubelet")
        write_private(folder / "authority.crt", plane.authority)
        kubeconfig = plane.kubeconfig_for(user, ["system:nodes"])
        proxy, dns = plane.kubeconfig_for("system:kube-proxy"), plane.kubeconfig_for("coredns")
        runc = self._programs.found("runc")
        (folder / "cni").mkdir()
        for path, text in (
            ("containerd.toml", configuration.containerd(self.place, self._programs.cni, runc)),
            ("cni/pods.conflist", configuration.pod_network(self.place)),
            ("resolv.conf", ""),
            ("kubelet.yaml", configuration.kubelet(self.place, folder / "authority.crt")),
            ("kube-proxy.yaml", configuration.kube_proxy(self.place, proxy)),
            ("Corefile", configuration.coredns(self.place, dns)),
        ):
            (folder / path).write_text(text)
        named = [f"--kubeconfig={kubeconfig}", f"--hostname-override={self.name}", f"--node-ip={self.place.address}"]
        return {
            CONTAINERD: [self._programs.found(CONTAINERD), f"--config={folder / 'containerd.toml'}"],
            KUBELET: [str(found[KUBELET]), f"--config={folder / 'kubelet.yaml'}", *named],
            KUBE_PROXY: [str(found[KUBE_PROXY]), f"--config={folder / 'kube-proxy.yaml'}"],
            COREDNS: [str(found[COREDNS]), f"-conf={folder / 'Corefile'}"],
        }

    def _import_pause(self) -> None:
        path = self.folder / "pause.tar"
        archive.write(path, PAUSE_IMAGE, self._programs.kubernetes["pause"])
        self.load(path)

    def _containerd(self, *words: str) -> str:
        address = f"--address={CONTAINERD_SOCKET}"
        return self.inside.run(self._programs.found("ctr"), address, "--namespace=k8s.io", *words)

    def _containerd_answers(self) -> bool:
        if CONTAINERD not in self._held.poll().running:
            raise CommandFailed(f"containerd ended; the end of its log:\n{log_tail(self.log(CONTAINERD))}")
        try:
            self._containerd("version")
        except CommandFailed:
            return False
        return True

    def _answers_for_names(self) -> bool:
        connection = HTTPConnection(str(self.place.address), DNS_READY_PORT, timeout=2)
        try:
            connection.request("GET", "/ready")
            return connection.getresponse().status == 200  # noqa: PLR2004 - HTTP's OK
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()


def _first_process(unshare: int) -> int:
    """The process that unshare(1) has started in the namespaces, once it is what it was to become."""
    children = Path(f"/proc/{unshare}/task/{unshare}/children")

    def child() -> int:
        said = children.read_text().split()
        ready = bool(said) and Path(f"/proc/{said[0]}/comm").read_text() == "pause\n"
        return int(said[0]) if ready else 0

    eventually(lambda: child() != 0, "the node's namespaces are made")
    return child()
