"""The built archive in the cache, and its record."""

import gzip
import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any


class Target(StrEnum):
    """A target of the Dockerfile."""

    OPERATOR = "operator"
    SANDBOX = "sandbox"

    @property
    def repository(self) -> str:
        """The image's name without tag, as the chart has it by default."""
        return {Target.OPERATOR: "kite-operator", Target.SANDBOX: "kite-operator-sandbox"}[self]


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer: its digest unpacked, its size, and how large it is on the way from a registry."""

    digest: str
    unpacked: int
    compressed: int


@dataclass(frozen=True, slots=True)
class Image:
    """A built image. `reference` is its name with the tag; the archive is of the form docker-archive."""

    target: Target
    reference: str
    archive: Path

    @property
    def identity(self) -> str:
        """The image's ID, `sha256:…`: the digest of its configuration, which names every layer."""
        return f"sha256:{Path(self._manifest()['Config']).stem}"

    def configuration(self) -> Mapping[str, Any]:
        """Return what a runtime is told: user, entrypoint, environment, labels, layers."""
        with tarfile.open(self.archive) as archive:
            return dict(json.load(_member(archive, self._manifest()["Config"])))

    def layers(self) -> Iterator[tarfile.TarFile]:
        """Its layers, the base's first, each as an open archive that is closed when the next is asked for."""
        with tarfile.open(self.archive) as archive:
            for name in self._manifest()["Layers"]:
                with tarfile.open(fileobj=_member(archive, name)) as layer:
                    yield layer

    def sizes(self) -> list[Layer]:
        """Return how large each layer is; compressing them takes some seconds."""
        digests = self.configuration()["rootfs"]["diff_ids"]
        with tarfile.open(self.archive) as archive:
            contents = [_member(archive, name).read() for name in self._manifest()["Layers"]]
        return [
            Layer(digest, len(content), len(gzip.compress(content, 6)))
            for digest, content in zip(digests, contents, strict=True)
        ]

    def unpack(self, into: Path) -> None:
        """All layers, one over the other, as a root file system; needs root for the owners of files."""
        into.mkdir(parents=True, exist_ok=True)
        for layer in self.layers():
            layer.extraction_filter = _as_built
            layer.extractall(into)  # noqa: S202 - what we have built ourselves

    def _manifest(self) -> Mapping[str, Any]:
        with tarfile.open(self.archive) as archive:
            return dict(json.load(_member(archive, "manifest.json"))[0])


def _as_built(member: tarfile.TarInfo, _: str) -> tarfile.TarInfo:
    """An attribute and not the argument `filter`, which came with Python 3.11.4: Debian 12 has 3.11.2."""
    return member


def _member(archive: tarfile.TarFile, name: str) -> Any:
    found = archive.extractfile(name)
    if found is None:
        raise ValueError(f"{name} is not a file in the archive")
    return found
