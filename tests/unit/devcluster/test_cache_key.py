"""Where built programs are kept, and what makes a new place."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from devcluster import binaries
from devcluster.binaries import ETCD, HELM3, KUBERNETES, GoModule, parse_version
from devcluster.cache import cache_key, cache_root, go_platform
from devcluster.errors import UnsupportedPlatformError

LINUX = ("linux", "amd64")
MODULE = GoModule("sample", "example.org/program", ("example.org/version",))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(binaries, "_GO_MODULES", tmp_path)
    made = tmp_path / "sample"
    made.mkdir()
    (made / "go.mod").write_text("module x\n\ngo 1.26.0\n\nrequire example.org/program v1.2.3\n")
    (made / "go.sum").write_text("one\n")
    return made


@pytest.mark.usefixtures("folder")
def test_the_key_names_module_version_and_platform() -> None:
    assert re.fullmatch(r"sample-v1\.2\.3-linux-amd64-[0-9a-f]{12}", cache_key(MODULE, LINUX))


@pytest.mark.usefixtures("folder")
def test_the_key_stays_the_same() -> None:
    assert cache_key(MODULE, LINUX) == cache_key(MODULE, LINUX)


@pytest.mark.usefixtures("folder")
def test_another_processor_has_another_key() -> None:
    assert cache_key(MODULE, LINUX) != cache_key(MODULE, ("linux", "arm64"))


@pytest.mark.parametrize("name", ["go.mod", "go.sum"])
def test_a_changed_file_of_the_module_changes_the_key(folder: Path, name: str) -> None:
    before = cache_key(MODULE, LINUX)
    (folder / name).write_text((folder / name).read_text() + "// changed\n")
    assert before != cache_key(MODULE, LINUX)


def test_a_changed_program_of_our_own_changes_the_key(folder: Path) -> None:
    keys = {cache_key(MODULE, LINUX)}
    (folder / "one").mkdir()
    for text in ("package main", "package main // changed"):
        (folder / "one/main.go").write_text(text)
        keys.add(cache_key(MODULE, LINUX))
    assert 3 == len(keys)


@pytest.mark.usefixtures("folder")
def test_changed_linker_flags_change_the_key() -> None:
    assert cache_key(MODULE, LINUX) != cache_key(GoModule("sample", "example.org/program"), LINUX)


@pytest.mark.parametrize("module", [KUBERNETES, ETCD])
def test_the_modules_pin_a_release(module: GoModule) -> None:
    assert re.fullmatch(r"v\d+\.\d+\.\d+", module.version)
    assert module.go_version == (1, 26, 0)


def test_the_kubernetes_programs_say_their_version() -> None:
    assert f"-X k8s.io/component-base/version.gitVersion={KUBERNETES.version}" in KUBERNETES.linker_flags


@pytest.mark.parametrize(
    ("configured", "expected"),
    [("/elsewhere", Path("/elsewhere/kite-operator")), ("relative", Path.home() / ".cache/kite-operator")],
)
def test_the_cache_is_in_the_absolute_xdg_cache_home(configured: str, expected: Path) -> None:
    assert expected == cache_root({"XDG_CACHE_HOME": configured})


def test_the_cache_is_under_home_by_default() -> None:
    assert Path.home() / ".cache/kite-operator" == cache_root({})


@pytest.mark.parametrize(("machine", "expected"), [("x86_64", "amd64"), ("aarch64", "arm64"), ("ARM64", "arm64")])
def test_the_processor_has_its_go_name(machine: str, expected: str) -> None:
    assert ("linux", expected) == go_platform("linux", machine)


@pytest.mark.parametrize(("system", "machine"), [("darwin", "arm64"), ("linux", "riscv64")])
def test_other_platforms_are_refused_by_name(system: str, machine: str) -> None:
    with pytest.raises(UnsupportedPlatformError, match=f"this is {system} on {machine}"):
        go_platform(system, machine)


def test_helm_3_takes_the_cluster_to_be_of_the_version_of_its_client() -> None:
    _, minor, _ = parse_version(replace(HELM3, requirement="k8s.io/client-go").version)
    for package in ("chartutil", "lint/rules"):
        assert f"-X helm.sh/helm/v3/pkg/{package}.k8sVersionMinor={minor} " in f"{HELM3.linker_flags} "
