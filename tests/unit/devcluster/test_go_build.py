"""Building with Go, played by a script: complete programs only, once only, with clear words where it cannot be."""

import io
import os
import threading
from pathlib import Path

import pytest

from devcluster.binaries import BINARIES
from devcluster.build import build, check_toolchain
from devcluster.errors import BuildError, ToolchainError

ETCD = BINARIES["etcd"]
# `go build … -o OUTPUT PACKAGE`: the output is the last argument but one.
WRITE_OUTPUT = 'eval "out=\\${$(($# - 1))}"; echo built > "$out"; echo run >> "$COUNT"'


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    script = tmp_path / "bin" / "go"
    script.parent.mkdir()
    monkeypatch.setenv("PATH", f"{script.parent}:/bin:/usr/bin")
    monkeypatch.setenv("COUNT", str(tmp_path / "count"))
    return script


def play(go: Path, *, version: str = "go1.26.8", builds: str = WRITE_OUTPUT) -> None:
    go.write_text(f'#!/bin/sh\nif [ "$1" = env ]; then echo {version}; else {builds}; fi\n')
    go.chmod(0o755)


def test_the_program_appears_and_nothing_else_stays(go: Path, tmp_path: Path) -> None:
    play(go)
    destination = tmp_path / "cache" / "key" / "etcd"
    build(ETCD, destination, io.StringIO())
    assert destination.read_text() == "built\n"
    assert {"etcd", ".lock"} == {path.name for path in destination.parent.iterdir()}


def test_the_words_before_and_after(go: Path, tmp_path: Path) -> None:
    play(go)
    stream = io.StringIO()
    build(ETCD, tmp_path / "etcd", stream)
    first, *_, last = stream.getvalue().splitlines()
    assert first.startswith(f"Building etcd {ETCD.module.version} from source with Go (about 45 seconds the first time")
    assert last.startswith(f"Built etcd {ETCD.module.version} (0:0")


def test_two_runs_at_once_build_once(go: Path, tmp_path: Path) -> None:
    play(go, builds=f"sleep 0.3; {WRITE_OUTPUT}")
    streams = [io.StringIO(), io.StringIO()]
    runs = [threading.Thread(target=build, args=(ETCD, tmp_path / "etcd", stream)) for stream in streams]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert (tmp_path / "count").read_text() == "run\n"
    assert any("Waiting for another run that is building etcd" in stream.getvalue() for stream in streams)


def test_a_failed_build_shows_the_compilers_words_and_leaves_nothing(go: Path, tmp_path: Path) -> None:
    play(go, builds="echo main.go:7: undefined: x >&2; exit 1")
    destination = tmp_path / "key" / "etcd"
    with pytest.raises(BuildError, match=r"go build of etcd .* ended with code 1:\nmain.go:7: undefined: x"):
        build(ETCD, destination, io.StringIO())
    assert [path.name for path in destination.parent.iterdir()] == [".lock"]


def test_a_missing_go_is_said_with_what_to_install(go: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(go.parent))
    with pytest.raises(ToolchainError, match=r"not found on PATH\. Install Go 1\.26\.0 or newer"):
        check_toolchain(ETCD.module)


def test_an_old_go_is_said_with_what_to_install(go: Path) -> None:
    play(go, version="go1.22.3")
    with pytest.raises(ToolchainError, match=r"is Go 1\.22\.3: too old .* Install Go 1\.26\.0 or newer"):
        check_toolchain(ETCD.module)


def test_an_old_go_that_refuses_the_module_is_too_old(go: Path) -> None:
    refusal = "go: go.mod requires go >= 1.26.0 (running go 1.22.3; GOTOOLCHAIN=local)"
    go.write_text(f"#!/bin/sh\necho '{refusal}' >&2\nexit 1\n")
    go.chmod(0o755)
    with pytest.raises(ToolchainError, match=r"is Go 1\.22\.3: too old"):
        check_toolchain(ETCD.module)


def test_a_go_that_does_not_work_is_quoted(go: Path) -> None:
    go.write_text("#!/bin/sh\necho 'cannot find GOROOT' >&2\nexit 2\n")
    go.chmod(0o755)
    with pytest.raises(ToolchainError, match="does not work: cannot find GOROOT"):
        check_toolchain(ETCD.module)


@pytest.mark.parametrize("version", ["go1.26", "go1.26.8", "go1.27rc1"])
def test_a_new_enough_go_will_do(go: Path, version: str) -> None:
    play(go, version=version)
    check_toolchain(ETCD.module)


def test_the_persons_go_flags_do_not_reach_the_build(go: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOFLAGS", "-mod=mod")
    play(go, builds=f'echo "$GOFLAGS|$CGO_ENABLED|$GOWORK" > {tmp_path / "seen"}; {WRITE_OUTPUT}')
    build(ETCD, tmp_path / "etcd", io.StringIO())
    assert (tmp_path / "seen").read_text() == "|0|off\n"
    assert os.environ["GOFLAGS"] == "-mod=mod"
