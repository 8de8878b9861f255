"""Writes an image of one static program as a docker-archive, the form that needs no registry."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from pathlib import Path
from typing import Final

from devcluster.cache import go_platform

_LAYER: Final = "layer.tar"


def write(path: Path, image: str, program: Path) -> None:
    """Write to `path` an image of this name (with its tag) that holds `program` at its root and runs it."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as files:
        _add(files, program.name, program.read_bytes(), 0o755)
    system, processor = go_platform(machine=platform.machine())
    configuration = {
        "architecture": processor,
        "os": system,
        "config": {"Entrypoint": [f"/{program.name}"], "User": "65535:65535"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer.getvalue()).hexdigest()}"]},
    }
    described = json.dumps(configuration).encode()
    name = f"{hashlib.sha256(described).hexdigest()}.json"
    manifest = json.dumps([{"Config": name, "RepoTags": [image], "Layers": [_LAYER]}]).encode()
    with tarfile.open(path, "w") as archive:
        for member, content in ((_LAYER, layer.getvalue()), (name, described), ("manifest.json", manifest)):
            _add(archive, member, content, 0o644)


def _add(archive: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))
