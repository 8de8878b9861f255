"""Containers of one image, which end with their test."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from image import Image
from support.container import Container, Spec


@dataclass(frozen=True, slots=True)
class Runner:
    """Starts containers of `built`, whose unpacked root is `root`."""

    built: Image
    root: Path
    folder: Path

    def start(self, spec: Spec, **streams: Any) -> Container:
        """One that runs; who starts it removes it."""
        return Container.start(self.root, self.built.configuration(), spec, self.folder, **streams)

    def output(self, *arguments: str, command: tuple[str, ...] = ()) -> str:
        """What it prints when it is run to its end, successfully and without complaints."""
        spec = Spec(arguments=arguments, command=command)
        started = self.start(spec, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            printed, complaints = started.process.communicate(timeout=60)
        finally:
            started.remove()
        assert (0, "") == (started.process.returncode, complaints)
        return str(printed)
