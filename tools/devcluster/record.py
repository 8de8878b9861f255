"""Remembers the control planes that `up` left running, by name."""

from __future__ import annotations

import fcntl
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

from devcluster.controlplane import ControlPlane
from devcluster.errors import UsageError
from devcluster.ownership import Process
from devcluster.pki import write_private

_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?")
_FILE: Final = "devcluster.json"


@dataclass(frozen=True, slots=True)
class Record:
    """One control plane that was left running."""

    server: str
    kubeconfig: str
    kubectl: str
    supervisor: Process
    components: Mapping[str, Process]

    @classmethod
    def of(cls, plane: ControlPlane) -> Self:
        """Return what is to be remembered of `plane`."""
        components = {name: Process.of(pid) for name, pid in plane.processes.items()}
        supervisor = Process.of(plane.supervisor_pid)
        return cls(plane.server, str(plane.kubeconfig), str(plane.kubectl), supervisor, components)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `render` wrote."""
        content = json.loads(text)
        components = {name: Process(**process) for name, process in content.pop("components").items()}
        return cls(supervisor=Process(**content.pop("supervisor")), components=components, **content)

    def render(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self), indent=2) + "\n"

    def end(self) -> None:
        """End the supervisor, which ends the components; then make sure of them."""
        self.supervisor.end()
        for process in self.components.values():
            process.end()


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of the control plane called `name` under the cache `root`."""

    root: Path
    name: str

    def __post_init__(self) -> None:
        if _NAME.fullmatch(self.name) is None:
            raise UsageError(f"{self.name!r} is not a name: use small letters, digits and '-', at most 42")

    @property
    def folder(self) -> Path:
        """Everything of the control plane."""
        return self.root / "clusters" / self.name

    def read(self) -> Record | None:
        """Return what was remembered, or None."""
        try:
            return Record.parse((self.folder / _FILE).read_text())
        except FileNotFoundError:
            return None

    def write(self, record: Record) -> None:
        """Remember it."""
        write_private(self.folder / _FILE, record.render().encode())

    def clear(self) -> bool:
        """End what runs there, remove the folder, and say whether it ran."""
        record = self.read()
        ran = record is not None and record.supervisor.alive()
        if record is not None:
            record.end()
        if self.folder.exists():
            shutil.rmtree(self.folder)
        return ran

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep a second `up` or `down` of the same name waiting."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with self.folder.with_suffix(".lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
