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


def test_an_image_of_another_has_its_layers_its_settings_and_one_layer_more(tmp_path: Path) -> None:
    program, base, path = tmp_path / "pause", tmp_path / "base.tar", tmp_path / "extended.tar"
    program.write_bytes(b"\x7fELF a program")
    archive.write(base, "example.org/base:1", program)
    archive.extend(path, "example.org/trader:1", base, {"app/trader.py": b"print()"})
    with tarfile.open(path) as opened, tarfile.open(base) as given:
        (manifest,), (before,) = (json.loads(member(each, "manifest.json")) for each in (opened, given))
        configuration = json.loads(member(opened, manifest["Config"]))
        layers = [member(opened, name) for name in manifest["Layers"]]
        assert member(given, before["Layers"][0]) == layers[0]
    assert ["example.org/trader:1"] == manifest["RepoTags"]
    assert ["/pause"] == configuration["config"]["Entrypoint"]
    assert [f"sha256:{hashlib.sha256(each).hexdigest()}" for each in layers] == configuration["rootfs"]["diff_ids"]
    with tarfile.open(fileobj=io.BytesIO(layers[1])) as files:
        assert b"print()" == member(files, "app/trader.py")
