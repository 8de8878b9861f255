"""The demo's own processes: what they inherit, what is said when one ends, and that they go."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from demo.actors import Actors, get, last_lines, own_environment
from demo.errors import NotVerified
from demo.story import require_ended


def test_settings_of_other_operators_and_proxies_are_not_inherited() -> None:
    given = {
        "PATH": "/bin",
        "KITE_OPERATOR_API_URL": "https://elsewhere.example",
        "KITE_DEVCLUSTER_KUBECONFIG": "/somewhere",
        "HTTPS_PROXY": "http://proxy.example",
        "http_proxy": "http://proxy.example",
    }
    assert {"PATH": "/bin"} == own_environment(given)


def test_the_end_of_a_log_is_its_last_fifteen_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("".join(f"line {number}\n" for number in range(20)))
    assert [f"line {number}" for number in range(5, 20)] == last_lines(log).splitlines()


def test_a_log_that_was_never_written_has_no_end(tmp_path: Path) -> None:
    assert not last_lines(tmp_path / "absent")


def test_a_server_that_is_not_there_has_status_zero() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        assert (0, "") == get(f"http://127.0.0.1:{nobody.getsockname()[1]}/")


def test_a_process_that_ended_by_itself_is_named_with_its_log(tmp_path: Path) -> None:
    folder, log = tmp_path / "folder", tmp_path / "log"
    folder.mkdir()
    actors = Actors(folder)
    try:
        actors._start("sandbox", [sys.executable, "-c", "raise SystemExit('no port')"], log, {})
        while actors.processes:
            pass
        with pytest.raises(NotVerified, match="the sandbox has ended with exit code 1\nno port"):
            actors.require_running("sandbox", log)
    finally:
        actors.close()
    assert not folder.exists()


def test_a_process_that_is_left_is_not_verified() -> None:
    with pytest.raises(NotVerified, match=f"still running: .{os.getpid()}"):
        require_ended([os.getpid()])


def test_processes_that_have_ended_are_verified() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    require_ended([process.pid])
