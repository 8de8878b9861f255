"""The programs that build: on the PATH, or installed from Debian where the user is root."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from devcluster.cache import cache_root
from image.problem import ImageProblem

PACKAGES = ("buildah", "mmdebstrap")
"""What builds: Debian packages, each with a program of its name."""
_PATIENCE_SECONDS = 1200
_BY_HAND = "docs/install.md says how to build with docker, which needs nothing of this."


def needed(*packages: str) -> None:
    """See to it that the program of each of these packages is there; ImageProblem says what is in the way."""
    if os.geteuid() != 0:
        raise ImageProblem(f"making an image here needs root, for mounts and for the owners of files: {_BY_HAND}")
    if not _missing(packages):
        return
    lock = cache_root(os.environ) / "tools" / "apt-get.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # apt-get does not wait for itself
        if missing := _missing(packages):
            _install(missing)


def _missing(packages: Sequence[str]) -> list[str]:
    return [each for each in packages if shutil.which(each) is None]


def _install(packages: Sequence[str]) -> None:
    names = " and ".join(packages)
    if shutil.which("apt-get") is None:
        raise ImageProblem(f"{names} not found, and no apt-get to install them with: {_BY_HAND}")
    print(f"Installing the Debian packages {names}…", file=sys.stderr, flush=True)
    quiet = ["apt-get", "--quiet", "--quiet"]
    environment = {"DEBIAN_FRONTEND": "noninteractive"}
    run([*quiet, "update"], environment=environment)
    run([*quiet, "install", "--yes", "--no-install-recommends", *packages], environment=environment)


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
        # Its name and what it was to do: arguments are long, and some are the caller's secrets.
        what = " ".join([each for each in command if not each.startswith("-")][:2])
        raise ImageProblem(f"`{what}` ended with {done.returncode}:\n{said}")
    return done.stdout
