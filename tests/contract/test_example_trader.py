"""examples/trader.py as a pod runs it, against the sandbox."""

import importlib.util
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kite_token import TokenFolder
from support.documents import ROOT
from support.mounted_secret import SECOND, MountedSecret, contents
from support.sandbox import Sandbox, SandboxAccount, SandboxApp

EXAMPLE = ROOT / "examples" / "trader.py"


class Waits(threading.Event):
    """An event whose waits take no time; `then` happens at the wait of that number."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[float | None] = []
        self.then: dict[int, Any] = {}

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(timeout)
        self.then.get(len(self.waited), lambda: None)()
        return self.is_set()


@pytest.fixture
def secret(tmp_path: Path) -> MountedSecret:
    return MountedSecret(tmp_path / "kite")


@pytest.fixture
def trader() -> Any:
    spec = importlib.util.spec_from_file_location("example_trader", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def pod(
    sandbox: Sandbox, app: SandboxApp, account: SandboxAccount, secret: MountedSecret
) -> Iterator["subprocess.Popen[str]"]:
    token = sandbox.login_elsewhere(account.client_id, app.api_key)
    secret.publish(contents(token, api_key=app.api_key))
    with subprocess.Popen(  # noqa: S603 - our own interpreter and example
        [sys.executable, str(EXAMPLE)],
        env={**os.environ, "KITE_API_ROOT": sandbox.api_url, "KITE_TOKEN_DIR": str(secret.folder)},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_it_trades_until_the_pod_is_stopped(pod: "subprocess.Popen[str]", sandbox: Sandbox) -> None:
    assert pod.stderr is not None
    assert pod.stderr.readline().endswith("INFO cash 100000.00, orders today 0\n")
    pod.send_signal(signal.SIGTERM)
    assert (0, "") == (pod.wait(timeout=20), pod.stderr.read())
    assert 1 == sandbox.all_counters().count("margins")


def test_it_waits_for_another_token_without_asking_kite(trader: Any, secret: MountedSecret) -> None:
    secret.publish(contents())
    folder, waits = TokenFolder(secret.folder), Waits()
    waits.then[3] = lambda: secret.publish(contents(SECOND))
    trader.wait_for_token(folder, folder.token(), waits)
    assert [5.0] * 3 == waits.waited


def test_it_asks_again_after_five_minutes_all_the_same(trader: Any, secret: MountedSecret) -> None:
    secret.publish(contents())
    folder, waits = TokenFolder(secret.folder), Waits()
    trader.wait_for_token(folder, folder.token(), waits)
    assert 300.0 == sum(wait or 0 for wait in waits.waited)


def test_it_stops_at_once_while_it_waits(trader: Any, secret: MountedSecret) -> None:
    secret.publish(contents())
    folder, waits = TokenFolder(secret.folder), Waits()
    waits.then[1] = waits.set
    trader.wait_for_token(folder, folder.token(), waits)
    assert [5.0] == waits.waited
