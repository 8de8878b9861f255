"""The commands of docs/troubleshooting.md do what it says, typed as they stand there."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support.controlplane import ControlPlane, Kubectl
from support.documents import blocks, page, section
from support.terminal import Terminal
from support.world import World

PAGE = page("docs/troubleshooting.md")


@pytest.fixture
def terminal(control_plane: ControlPlane, kubectl: Kubectl, world: World, tmp_path: Path) -> Terminal:
    kubeconfig = tmp_path / "kubeconfig"
    shutil.copy(control_plane.kubeconfig, kubeconfig)
    own = Kubectl(control_plane, kubeconfig)
    own("config", "set-context", "--current", "--namespace", world.namespace)
    folder = kubectl.control_plane.kubectl.parent
    path = f"{folder}:{os.environ['PATH']}"
    return Terminal(PAGE, {**control_plane.environment, "KUBECONFIG": str(kubeconfig), "PATH": path})


def test_a_person_logs_in(world: World, terminal: Terminal) -> None:
    world.operator()
    app = world.alpha(mode="Manual")
    world.wait("LoginRequired")
    request_token = world.sandbox.request_token("AB1234", app.api_key)
    printed = terminal.type_in("Log in by hand", stdin=f"{request_token}\n")
    assert f"https://kite.zerodha.com/connect/login?v=3&api_key={app.api_key}" == printed.splitlines()[0]
    assert "condition met" in printed
    assert request_token not in printed
    assert "AB1234" == (world.target() or {})["user_id"]


def test_a_block_is_acknowledged(world: World, terminal: Terminal) -> None:
    world.operator()
    _, account = world.broker()
    app = world.sandbox.add_app("", redirect_url="https://alpha.example/callback")
    world.sources(app, account, password="made-up-and-wrong")
    world.credential()
    world.wait("PasswordRejected")
    assert world.status()["blockID"] in terminal.type_in("Acknowledge a block")
    world.until(lambda: "Unblocked" in world.events(), "the acknowledgement is honoured")


def test_a_refresh_is_forced(world: World, terminal: Terminal) -> None:
    world.operator()
    world.alpha()
    world.wait("SessionActive")
    terminal.type_in("Force a refresh")
    world.until(lambda: "Republished" in world.events(), "the token is published anew")
    assert 1 == world.sandbox.counters("AB1234").count("login")


def test_a_credential_is_stopped(world: World, terminal: Terminal) -> None:
    world.operator()
    world.alpha()
    world.wait("SessionActive")
    token = world.token()
    terminal.type_in("Stop everything")
    world.wait("Suspended")
    assert token == world.token()


def test_a_password_is_corrected(world: World, terminal: Terminal) -> None:
    world.alpha()
    terminal.type_in("PasswordRejected", stdin="made up and new\n")
    secret = world.target("alpha-login") or {}
    assert "made up and new" == secret["password"]
    assert secret["totp_secret"]


def test_an_app_secret_is_written_anew(world: World, terminal: Terminal) -> None:
    world.alpha()
    terminal.type_in(
        "AppSecretRejected",
        stdin="madeupkey0000009\nmadeupsecret00000000000000000009\n",
    )
    written = {"api_key": "madeupkey0000009", "api_secret": "madeupsecret00000000000000000009"}
    assert written == world.target("alpha-app")


def test_the_record_of_attempts_is_shown(world: World, terminal: Terminal) -> None:
    world.operator()
    world.alpha()
    world.wait("SessionActive")
    title = "AttemptBudgetExhausted"
    shown = blocks(section(PAGE, title), "console")[0]
    assert "kite-account-<client>" in shown
    text = shown.removeprefix("$ ").replace("<client>", "ab1234").replace("kite-operator get", f"{world.namespace} get")
    done = subprocess.run(  # noqa: S603 - the project's own documentation
        ["/bin/bash", "-c", text], env=terminal.environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert '"client_id":"AB1234"' in done.stdout
