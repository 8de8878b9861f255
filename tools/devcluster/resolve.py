"""Finds each program: KUBEBUILDER_ASSETS, PATH, our cache; what is nowhere comes from a release archive or is built.

A program found outside of our cache is run once with its version flag: what does not run (a wrapper, another
processor's) or is too old is passed over, with a line that says so when a build must follow.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from devcluster.archive import Archives, unpacked_path
from devcluster.binaries import BINARIES, CONTROL_PLANE, Binary, parse_version
from devcluster.build import build
from devcluster.cache import cache_root, cached_path


@dataclass(frozen=True, slots=True)
class Resolver:
    """Resolves programs by the environment `environ`; what is worth knowing goes to `stream`."""

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    stream: TextIO = field(default_factory=lambda: sys.stderr)

    def resolve(self, names: Iterable[str] = CONTROL_PLANE) -> dict[str, Path]:
        """The path of each program, built where it must be. Raises ToolchainError and BuildError."""
        archives = Archives(self.environ, cache_root(self.environ), self.stream)
        return {name: self._resolve(BINARIES[name], archives) for name in names}

    def _resolve(self, binary: Binary, archives: Archives) -> Path:
        found = self.find(binary)
        if found is not None:
            return found
        brought = archives.bring(binary.name)
        objection = unusable(binary, brought) if brought is not None else None
        if brought is not None and objection is None:
            return brought
        if objection is not None:
            self.stream.write(f"Passing over {brought}: {objection}\n")
        return self._build(binary)

    def find(self, binary: Binary) -> Path | None:
        """The program where it exists already, or None."""
        objections = []
        for candidate in self._elsewhere(binary):
            objection = unusable(binary, candidate)
            if objection is None:
                return candidate
            objections.append(f"Passing over {candidate}: {objection}\n")
        root = cache_root(self.environ)
        for cached in (cached_path(binary, root), unpacked_path(binary.name, root)):
            if cached is not None and cached.exists():
                return cached
        self.stream.writelines(objections)  # of interest only now that a build follows
        return None

    def _elsewhere(self, binary: Binary) -> Iterable[Path]:
        assets = self.environ.get("KUBEBUILDER_ASSETS")
        if assets and (Path(assets) / binary.name).is_file():
            yield Path(assets) / binary.name
        on_path = shutil.which(binary.name, path=self.environ.get("PATH"))
        if on_path is not None:
            yield Path(on_path)

    def _build(self, binary: Binary) -> Path:
        destination = cached_path(binary, cache_root(self.environ))
        build(binary, destination, self.stream)
        return destination


def unusable(binary: Binary, path: Path) -> str | None:
    """Return why the program at `path` cannot serve as `binary`, or None when it can."""
    try:
        asked = subprocess.run(  # noqa: S603 - a program that the person put on PATH or named
            [path, *binary.version_arguments], capture_output=True, text=True, check=False, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"it does not run ({type(error).__name__})"
    if asked.returncode != 0:
        return f"it does not run (exit code {asked.returncode})"
    try:
        version = parse_version(asked.stdout)
    except ValueError:
        return "it does not say its version"
    if version < binary.minimum:
        found, wanted = (".".join(str(number) for number in numbers) for numbers in (version, binary.minimum))
        return f"it is version {found}, and {wanted} is the oldest that is used"
    return None
