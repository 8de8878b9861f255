"""Builds a program from source with Go into the cache: the way that always works, given Go alone.

Two runs at once build once: the second waits for the first one's lock. A program appears in the cache complete or not
at all. The compiler runs under a supervisor, so that it ends with the run that wanted it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TextIO

from devcluster.binaries import Binary, GoModule, Version, parse_version
from devcluster.cache import exclusive, go_platform
from devcluster.errors import BuildError, ToolchainError
from devcluster.progress import Progress, about
from devcluster.supervised import Program, Supervised

_POLL: Final = 0.25
_TAIL_LINES: Final = 25


def build(binary: Binary, destination: Path, stream: TextIO) -> None:
    """Build `binary` to the path `destination`, unless another run has done so by the time that it is our turn.

    Raises ToolchainError (no Go, or too old a Go) and BuildError (with the end of the compiler's output).
    """
    check_toolchain(binary.module)
    destination.parent.mkdir(parents=True, exist_ok=True)
    task = f"Waiting for another run that is building {binary.name} or one of its siblings"
    with exclusive(destination.parent / ".lock", task, stream):
        if not destination.exists():
            _compile(binary, destination, stream)


def check_toolchain(module: GoModule) -> None:
    """Raise ToolchainError, saying what to install, unless a Go new enough for `module` is on PATH."""
    wanted = ".".join(str(number) for number in module.go_version)
    advice = (
        f"Install Go {wanted} or newer (https://go.dev/doc/install) and put it on PATH, "
        "or point KUBEBUILDER_ASSETS at a folder with the programs."
    )
    go = shutil.which("go")
    if go is None:
        raise ToolchainError(f"Go is needed to build the control plane from source and was not found on PATH. {advice}")
    found = _go_version(go, module)
    if found < module.go_version:
        number = ".".join(str(part) for part in found)
        raise ToolchainError(f"{go} is Go {number}: too old to build the control plane from source. {advice}")


def _go_version(go: str, module: GoModule) -> Version:
    """Asked for inside the module: with GOTOOLCHAIN=auto an older Go fetches the one that go.mod wants."""
    asked = subprocess.run(  # noqa: S603 - the Go on the person's PATH
        [go, "env", "GOVERSION"], cwd=module.folder, env=_environment(), capture_output=True, text=True, check=False
    )
    if asked.returncode != 0:
        # An old Go with GOTOOLCHAIN=local refuses the module and says its own version: "(running go 1.22.3; …)".
        running = re.search(r"running go ?(\S+?)[;)]", asked.stderr)
        if running is None:
            raise ToolchainError(f"{go} does not work: {asked.stderr.strip()[-400:]}")
        return parse_version(running[1])
    return parse_version(asked.stdout)


def _compile(binary: Binary, destination: Path, stream: TextIO) -> None:
    partial, log = (destination.with_name(f".{destination.name}.{suffix}") for suffix in ("partial", "log"))
    log.unlink(missing_ok=True)  # left by a run that was killed: with the lock held, nobody is writing it
    version = binary.module.version
    task = f"Building {binary.name} {version} from source with Go ({about(binary.minutes)} the first time on 2 cores)"
    progress = Progress(task, stream)
    progress.tick()
    try:
        with Supervised() as supervised:
            supervised.start(Program("go", _command(binary, partial), log, _environment(), binary.module.folder))
            code = _wait(supervised, progress)
        if code != 0:
            progress.done(f"Building {binary.name} failed")
            output = "\n".join(log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
            raise BuildError(f"go build of {binary.name} {version} ended with code {code}:\n{output}")
        partial.rename(destination)
        progress.done(f"Built {binary.name} {version}")
    finally:
        partial.unlink(missing_ok=True)
        log.unlink(missing_ok=True)


def _wait(supervised: Supervised, progress: Progress) -> int:
    while "go" not in (snapshot := supervised.poll()).exited:
        progress.tick()
        time.sleep(_POLL)
    return snapshot.exited["go"]


def _command(binary: Binary, output: Path) -> list[str]:
    flags = ["-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", binary.module.linker_flags]
    return [shutil.which("go") or "go", "build", *flags, "-o", str(output), binary.package]


def _environment() -> Mapping[str, str]:
    """The person's own Go settings (proxy, caches, toolchain), but the target and the way of building are ours."""
    system, processor = go_platform()
    ours = {
        "CGO_ENABLED": "0",
        "GOOS": system,
        "GOARCH": processor,
        "GOWORK": "off",
        "GOFLAGS": "",
        "GO111MODULE": "on",
    }
    return {**os.environ, **ours}
