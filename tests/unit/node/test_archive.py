"""An image of one program: what a container runtime finds in the archive."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

from node import archive


def member(opened: tarfile.TarFile, name: str) -> bytes:
    found = opened.extractfile(name)
    assert found is not None
    return found.read()


def test_the_program_is_at_the_root_and_is_run_without_rights(tmp_path: Path) -> None:
    program, path = tmp_path / "pause", tmp_path / "pause.tar"
    program.write_bytes(b"\x7fELF a program")
    archive.write(path, "example.org/pause:1", program)
    with tarfile.open(path) as opened:
        (manifest,) = json.loads(member(opened, "manifest.json"))
        configuration = json.loads(member(opened, manifest["Config"]))
        layer = member(opened, manifest["Layers"][0])
    assert ["example.org/pause:1"] == manifest["RepoTags"]
    assert (["/pause"], "65535:65535") == (configuration["config"]["Entrypoint"], configuration["config"]["User"])
    assert [f"sha256:{hashlib.sha256(layer).hexdigest()}"] == configuration["rootfs"]["diff_ids"]
    with tarfile.open(fileobj=io.BytesIO(layer)) as files:
        assert (b"\x7fELF a program", 0o755) == (member(files, "pause"), files.getmember("pause").mode)
