"""The control plane that the cluster tests share, and kubectl against it."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from devcluster import ControlPlane, Options

__all__ = ["ControlPlane", "Kubectl", "Options", "eventually", "has_ended", "namespace_in", "state_of", "wait_for_end"]

_POLL = 0.05


@dataclass(frozen=True, slots=True)
class Kubectl:
    """Runs kubectl against one control plane, as the administrator or as the user of `kubeconfig`."""

    control_plane: ControlPlane
    kubeconfig: Path | None = None

    def __call__(
        self,
        *arguments: str,
        input: str | None = None,  # noqa: A002 - subprocess.run's name for it
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run it; with `check`, a failure raises AssertionError with what kubectl wrote to its standard error."""
        environment = self.control_plane.environment
        if self.kubeconfig is not None:
            environment["KUBECONFIG"] = str(self.kubeconfig)
        finished = subprocess.run(  # noqa: S603 - the resolved kubectl with a test's arguments
            [str(self.control_plane.kubectl), *arguments],
            env=environment,
            input=input,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if check and finished.returncode != 0:
            raise AssertionError(f"kubectl {' '.join(arguments)} ended with {finished.returncode}:\n{finished.stderr}")
        return finished

    def as_user(self, user: str, groups: Sequence[str] = ()) -> "Kubectl":
        """The same kubectl with another identity."""
        return Kubectl(self.control_plane, self.control_plane.kubeconfig_for(user, groups))


@contextlib.contextmanager
def namespace_in(kubectl: Kubectl, name: str) -> Iterator[str]:
    """A namespace that is new now, and whose deletion has begun (not ended) afterwards."""
    kubectl("create", "namespace", name)
    try:
        yield name
    finally:
        kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")


def eventually(holds: Callable[[], bool], what: str, *, within: float = 30.0) -> None:
    """Wait until `holds` is true of processes or of a server, which no fake clock can hurry; fail naming `what`."""
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, f"not within {within:g} s: {what}"
        time.sleep(_POLL)


def state_of(pid: int) -> str:
    """The letter of the process's state in /proc, such as T for stopped; X when it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return "X"
    return stat.rpartition(")")[2].split()[0]


def has_ended(pid: int) -> bool:
    """Whether the process is gone, or a zombie that waits for its parent."""
    return state_of(pid) in "ZX"


def wait_for_end(pids: Sequence[int], *, within: float = 15.0) -> None:
    """Wait until none of the processes runs; on failure they are killed, so that a red test leaves nothing behind."""
    try:
        eventually(lambda: all(has_ended(pid) for pid in pids), f"the end of the processes {pids}", within=within)
    except AssertionError:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        raise
