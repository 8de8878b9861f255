"""A container of an image on the host's network, run by runc as a kubelet would have it run: a test's only node.

What Kubernetes would do to it follows from the container of a pod's spec: the user, a root that is read-only, no
capability, no way to get one, and the mounts. A real kubelet, with its seccomp profile, is in the end-to-end tests.
"""

import json
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_PATIENCE_SECONDS = 60.0
_PROC = {"destination": "/proc", "type": "proc", "source": "proc"}
_DEV = {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=64k"]}


@dataclass(frozen=True, slots=True)
class Spec:
    """What a pod's spec says of one container; `mounts` are a path in it and the host's folder, or None for a tmpfs."""

    arguments: Sequence[str] = ()
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    mounts: Mapping[str, Path | None] = field(default_factory=dict)
    security: Mapping[str, Any] = field(default_factory=dict)


RESTRICTED: Mapping[str, Any] = {
    "runAsUser": 65532,
    "runAsGroup": 65532,
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
"""What the Pod Security Standard `restricted` asks for, and a root that is read-only."""


@dataclass(slots=True)
class Container:
    """One that was started. `process` is runc in the foreground: it hands signals on, and ends as it does."""

    process: "subprocess.Popen[str]"
    name: str
    bundle: Path
    state: Path

    @classmethod
    def start(cls, root: Path, image: Mapping[str, Any], spec: Spec, folder: Path, **streams: Any) -> "Container":
        """Run the unpacked image `root`, whose configuration is `image`; `streams` are those of Popen."""
        name = f"kite-{uuid.uuid4().hex[:12]}"
        bundle, state = folder / name, folder / "runc"
        bundle.mkdir()
        (bundle / "config.json").write_text(json.dumps(_configuration(root, image["config"], spec)))
        command = [
            "runc",
            "--root",
            str(state),
            "run",
            "--bundle",
            str(bundle),
            "--pid-file",
            str(bundle / "pid"),
            name,
        ]
        return cls(subprocess.Popen(command, text=True, **streams), name, bundle, state)  # noqa: S603 - a fixed command

    @property
    def pid(self) -> int | None:
        """Of its process 1, on the host; None before there is one."""
        file = self.bundle / "pid"
        text = file.read_text() if file.exists() else ""
        return int(text) if text else None

    def of_process_1(self, name: str) -> str:
        """A line of its /proc/1/status; an empty text before there is one."""
        status = Path(f"/proc/{self.pid}/status")
        lines = status.read_text().splitlines() if self.pid and status.exists() else []
        return next((line.partition(":")[2].strip() for line in lines if line.startswith(f"{name}:")), "")

    def stop(self, *, within: float = _PATIENCE_SECONDS) -> int:
        """SIGTERM, and the exit code."""
        self.process.terminate()
        return self.process.wait(timeout=within)

    def remove(self) -> None:
        """End it, however it is."""
        command = ["runc", "--root", str(self.state), "delete", "--force", self.name]
        subprocess.run(command, capture_output=True, check=False, timeout=_PATIENCE_SECONDS)  # noqa: S603 - fixed
        self.process.kill()
        self.process.wait(timeout=_PATIENCE_SECONDS)


def _configuration(root: Path, image: Mapping[str, Any], spec: Spec) -> dict[str, Any]:
    security = {**RESTRICTED, **spec.security}
    given = [f"{name}={value}" for name, value in spec.environment.items()]
    command = list(spec.command) or list(image["Entrypoint"])
    arguments = list(spec.arguments) if spec.arguments or spec.command else list(image["Cmd"])
    return {
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": security["runAsUser"], "gid": security["runAsGroup"]},
            "args": [*command, *arguments],
            "env": [*image["Env"], *given],
            "cwd": image["WorkingDir"],
            "capabilities": {},
            "noNewPrivileges": not security["allowPrivilegeEscalation"],
        },
        "root": {"path": str(root), "readonly": security["readOnlyRootFilesystem"]},
        "mounts": [_PROC, _DEV, *(_mount(path, source) for path, source in spec.mounts.items())],
        # No network of its own: the API server and the sandbox of a test listen on the host's loopback.
        "linux": {"namespaces": [{"type": each} for each in ("pid", "mount", "ipc", "uts")]},
    }


def _mount(path: str, source: Path | None) -> dict[str, Any]:
    if source is None:
        return {"destination": path, "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev", "mode=1777"]}
    return {"destination": path, "type": "bind", "source": str(source), "options": ["rbind", "ro", "nosuid", "nodev"]}
