"""A running operator as a test holds it: a real process, killed like one."""

import os
import signal
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Self

from support.controlplane import state_of
from support.forked import ForkedProcess
from support.ports import free_port
from support.sandbox import START, Sandbox

ROOT = Path(__file__).resolve().parents[2]
_PATIENCE_SECONDS = 30.0
_IDLE_SECONDS = 3.0
_UNDER_WAY = ("kite_operator_queue_depth ", "kite_operator_busy_workers ")


@dataclass(slots=True)
class TestClock:
    """The wall clock that operator and sandbox share: moved together, so that codes stay valid.

    It is moved when no operator is in the middle of a reconcile: what that has measured before and writes after would
    belong to two times. One that is held up by the broker is waited for in vain, but not for long.
    """

    __test__ = False
    file: Path
    sandbox: Sandbox
    offset: float = 0.0
    operators: list["OperatorProcess"] = field(default_factory=list)

    @classmethod
    def at_start(cls, sandbox: Sandbox, folder: Path) -> Self:
        """A clock whose file is in `folder`, at START for whoever goes by it."""
        made = cls(folder / "clock", sandbox)
        made.set_offset(START.timestamp() - time.time())
        return made

    def move(self, seconds: float) -> None:
        """Set both clocks forward by `seconds` more."""
        self.set_offset(self.offset + seconds)

    def suspend(self, seconds: float) -> None:
        """The machine sleeps: wall clock and boot-time both go on."""
        boot = self.file.with_suffix(".boot")
        _replace(boot, str(float(boot.read_text() if boot.exists() else 0) + seconds))
        self.move(seconds)

    def set_offset(self, seconds: float) -> None:
        self.wait_until_idle()
        self.offset = seconds
        self.sandbox.set_offset(seconds)
        _replace(self.file, str(seconds))

    def stand_still(self, at: datetime) -> None:
        """Both clocks stop at `at` (aware): what rests until later rests for as long as the test takes to look."""
        self.wait_until_idle()
        self.sandbox.set_now(at, frozen=True)
        _replace(self.file, f"@{at.timestamp()}")

    def now(self) -> float:
        """The moved time in Unix seconds."""
        return time.time() + self.offset

    def wait_until_idle(self) -> None:
        """Until no operator is in a reconcile; but not for long, as one may be held up by the broker."""
        deadline = time.monotonic() + _IDLE_SECONDS
        while time.monotonic() < deadline and not all(each.is_idle() for each in self.operators):
            time.sleep(0.02)


def _replace(file: Path, text: str) -> None:
    """Write it in one piece: an operator reads the file at any moment."""
    fresh = file.with_name(f"{file.name}.new")
    fresh.write_text(text)
    fresh.rename(file)


@dataclass(slots=True)
class OperatorProcess:
    """`start()` returns when /readyz says so; what it logs goes to `log`."""

    process: ForkedProcess
    port: int
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def start(
        cls, kubeconfig: Path, clock: TestClock, log: Path, *arguments: str, wait: bool = True, **environment: str
    ) -> Self:
        """Run the operator against `kubeconfig` and the clock's sandbox; `environment` is added (DIE_AT, STOP_AT)."""
        port = free_port()
        command = [
            *("run", "--kubeconfig", str(kubeconfig), "--account-namespace", "kite-operator"),
            *("--api-url", clock.sandbox.api_url, "--login-url", clock.sandbox.login_url),
            *("--listen", f"127.0.0.1:{port}", "--log-level", "debug", *arguments),
        ]
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("KITE_")}
        variables = {
            **inherited,
            "MOVABLE_CLOCK": str(clock.file),
            "TZ": "America/New_York",
            **environment,
        }
        started = cls(ForkedProcess(command, variables, log), port, log, environment)
        clock.operators.append(started)
        if wait:
            started.wait_ready()
        return started

    def wait_ready(self) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(
                    f"the operator ended with {self.process.returncode}:\n{self.log.read_text()[-4000:]}"
                )
            if self.get("/readyz")[0] == 200:
                return
            time.sleep(0.05)
        raise AssertionError(f"the operator is not ready:\n{self.log.read_text()[-4000:]}")

    def get(self, path: str) -> tuple[int, str]:
        """Status and text of the operator's own web server; status 0 when it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def metric(self, sample: str) -> float | None:
        """The value of one sample line, named with its labels as exposed."""
        for line in self.get("/metrics")[1].splitlines():
            name, _, value = line.rpartition(" ")
            if name == sample:
                return float(value)
        return None

    def is_idle(self) -> bool:
        """Whether no credential is due or being worked on; so is what has ended, is frozen or does not answer."""
        if self.process.poll() is not None or self.is_frozen():
            return True
        lines = self.get("/metrics")[1].splitlines()
        return not any(line.startswith(_UNDER_WAY) and not line.endswith(" 0.0") for line in lines)

    def is_frozen(self) -> bool:
        """Whether it was stopped by a signal."""
        return state_of(self.process.pid) == "T"

    def wait_dead(self) -> int:
        """Wait for a process that kills itself; returns its (negative) signal."""
        return self.process.wait(timeout=_PATIENCE_SECONDS)

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        return self.process.wait(timeout=_PATIENCE_SECONDS)

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait(timeout=_PATIENCE_SECONDS)
