"""buildah's store of images and layers, in a folder of ours: never the machine's own."""

import hashlib
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from image.programs import run

_OVERLAY = "overlay"
_BASE = """FROM scratch
ADD {archive} /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
"""


@dataclass(frozen=True, slots=True)
class Storage:
    """One such folder."""

    folder: Path
    driver: str

    @classmethod
    def at(cls, folder: Path) -> Self:
        """The store in `folder`, by overlay mounts where the kernel and the file system have them."""
        folder.mkdir(parents=True, exist_ok=True)
        overlay = cls(folder, _OVERLAY)
        return overlay if _works(overlay) else cls(folder, "vfs")

    def loaded(self, archive: Path) -> str:
        """The name of the image that is the root file system in `archive` and nothing else."""
        with archive.open("rb") as content:
            key = hashlib.file_digest(content, "sha256").hexdigest()[:12]
        name = f"localhost/kite-operator-{archive.stem}:{key}"
        if name.rpartition(":")[2] not in self.buildah("images", "--format={{.Tag}}").split():
            recipe = self.folder / f"{archive.stem}.Dockerfile"
            recipe.write_text(_BASE.format(archive=archive.name))
            self.build(archive.parent, [f"--tag={name}", "--timestamp=0"], recipe)
        return name

    def build(self, context: Path, arguments: Sequence[str], recipe: Path | None = None) -> None:
        """Build what a Dockerfile says, without pulling anything."""
        # Of the form "oci" because a configuration of docker's form names the container that it was made in.
        how = ["--isolation=chroot", "--network=host", "--pull-never", "--format=oci", "--identity-label=false"]
        # A layer for each COPY, but where a layer is a copy of everything; and never a cached one, since for buildah a
        # LABEL stays the same when an ARG in it changes, and so do times.
        how += [f"--layers={str(self.driver == _OVERLAY).lower()}", "--no-cache"]
        self.buildah("bud", *how, f"--file={recipe or context / 'Dockerfile'}", *arguments, str(context))

    def move(self, reference: str, archive: Path) -> None:
        """Write an image to an archive of the form that `docker load` and `ctr images import` read, and forget it."""
        self.buildah("push", reference, f"docker-archive:{archive}:{reference}")
        self.buildah("rmi", "--force", reference)
        self.buildah("rmi", "--prune")

    def buildah(self, command: str, *arguments: str) -> str:
        """Run buildah on this store, and return what it printed."""
        return run([*self.command, command, *arguments])

    @property
    def command(self) -> list[str]:
        """The beginning of every command line."""
        places = [f"--root={self.folder / self.driver}", f"--runroot={self.folder / 'run'}"]
        return ["buildah", *places, f"--storage-driver={self.driver}"]


def _works(storage: Storage) -> bool:
    asked = subprocess.run([*storage.command, "info"], capture_output=True, check=False)  # noqa: S603 - a fixed command
    return asked.returncode == 0
