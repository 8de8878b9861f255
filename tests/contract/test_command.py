"""`python -m kite_sandbox` as a process."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from support.sandbox import Sandbox, SandboxError

SEED = {
    "switches": {"flush_at": "07:30"},
    "apps": [{"api_key": "seededkey", "api_secret": "seeded-secret-value", "redirect_url": "http://127.0.0.1/cb"}],
    "accounts": [
        {
            "client_id": "AB1234",
            "password": "seeded-password-value",
            "totp_secret": "jbsw y3dp-ehpk 3pxp jbsw y3dp-ehpk 3pxp",
        },
    ],
}


@pytest.fixture
def seed_file(tmp_path: Path) -> Path:
    path = tmp_path / "seed.json"
    path.write_text(json.dumps(SEED))
    return path


@pytest.fixture
def seeded(seed_file: Path, tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox.start("--seed", str(seed_file), "--ready-file", str(tmp_path / "ready.json")) as running:
        yield running


Process = subprocess.Popen[str]
Start = Callable[..., Process]


@pytest.fixture
def started() -> Iterator[Start]:
    """Starts the command; whatever is still running at the end is killed."""
    running: list[Process] = []

    def start(*arguments: str) -> Process:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module, no shell
            [sys.executable, "-m", "kite_sandbox", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        if process.poll() is None:
            process.kill()
            process.communicate()


def test_a_seed_and_a_ready_file(seeded: Sandbox, tmp_path: Path) -> None:
    assert json.loads((tmp_path / "ready.json").read_text()) == {
        "api_url": seeded.api_url,
        "login_url": seeded.login_url,
        "admin_url": seeded.admin_url,
    }
    assert seeded.admin("GET", "/admin/switches")["flush_at"] == "07:30"
    assert seeded.admin("GET", "/admin/accounts/AB1234")["blocked"] is False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly_even_with_a_slow_answer_under_way(number: signal.Signals, started: Start) -> None:
    process = started()
    urls = _urls(process)
    fault = {"step": "profile", "when": "after", "delay_s": 60}
    requests.post(f"{urls['admin_url']}/admin/faults", json=fault, timeout=5)
    with pytest.raises(requests.exceptions.ReadTimeout):
        requests.get(f"{urls['api_url']}/user/profile", timeout=0.1)
    process.send_signal(number)
    _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (0, "")


def test_it_ends_with_its_parent(started: Start) -> None:
    process = started("--until-stdin-closes")
    _urls(process)
    process.communicate(timeout=10)  # closes its input
    assert process.returncode == 0


def test_its_log_names_calls_but_no_secret(seed_file: Path, started: Start) -> None:
    process = started("--seed", str(seed_file), "--verbose")
    urls = _urls(process)
    form = {"user_id": "AB1234", "password": "seeded-password-value"}
    requests.post(f"{urls['login_url']}/api/login", data=form, timeout=5)
    dead = {"api_key": "seededkey", "access_token": "some-access-token"}
    requests.delete(f"{urls['api_url']}/session/token", params=dead, timeout=5)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=10)
    assert "login for AB1234: accepted" in errors
    assert "logout for None: dead_token" in errors
    for secret in ("seeded-password-value", "seeded-secret-value", "some-access-token", "JBSWY3DPEHPK3PXP", "jbsw"):
        assert secret not in errors


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('{"apps": [{"colour": "red", "app_type": "Gaming"}]}', "app.app_type: must be one of Trading, Connect"),
        ('{"accounts": [{"totp_secret": "not base32!"}]}', "account.client_id: is required"),
        (
            '{"switches": {"flush_at": "noon", "no_such": 1}}',
            "flush_at: must be a time like 06:00; no_such: no such switch",
        ),
    ],
)
def test_a_bad_seed_is_refused_with_every_problem(content: str, complaint: str, tmp_path: Path, started: Start) -> None:
    path = tmp_path / "seed.json"
    path.write_text(content)
    process = started("--seed", str(path))
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 1
    assert complaint in errors


def test_ten_thousand_accounts_are_no_burden(sandbox: Sandbox) -> None:
    app = sandbox.add_app()
    accounts = sandbox.add_accounts([f"AB{number:05}" for number in range(10_000)])
    token = sandbox.login_elsewhere(accounts[-1].client_id, app.api_key)
    assert sandbox.is_alive(token)
    assert sandbox.admin("GET", "/admin/counters")["accounts"] == 10_000


def test_the_admin_api_explains_what_it_refuses(sandbox: Sandbox) -> None:
    for method, path, body, complaint in (
        ("GET", "/admin/accounts/NO0000", None, "not found: no such account"),
        ("PUT", "/admin/clock", {"now": "2024-01-01T00:00:00"}, "must carry a zone"),
        ("PUT", "/admin/clock", {}, "give either now or offset_seconds"),
        ("PUT", "/admin/switches", {"relogin": "maybe"}, "relogin: must be one of"),
        ("POST", "/admin/registry", [], "body: must be an object"),
    ):
        with pytest.raises(SandboxError, match=complaint):
            sandbox.admin(method, path, body)


def _urls(process: Process) -> dict[str, str]:
    if process.stdout is None:
        raise AssertionError("stdout is a pipe")
    urls: dict[str, str] = json.loads(process.stdout.readline())
    return urls
