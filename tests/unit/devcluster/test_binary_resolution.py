"""In which order programs are looked for, and which ones are passed over."""

import io
from collections.abc import Mapping
from pathlib import Path

import pytest

from devcluster import resolve
from devcluster.binaries import BINARIES, Binary
from devcluster.cache import cached_path
from devcluster.resolve import Resolver, unusable

KUBECTL = BINARIES["kubectl"]


def program(path: Path, says: str, code: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\nexit {code}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {
        "KUBEBUILDER_ASSETS": str(tmp_path / "assets"),
        "PATH": f"{tmp_path / 'path'}:/bin:/usr/bin",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "KITE_DEVCLUSTER_ARCHIVES": "off",
    }


def cached(tmp_path: Path) -> Path:
    return program(cached_path(KUBECTL, tmp_path / "cache" / "kite-operator"), "Client Version: v1.36.3")


def found(environ: Mapping[str, str], stream: io.StringIO | None = None) -> Path | None:
    return Resolver(environ, stream or io.StringIO()).find(KUBECTL)


def test_the_assets_folder_comes_before_path_and_cache(tmp_path: Path, environ: dict[str, str]) -> None:
    asset = program(tmp_path / "assets" / "kubectl", "Client Version: v1.36.0")
    program(tmp_path / "path" / "kubectl", "Client Version: v1.36.0")
    cached(tmp_path)
    assert asset == found(environ)


def test_path_comes_before_the_cache(tmp_path: Path, environ: dict[str, str]) -> None:
    on_path = program(tmp_path / "path" / "kubectl", "Client Version: v1.35.0")
    cached(tmp_path)
    assert on_path == found(environ)


def test_an_assets_folder_without_the_program_is_passed_over(tmp_path: Path, environ: dict[str, str]) -> None:
    program(tmp_path / "assets" / "etcd", "etcd Version: 3.6.0")
    on_path = program(tmp_path / "path" / "kubectl", "Client Version: v1.36.3")
    assert on_path == found(environ)


def test_the_cache_serves_where_path_has_an_old_one(tmp_path: Path, environ: dict[str, str]) -> None:
    program(tmp_path / "path" / "kubectl", "Client Version: v1.32.4-dispatcher")
    assert cached(tmp_path) == found(environ)


def test_an_old_one_is_named_when_a_build_must_follow(tmp_path: Path, environ: dict[str, str]) -> None:
    old = program(tmp_path / "path" / "kubectl", "Client Version: v1.32.4-dispatcher")
    stream = io.StringIO()
    assert found(environ, stream) is None
    assert f"Passing over {old}: it is version 1.32.4, and 1.35.0 is the oldest that is used\n" == stream.getvalue()


def test_what_is_nowhere_is_built_into_the_cache(
    tmp_path: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[tuple[Binary, Path]] = []
    monkeypatch.setattr(resolve, "build", lambda binary, destination, _: built.append((binary, destination)))
    environ["PATH"] = str(tmp_path / "path")
    destination = cached_path(KUBECTL, tmp_path / "cache" / "kite-operator")
    assert {"kubectl": destination} == Resolver(environ, io.StringIO()).resolve(["kubectl"])
    assert [(KUBECTL, destination)] == built


def test_a_program_that_fails_is_unusable(tmp_path: Path) -> None:
    broken = program(tmp_path / "kubectl", "Client Version: v1.36.3", code=2)
    assert unusable(KUBECTL, broken) == "it does not run (exit code 2)"


def test_a_program_for_another_processor_is_unusable(tmp_path: Path) -> None:
    foreign = program(tmp_path / "kubectl", "")
    foreign.write_bytes(b"\x7fELF-not-for-this-machine")
    assert unusable(KUBECTL, foreign) == "it does not run (OSError)"


def test_a_program_without_a_version_is_unusable(tmp_path: Path) -> None:
    silent = program(tmp_path / "kubectl", "hello")
    assert unusable(KUBECTL, silent) == "it does not say its version"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("etcd", "etcd Version: 3.6.16\nGit SHA: abc"),
        ("kube-apiserver", "Kubernetes v1.36.3"),
        ("kubectl", "Client Version: v1.36.3\nKustomize Version: v5.8.1"),
    ],
)
def test_the_pinned_version_is_usable(tmp_path: Path, name: str, says: str) -> None:
    assert unusable(BINARIES[name], program(tmp_path / name, says)) is None
