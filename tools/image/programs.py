"""The programs that build: on the PATH, or installed from Debian where the user is root."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from image.problem import ImageProblem

PACKAGES = ("buildah", "mmdebstrap")
"""Debian packages, each with the program of its name."""
_PATIENCE_SECONDS = 1200
_BY_HAND = "With docker or another builder, see docs/install.md: it needs nothing of this."


def needed() -> None:
    """See to it that every program is there; ImageProblem says what is in the way."""
    missing = [each for each in PACKAGES if shutil.which(each) is None]
    if os.geteuid() != 0:
        raise ImageProblem(f"building an image here needs root (mounts, owners of files). {_BY_HAND}")
    if not missing:
        return
    if shutil.which("apt-get") is None:
        raise ImageProblem(f"{' and '.join(missing)} are missing, and there is no apt-get to install them. {_BY_HAND}")
    print(f"Installing the Debian packages {' and '.join(missing)}…", flush=True)
    quiet = ["apt-get", "--quiet", "--quiet"]
    environment = {"DEBIAN_FRONTEND": "noninteractive"}
    run([*quiet, "update"], environment=environment)
    run([*quiet, "install", "--yes", "--no-install-recommends", *missing], environment=environment)


def run(command: Sequence[str], *, environment: Mapping[str, str] | None = None, folder: Path | None = None) -> str:
    """Run it and return what it printed; ImageProblem with the end of its complaints when it fails."""
    done = subprocess.run(  # noqa: S603 - a fixed command
        command,
        cwd=folder,
        env={**os.environ, "LC_ALL": "C.UTF-8", **(environment or {})},
        capture_output=True,
        text=True,
        timeout=_PATIENCE_SECONDS,
        check=False,
    )
    if done.returncode:
        said = (done.stdout + done.stderr).strip()[-2000:]
        raise ImageProblem(f"`{' '.join(command[:2])}` ended with {done.returncode}:\n{said}")
    return done.stdout
