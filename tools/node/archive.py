"""Writes images as docker-archives, the form that needs no registry: of one static program, or of another and more."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from devcluster.cache import go_platform


def write(path: Path, image: str, program: Path) -> None:
    """Write to `path` an image of this name (with its tag) that holds `program` at its root and runs it."""
    system, processor = go_platform(machine=platform.machine())
    configuration = {
        "architecture": processor,
        "os": system,
        "config": {"Entrypoint": [f"/{program.name}"], "User": "65535:65535"},
        "rootfs": {"type": "layers", "diff_ids": []},
    }
    with tarfile.open(path, "w") as archive:
        layer = _layer({program.name: program.read_bytes()}, 0o755)
        _describe(archive, image, configuration, [], layer)


def extend(path: Path, image: str, base: Path, files: Mapping[str, bytes]) -> None:
    """Write to `path` an image of this name: what is in the docker-archive `base`, and these files."""
    with tarfile.open(base) as given, tarfile.open(path, "w") as archive:
        (manifest,) = json.loads(_content(given, "manifest.json"))
        configuration = json.loads(_content(given, manifest["Config"]))
        configuration.pop("history", None)  # it tells of as many layers as there were
        for name in manifest["Layers"]:
            archive.addfile(given.getmember(name), given.extractfile(name))
        _describe(archive, image, configuration, manifest["Layers"], _layer(files, 0o644))


def _layer(files: Mapping[str, bytes], mode: int) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as layer:
        for name, content in files.items():
            _add(layer, name, content, mode)
    return packed.getvalue()


def _describe(
    archive: tarfile.TarFile, image: str, configuration: dict[str, Any], layers: Sequence[str], layer: bytes
) -> None:
    """Add the last layer, and what says of which layers the image is made."""
    digest = hashlib.sha256(layer).hexdigest()
    configuration["rootfs"]["diff_ids"].append(f"sha256:{digest}")
    described = json.dumps(configuration).encode()
    name = f"{hashlib.sha256(described).hexdigest()}.json"
    manifest = json.dumps([{"Config": name, "RepoTags": [image], "Layers": [*layers, f"{digest}.tar"]}]).encode()
    for member, content in ((f"{digest}.tar", layer), (name, described), ("manifest.json", manifest)):
        _add(archive, member, content, 0o644)


def _content(archive: tarfile.TarFile, name: str) -> bytes:
    found = archive.extractfile(name)
    if found is None:
        raise ValueError(f"{archive.name!s} has no file {name}: it is no docker-archive")
    return found.read()


def _add(archive: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))
