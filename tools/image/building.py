"""Builds with buildah from the project's Dockerfile: without a daemon, and without a registry.

The result is kept under a key of its inputs, and two runs at once build once. Nothing of the machine comes into an
image: packages are asked for with the person's own pip settings, which the build sees as a secret.
"""

import ast
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devcluster.cache import cache_root, go_platform
from image import base, inputs
from image.archive import Image, Target
from image.programs import PACKAGES, needed
from image.storage import Storage

_PIP_SETTINGS = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "default-timeout", "retries")
_AUTHORITIES = "/etc/ssl/certs"
_UNUSED_SECONDS = 12 * 3600
"""Archives and base images that nobody has used for so long are removed when another image is made."""


@dataclass(frozen=True, slots=True)
class Options:
    """Options of a build: the operator's packages, the labels, and the times of files.

    `into` is an archive of the caller's own, in place of the one in the cache.
    """

    requirements: str = "operator.txt"
    source: inputs.Source | None = None
    into: Path | None = None


def build(target: Target, options: Options | None = None) -> Image:
    """The image: from the cache, or built now. Raises ImageProblem with what is in the way."""
    chosen = options or Options()
    source = chosen.source or inputs.source()
    arguments = _arguments(target, chosen.requirements, source)
    reference = f"docker.io/library/{target.repository}:{inputs.version()}"
    folder = _folder()
    archive = chosen.into or folder / f"{target}-{inputs.key(target, arguments)}.tar"
    with _alone(folder / "lock"):
        if not archive.exists():
            needed(*PACKAGES)
            _remove_unused(folder)
            _make(reference, archive, arguments, Storage.at(folder / "storage"))
    os.utime(archive)
    return Image(target, reference, archive)


def _arguments(target: Target, requirements: str, source: inputs.Source) -> list[str]:
    given = {"VERSION": inputs.version(), "REVISION": source.revision, "SOURCE_DATE_EPOCH": str(source.when)}
    if target is Target.OPERATOR:
        given["REQUIREMENTS"] = requirements
    flags = [f"--build-arg={name}={value}" for name, value in given.items()]
    return [*flags, f"--timestamp={source.when}", f"--target={target}"]


def _make(reference: str, archive: Path, arguments: list[str], storage: Storage) -> None:
    bases = _bases()
    print(f"Building the image {reference}…", file=sys.stderr, flush=True)
    names = {"BUILD_IMAGE": storage.loaded(bases / "build.tar"), "BASE_IMAGE": storage.loaded(bases / "run.tar")}
    flags = [f"--build-arg={name}={value}" for name, value in names.items()]
    if Path(_AUTHORITIES).is_dir():
        flags.append(f"--volume={_AUTHORITIES}:{_AUTHORITIES}:ro")
    with tempfile.TemporaryDirectory(prefix="kite-operator-image-") as scratch:
        settings = Path(scratch) / "pip.conf"
        settings.write_text(_pip_settings())
        storage.build(inputs.ROOT, [*flags, *arguments, f"--secret=id=pip,src={settings}", f"--tag={reference}"])
    partial = archive.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    storage.move(reference, partial)
    partial.rename(archive)


def _pip_settings() -> str:
    """The person's own settings of where packages come from, as a pip.conf."""
    asked = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False)
    return pip_conf(asked.stdout)


def pip_conf(listed: str) -> str:
    """Return what of `pip config list` has to do with where packages come from: files of this machine are not there."""
    lines = ["[global]"]
    for line in listed.splitlines():
        name, _, value = line.partition("=")
        setting = name.rpartition(".")[2]
        if setting in _PIP_SETTINGS:
            lines.append(f"{setting} = {' '.join(ast.literal_eval(value).split())}")
    return "\n".join(lines) + "\n"


def _bases() -> Path:
    """The folder with the root file systems of the base images, made where they are missing."""
    folder = _folder() / f"base-{base.SUITE}-{go_platform()[1]}-{base.key()}"
    with _alone(folder.with_suffix(".lock")):
        if not folder.exists():
            print(f"Making base images from Debian {base.SUITE}'s packages (a minute or two)…", file=sys.stderr)
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix="base-") as scratch:
                made = Path(scratch) / "made"
                made.mkdir()
                base.make(made, inputs.LONG_AGO)
                made.rename(folder)
        os.utime(folder)
    return folder


def _folder() -> Path:
    folder = cache_root(os.environ) / "images"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _remove_unused(folder: Path) -> None:
    bases = [path for path in folder.glob("base-*") if path.is_dir()]
    for path in [*folder.glob("*.tar"), *bases]:
        if time.time() - path.stat().st_mtime > _UNUSED_SECONDS:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
