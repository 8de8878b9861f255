"""The release archive, from a server on loopback: verified to the last byte, or thrown away and built instead."""

import functools
import hashlib
import http.server
import io
import os
import socket
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from devcluster import archive as archive_module
from devcluster import resolve
from devcluster.archive import ARCHIVES_VARIABLE, ENVTEST, RELEASES, Archive, Archives, unpacked_path
from devcluster.binaries import BINARIES, KUBERNETES
from devcluster.cache import go_platform
from devcluster.resolve import Resolver
from support.answering import answering

SAYS = {
    "etcd": "etcd Version: 3.6.0",
    "kube-apiserver": "Kubernetes v1.36.2",
    "kubectl": "Client Version: v1.36.2",
}
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


def packed(members: dict[str, bytes] | None = None, meddle: Callable[[tarfile.TarFile], None] | None = None) -> bytes:
    """An archive like a release's, with other members, or with more than that."""
    usual = {f"controller-tools/envtest/{name}": f"#!/bin/sh\necho '{said}'\n".encode() for name, said in SAYS.items()}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as made:
        for name, content in (usual if members is None else members).items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            made.addfile(entry, io.BytesIO(content))
        if meddle is not None:
            meddle(made)
    return buffer.getvalue()


def of(content: bytes) -> Archive:
    """The pin of this very archive."""
    digest = hashlib.sha512(content).hexdigest()
    return Archive(ENVTEST.version, {"amd64": digest, "arm64": digest}, silence=2.0, longest=20.0)


class Server:
    """Serves `content` under every path, or what `answer` makes of a request; `asked` are the paths."""

    def __init__(self) -> None:
        self.content = b""
        self.asked: list[str] = []
        self.answer: Callable[[http.server.BaseHTTPRequestHandler], None] | None = None
        handler = functools.partial(_Handler, self)
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/releases"


class _Handler(http.server.BaseHTTPRequestHandler):
    def __init__(self, server: Server, *arguments: object) -> None:
        self.mine = server
        super().__init__(*arguments)  # type: ignore[arg-type]  # as the server calls it

    def do_GET(self) -> None:
        self.mine.asked.append(self.path)
        if self.mine.answer is not None:
            self.mine.answer(self)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.mine.content)))
        self.end_headers()
        self.wfile.write(self.mine.content)

    def log_message(self, *_: object) -> None:
        """Not on the tests' output."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    made = Server()
    with answering(made.http):
        yield made


def archives(server: Server, root: Path, archive: Archive) -> tuple[Archives, io.StringIO]:
    stream = io.StringIO()
    return Archives({ARCHIVES_VARIABLE: server.url}, root, stream, archive), stream


def left(root: Path) -> list[str]:
    """What stays in the cache, but for the lock."""
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and path.suffix != ".lock")


def refused(server: Server, root: Path, archive: Archive) -> str:
    """The one line that is written when nothing could be had; nothing stays."""
    bringer, stream = archives(server, root, archive)
    assert bringer.bring("etcd") is None
    assert [] == left(root)
    (line,) = [each for each in stream.getvalue().splitlines() if not each.startswith("Downloading")]
    assert line.endswith(". Building from source instead")
    return line.removeprefix("No release archive: ").removesuffix(". Building from source instead")


def test_the_programs_appear_verified_and_nothing_else_stays(server: Server, tmp_path: Path) -> None:
    server.content = packed()
    bringer, stream = archives(server, tmp_path, of(server.content))
    path = bringer.bring("kubectl")
    assert path == unpacked_path("kubectl", tmp_path)
    assert path is not None
    assert "Client Version: v1.36.2" in path.read_text()
    assert os.access(path, os.X_OK)
    folder = f"tools/envtest-{ENVTEST.version}-{'-'.join(go_platform())}"
    assert [f"{folder}/{name}" for name in sorted(SAYS)] == left(tmp_path)
    assert "checksum verified" in stream.getvalue().splitlines()[-1]


def test_one_download_brings_all_of_them(server: Server, tmp_path: Path) -> None:
    server.content = packed()
    bringer, _ = archives(server, tmp_path, of(server.content))
    assert all(bringer.bring(name) is not None for name in SAYS)
    file = f"envtest-{ENVTEST.version}-{'-'.join(go_platform())}.tar.gz"
    assert [f"/releases/envtest-{ENVTEST.version}/{file}"] == server.asked


def test_two_runs_at_once_download_once(server: Server, tmp_path: Path) -> None:
    server.content = packed()
    bringers = [archives(server, tmp_path, of(server.content))[0] for _ in range(2)]
    runs = [threading.Thread(target=bringer.bring, args=("etcd",)) for bringer in bringers]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert 1 == len(server.asked)
    assert 3 == len(left(tmp_path))


def test_what_a_killed_run_has_left_does_not_matter(server: Server, tmp_path: Path) -> None:
    server.content = packed()
    partial = tmp_path / "tools" / f".envtest-{ENVTEST.version}-{'-'.join(go_platform())}.partial"
    (partial / "programs").mkdir(parents=True)
    (partial / "programs" / "etcd").write_text("half")
    assert archives(server, tmp_path, of(server.content))[0].bring("etcd") is not None
    assert 3 == len(left(tmp_path))


def test_another_checksum_is_refused(server: Server, tmp_path: Path) -> None:
    server.content = packed()
    said = refused(server, tmp_path, of(server.content + b"x"))
    assert "what 127.0.0.1 sent is not what was expected (another SHA-512), and was thrown away" == said


def test_one_that_breaks_off_is_refused(server: Server, tmp_path: Path) -> None:
    whole = packed()

    def half(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(whole)))
        request.end_headers()
        request.wfile.write(whole[: len(whole) // 2])

    server.answer = half
    assert refused(server, tmp_path, of(whole)) in (
        "127.0.0.1 cannot be reached, or broke off (IncompleteRead)",
        "what 127.0.0.1 sent is not what was expected (another SHA-512), and was thrown away",
    )


@pytest.mark.parametrize("code", [403, 404, 503])
def test_an_error_is_refused(server: Server, tmp_path: Path, code: int) -> None:
    server.answer = lambda request: request.send_error(code)
    assert f"127.0.0.1 answered {code}" == refused(server, tmp_path, of(b""))


def test_one_that_grows_and_grows_is_refused(server: Server, tmp_path: Path) -> None:
    server.content = packed()
    small = replace(of(server.content), largest=100)
    assert "127.0.0.1 sends too much, or too slowly" == refused(server, tmp_path, small)


def test_one_that_trickles_is_given_up(server: Server, tmp_path: Path) -> None:
    done = threading.Event()

    def trickle(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        while not done.wait(0.01):
            try:
                request.wfile.write(b"x")
            except OSError:
                return

    server.answer = trickle
    try:
        said = refused(server, tmp_path, replace(of(b""), longest=0.1))
        assert "127.0.0.1 sends too much, or too slowly" == said
    finally:
        done.set()


def test_a_silent_server_is_given_up(server: Server, tmp_path: Path) -> None:
    done = threading.Event()

    def wait(_: http.server.BaseHTTPRequestHandler) -> None:
        done.wait(30)

    server.answer = wait
    silent = replace(of(b""), silence=0.2)
    try:
        assert "127.0.0.1 cannot be reached, or broke off (TimeoutError)" == refused(server, tmp_path, silent)
    finally:
        done.set()


def test_a_machine_without_a_way_out_goes_on_at_once_and_asks_once(server: Server, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused
        stream = io.StringIO()
        bringer = Archives({ARCHIVES_VARIABLE: f"http://127.0.0.1:{taken.getsockname()[1]}"}, tmp_path, stream, of(b""))
        assert [None, None] == [bringer.bring("etcd"), bringer.bring("kubectl")]
    del server
    assert "No release archive: 127.0.0.1 cannot be reached, or broke off (URLError)" in stream.getvalue()
    assert 1 == stream.getvalue().count("No release archive")


def link_out(made: tarfile.TarFile) -> None:
    entry = tarfile.TarInfo("controller-tools/envtest/etcd")
    entry.type, entry.linkname = tarfile.SYMTYPE, "/bin/sh"
    made.addfile(entry)


def test_an_archive_that_would_write_elsewhere_writes_nothing(server: Server, tmp_path: Path) -> None:
    root = tmp_path / "cache"
    server.content = packed({f"controller-tools/envtest/../../../{name}": b"#!/bin/sh\n" for name in SAYS})
    assert "the archive cannot be unpacked (KeyError)" == refused(server, root, of(server.content))
    assert ["cache"] == [path.name for path in tmp_path.iterdir()]


def test_members_that_nobody_asked_for_are_left_in_the_archive(server: Server, tmp_path: Path) -> None:
    def more(made: tarfile.TarFile) -> None:
        for name in ("../../escaped", "/tmp/escaped-absolute", "controller-tools/envtest/extra"):  # noqa: S108 - a name in an archive
            entry = tarfile.TarInfo(name)
            made.addfile(entry, io.BytesIO())

    server.content = packed(meddle=more)
    assert archives(server, tmp_path, of(server.content))[0].bring("etcd") is not None
    assert 3 == len(left(tmp_path))
    assert not Path("/tmp/escaped-absolute").exists()  # noqa: S108 - a name in an archive


def test_a_link_in_the_place_of_a_program_is_refused(server: Server, tmp_path: Path) -> None:
    server.content = packed(meddle=link_out)
    assert "etcd in the archive is no file" == refused(server, tmp_path, of(server.content))


def test_what_is_no_archive_is_refused(server: Server, tmp_path: Path) -> None:
    server.content = b"<html>Please log in to this network</html>"
    assert "the archive cannot be unpacked (ReadError)" == refused(server, tmp_path, of(server.content))


@pytest.mark.parametrize("value", ["file:///etc", "ftp://127.0.0.1/x", "nonsense"])
def test_an_address_of_another_kind_is_refused(tmp_path: Path, value: str) -> None:
    stream = io.StringIO()
    assert Archives({ARCHIVES_VARIABLE: value}, tmp_path, stream).bring("etcd") is None
    assert f"{ARCHIVES_VARIABLE} is neither an http(s) address nor `off`" in stream.getvalue()


def test_off_asks_nobody(tmp_path: Path) -> None:
    stream = io.StringIO()
    assert Archives({ARCHIVES_VARIABLE: "off"}, tmp_path, stream).bring("etcd") is None
    assert "" == stream.getvalue()


def test_a_program_that_is_in_no_archive_is_not_asked_for(server: Server, tmp_path: Path) -> None:
    bringer, stream = archives(server, tmp_path, of(b""))
    assert [None, None] == [bringer.bring("kube-controller-manager"), bringer.bring("helm")]
    assert ([], "") == (server.asked, stream.getvalue())


@pytest.fixture
def nothing_found(server: Server, tmp_path: Path) -> dict[str, str]:
    return {"PATH": "/bin:/usr/bin", "XDG_CACHE_HOME": str(tmp_path), ARCHIVES_VARIABLE: server.url}


def test_it_comes_before_a_build_and_after_the_cache(
    server: Server, nothing_found: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server.content = packed()
    built: list[str] = []
    monkeypatch.setattr(resolve, "build", lambda binary, *_: built.append(binary.name))
    monkeypatch.setattr(resolve, "Archives", functools.partial(Archives, archive=of(server.content)))
    names = ("etcd", "kube-apiserver", "kubectl", "kube-controller-manager")
    for _ in range(2):
        paths = Resolver(nothing_found, io.StringIO()).resolve(names)
        assert {f"envtest-{ENVTEST.version}-{'-'.join(go_platform())}"} == {paths[n].parent.name for n in names[:3]}
    assert ["kube-controller-manager"] * 2 == built
    assert 1 == len(server.asked)


def test_after_a_refusal_everything_is_built(
    server: Server, nothing_found: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server.content = packed()
    built: list[str] = []
    monkeypatch.setattr(resolve, "build", lambda binary, *_: built.append(binary.name))
    stream = io.StringIO()
    Resolver(nothing_found, stream).resolve(SAYS)
    assert (list(SAYS), 1) == (built, len(server.asked))
    assert "not what was expected (another SHA-512)" in stream.getvalue()


def test_a_program_of_the_archive_that_does_not_run_is_built(
    server: Server, nothing_found: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server.content = packed({f"controller-tools/envtest/{name}": b"\x7fELF-not-for-this-machine" for name in SAYS})
    built: list[str] = []
    monkeypatch.setattr(resolve, "build", lambda binary, *_: built.append(binary.name))
    monkeypatch.setattr(resolve, "Archives", functools.partial(Archives, archive=of(server.content)))
    stream = io.StringIO()
    Resolver(nothing_found, stream).resolve(["etcd"])
    assert ["etcd"] == built
    assert "it does not run (OSError)" in stream.getvalue()


def test_the_pin_is_of_the_minor_release_that_is_built_and_of_both_processors() -> None:
    assert ENVTEST.version.split(".")[:2] == KUBERNETES.version.split(".")[:2]
    assert [("amd64", 128), ("arm64", 128)] == [(name, len(digest)) for name, digest in ENVTEST.sha512.items()]
    assert all(set(digest) <= set("0123456789abcdef") for digest in ENVTEST.sha512.values())
    assert RELEASES.startswith("https://")
    assert set(SAYS) == set(archive_module._CONTENTS)
    assert set(SAYS) <= set(BINARIES)
