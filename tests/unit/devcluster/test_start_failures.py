"""What a component that does not become ready leads to."""

import io
import ssl
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from devcluster import engine
from devcluster.controlplane import ControlPlane, Options
from devcluster.errors import PortTakenError, StartError, UsageError
from devcluster.layout import Layout, Ports
from devcluster.ports import LOOPBACK, free_ports
from devcluster.readiness import Check, log_tail, wait_ready
from devcluster.resolve import Resolver


@pytest.fixture
def check(tmp_path: Path) -> Check:
    layout = Layout(tmp_path, Ports(*free_ports(4)))
    layout.write_keys()
    url = f"https://{LOOPBACK}:{layout.ports.etcd}/health"
    return Check("etcd", url, layout.keys, authority="etcd-ca", identity="etcd-client", log=layout.log("etcd"))


def test_an_ended_component_is_an_error_at_once_with_its_last_words(check: Check) -> None:
    check.log.write_text("\n".join(f"line {number}" for number in range(40)))
    with pytest.raises(StartError, match="etcd ended with code 2 before it was ready") as failed:
        wait_ready(check, lambda: {"etcd": 2}, timeout=60)
    lines = str(failed.value).splitlines()
    assert [lines[1], lines[-1]] == ["line 25", "line 39"]


def test_a_silent_component_is_an_error_after_its_deadline(check: Check) -> None:
    with pytest.raises(StartError, match=r"etcd was not ready after 0 s \(last answer: ConnectionRefusedError\)"):
        wait_ready(check, dict, timeout=0)


def test_a_taken_port_is_told_apart(check: Check) -> None:
    check.log.write_text("listen tcp 127.0.0.1:20000: bind: address already in use\n")
    with pytest.raises(PortTakenError):
        wait_ready(check, lambda: {"etcd": 1}, timeout=60)


def test_a_missing_log_is_said(tmp_path: Path) -> None:
    assert log_tail(tmp_path / "absent") == "(the log is empty)"


def failing(tmp_path: Path, words: str) -> Mapping[str, Path]:
    script = tmp_path / "component"
    script.write_text(f"#!/bin/sh\necho '{words}' >&2\nexit 3\n")
    script.chmod(0o755)
    return dict.fromkeys(("etcd", "kube-apiserver", "kubectl"), script)


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "temporary"
    made.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(made))
    return made


def start(monkeypatch: pytest.MonkeyPatch, binaries: Mapping[str, Path]) -> None:
    monkeypatch.setattr(Resolver, "resolve", lambda *_: binaries)
    ControlPlane.start(Options(kubeconfig=None, progress=io.StringIO()))


def test_a_failed_start_leaves_no_folder(tmp_path: Path, folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StartError, match=r"etcd ended with code 3 .*\nno such flag"):
        start(monkeypatch, failing(tmp_path, "no such flag"))
    assert list(folders.iterdir()) == []


def test_a_failure_before_the_first_process_leaves_no_folder(
    tmp_path: Path, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> list[int]:
        raise OSError("no more files")

    monkeypatch.setattr(engine, "free_ports", refuse)
    with pytest.raises(OSError, match="no more files"):
        start(monkeypatch, failing(tmp_path, ""))
    assert list(folders.iterdir()) == []


def test_a_lost_port_is_tried_again_elsewhere_three_times(
    tmp_path: Path, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen: list[list[int]] = []

    def remember(count: int) -> list[int]:
        chosen.append(free_ports(count))
        return chosen[-1]

    monkeypatch.setattr(engine, "free_ports", remember)
    with pytest.raises(PortTakenError):
        start(monkeypatch, failing(tmp_path, "bind: address already in use"))
    assert len(chosen) == 3
    assert list(folders.iterdir()) == []


class AlwaysOk(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """The test's output is not its place."""


@contextmanager
def https_server(check: Check, certificate: str) -> Iterator[None]:
    """Answers 200 to everything, on the port and with one of the certificates of the control plane."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(check.keys / f"{certificate}.crt", check.keys / f"{certificate}.key")
    server = HTTPServer((LOOPBACK, urlsplit(check.url).port or 0), AlwaysOk)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    try:
        yield
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def test_a_server_that_answers_is_ready(check: Check) -> None:
    with https_server(check, "etcd"):
        wait_ready(check, dict, timeout=0)


def test_a_server_of_another_authority_is_not_taken_for_ready(check: Check) -> None:
    with https_server(check, "api-server"), pytest.raises(StartError, match="last answer: SSLCertVerificationError"):
        wait_ready(check, dict, timeout=0)


def given_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ControlPlane:
    kubectl = tmp_path / "kubectl"
    kubectl.write_text('#!/bin/sh\ncase "$*" in *view*) printf https://given.example.com;; *) echo ok;; esac\n')
    kubectl.chmod(0o755)
    monkeypatch.setattr(Resolver, "resolve", lambda *_: {"kubectl": kubectl})
    monkeypatch.setenv("KITE_DEVCLUSTER_KUBECONFIG", str(tmp_path / "given.kubeconfig"))
    return ControlPlane.start(Options())


def test_a_given_kubeconfig_is_used_and_nothing_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with given_cluster(tmp_path, monkeypatch) as plane:
        assert (plane.server, plane.processes) == ("https://given.example.com", {})
        assert tmp_path / "given.kubeconfig" == plane.kubeconfig


def test_a_given_cluster_cannot_be_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with given_cluster(tmp_path, monkeypatch) as plane, pytest.raises(UsageError, match="given by a kubeconfig"):
        plane.kill("etcd")


def test_a_given_cluster_that_does_not_answer_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kubectl = failing(tmp_path, "connection refused")["kubectl"]
    monkeypatch.setattr(Resolver, "resolve", lambda *_: {"kubectl": kubectl})
    with pytest.raises(StartError, match="does not answer: connection refused"):
        ControlPlane.start(Options(kubeconfig=tmp_path / "given.kubeconfig"))
