"""`make demo` as people run it: it ends by itself, verified and clean; so does a failed, interrupted or killed one."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from demo.__main__ import SAMPLE
from demo.sample import Sample
from support.controlplane import eventually

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.usefixtures("control_plane"),  # its programs are there: no Go build within a test's time
]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where a demo keeps all its files: by this path its processes are known."""
    place = tmp_path / "demo"
    place.mkdir()
    yield place
    for pid in processes_of(place):
        os.kill(pid, signal.SIGKILL)


def processes_of(folder: Path) -> Mapping[int, str]:
    """The processes that were started with a path in the folder, and their command lines."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in command:
            found[int(path.parent.name)] = command
    return found


@contextmanager
def demo(folder: Path, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """A running demo in a process group of its own, as in a terminal; killed if it does not end by itself."""
    with subprocess.Popen(  # noqa: S603 - our own interpreter and module, no shell
        [sys.executable, "-m", "demo", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests"), "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: "subprocess.Popen[str]", start: str) -> None:
    assert process.stdout is not None
    assert any(line.startswith(start) for line in process.stdout), f"no line {start!r}"


def finished(folder: Path, *arguments: str) -> tuple[int, str]:
    with demo(folder, *arguments) as process:
        output, _ = process.communicate()
    return process.returncode, output


def secrets_of_the_sample() -> list[str]:
    sample = Sample.read(SAMPLE)
    values = [sample.api_key, sample.api_secret, sample.password, sample.totp_secret]
    return [*(value.reveal() for value in values), sample.totp_secret.reveal().replace(" ", "")]


def assert_no_secret_in(output: str) -> None:
    assert [] == [secret for secret in secrets_of_the_sample() if secret in output]
    assert [] == re.findall(r"(?<![A-Za-z0-9])[A-Za-z0-9]{32}(?![A-Za-z0-9])", output)  # as tokens look


def assert_nothing_is_left(folder: Path) -> None:
    assert {} == processes_of(folder)
    assert [] == list(folder.iterdir())


def test_the_demo_verifies_every_step_and_leaves_nothing(folder: Path) -> None:
    code, output = finished(folder)

    assert code == 0, output
    titles = re.findall(r"^ ?(\d+)\. ", output, re.MULTILINE)
    assert [str(number) for number in range(1, 14)] == titles
    assert len(titles) == output.count("✓")
    rows = [line.split() for line in output.splitlines() if line.split()[:1] == ["bravo"]]
    assert [("True", "SessionActive"), ("False", "TokenExpired"), ("True", "SessionActive")] == [
        (row[1], row[-2]) for row in rows
    ]
    assert re.search(r"access_token +\*{8} +\(\d+ bytes\)", output)
    assert 'kite_credential_ready{name="bravo",namespace="trading"} 1.0' in output
    assert "user_id: CD5678" in output
    assert 2 == len(re.findall(r"Normal +Refreshed", output))
    assert re.search(r"Every step was verified, in [\d.]+ seconds", output)
    assert "\x1b" not in output
    assert_no_secret_in(output)
    assert_nothing_is_left(folder)


def test_a_failed_step_is_named_with_its_cause_and_the_operators_log(folder: Path, tmp_path: Path) -> None:
    suspended = tmp_path / "suspended.yaml"
    suspended.write_text(SAMPLE.read_text().replace("\nspec:\n", "\nspec:\n  suspend: true\n"))

    code, output = finished(folder, "--sample", str(suspended))

    assert code == 1, output
    assert "✗ step 6 of 13 failed: Wait until the operator has logged in by itself" in output
    assert "Suspended: " in output
    assert "The last lines of the operator's log:" in output
    assert_no_secret_in(output)
    assert {} == processes_of(folder)
    (log,) = folder.iterdir()
    assert str(log) in output


def test_control_c_ends_everything(folder: Path) -> None:
    with demo(folder) as process:
        read_until(process, " 6. ")
        os.killpg(process.pid, signal.SIGINT)
        output, _ = process.communicate()
    assert 130 == process.returncode
    assert "interrupted; everything that was started has been stopped" in output
    assert "Traceback" not in output
    assert_nothing_is_left(folder)


def test_kill_9_leaves_nothing(folder: Path) -> None:
    with demo(folder) as process:
        read_until(process, " 7. ")
        assert any("support.movable" in command for command in processes_of(folder).values())
        process.kill()
        process.wait()
    eventually(lambda: not processes_of(folder), "the end of all that the demo had started")
    assert_nothing_is_left(folder)


def test_what_is_kept_can_be_poked_at_as_printed(folder: Path) -> None:
    code, output = finished(folder, "--keep")
    assert code == 0, output
    assert_no_secret_in(output)
    setup, look, kill_token, break_password, move, end = pasted(output)

    assert "SessionActive" in shell(setup, look)
    before = last_refresh(setup)
    shell(setup, kill_token)
    eventually(lambda: last_refresh(setup) != before, "a login after the token was killed", within=60)
    shell(setup, break_password)
    eventually(lambda: "PasswordRejected" in table(setup), "the refusal of a changed password", within=60)
    shell(setup, move)
    assert "PasswordRejected" in table(setup)

    shell(end)
    eventually(lambda: not processes_of(folder), "the end of all that was kept")
    assert_nothing_is_left(folder)


def pasted(output: str) -> list[str]:
    """The blocks of commands that a person is told to paste."""
    _, _, told = output.partition("How to poke at it, in this shell:\n")
    text = "\n".join(line.removeprefix("    ") for line in told.strip("\n").splitlines())
    return text.split("\n\n")


def shell(*blocks: str) -> str:
    return subprocess.run(  # noqa: S603 - what the demo printed
        ["/bin/bash", "-euc", "\n".join(blocks)], capture_output=True, text=True, check=True, timeout=60
    ).stdout


def table(setup: str) -> str:
    return shell(setup, "kubectl get kitecredentials --namespace trading")


def last_refresh(setup: str) -> str:
    return shell(setup, "kubectl get kitecredential bravo --namespace trading -o jsonpath={.status.lastRefreshTime}")
