"""kubectl of the demo's own control plane; what it prints is the demo's evidence."""

import json
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from demo.errors import NotVerified
from demo.screen import Screen
from devcluster import ControlPlane

_PATIENCE_SECONDS: Final = 60.0
_SHOWN_OF_AN_ERROR: Final = 600


@dataclass(frozen=True, slots=True)
class Kubectl:
    """Runs kubectl as the administrator, in `folder`, so that paths on the screen are short."""

    control_plane: ControlPlane
    screen: Screen
    folder: Path

    def show(self, *arguments: str) -> str:
        """Print the command and what it prints; NotVerified when it fails."""
        self.screen.command(shlex.join(["kubectl", *arguments]))
        output = self.ask(*arguments)
        self.screen.evidence(output)
        return output

    def ask(self, *arguments: str) -> str:
        """Return what it prints, shown to nobody; NotVerified when it fails."""
        finished = self._run(*arguments)
        if finished.returncode != 0:
            told = finished.stderr.strip()[:_SHOWN_OF_AN_ERROR]
            raise NotVerified(f"kubectl {arguments[0]} ended with {finished.returncode}: {told}")
        return finished.stdout

    def read(self, resource: str, name: str, namespace: str) -> dict[str, Any] | None:
        """An object, or None when it is not there."""
        where = ("--namespace", namespace, "--output", "json", "--ignore-not-found")
        text = self.ask("get", resource, name, *where)
        return json.loads(text) if text.strip() else None

    def _run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        try:
            return subprocess.run(  # noqa: S603 - the resolved kubectl with the demo's own arguments
                [str(self.control_plane.kubectl), *arguments],
                env=self.control_plane.environment,
                cwd=self.folder,
                capture_output=True,
                text=True,
                check=False,
                timeout=_PATIENCE_SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise NotVerified(f"kubectl {arguments[0]} did not end within {_PATIENCE_SECONDS:g} seconds") from None
