"""The sandbox and the operator as processes, and the clock that both live by.

A devcluster supervisor holds them: they end with the demo however it ends, unless they were handed over (`detach`). The
operator is the test entry point `python -m support.movable`, the only one whose clock can be moved.
"""

import json
import os
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from demo.errors import NotVerified
from demo.sample import Sample
from demo.screen import Screen
from devcluster.ports import free_ports
from devcluster.supervised import Program, Supervised

ROOT: Final = Path(__file__).resolve().parents[2]
ACCOUNT_NAMESPACE: Final = "kite-operator"
_START_SECONDS: Final = 30.0
_REQUEST_SECONDS: Final = 10.0
_STOP_SECONDS: Final = 20.0
_LAST_LINES: Final = 15


def get(url: str) -> tuple[int, str]:
    """Status and text of a server on loopback; status 0 when it does not answer."""
    try:
        with urllib.request.urlopen(url, timeout=_REQUEST_SECONDS) as answer:  # noqa: S310 - an address of our own
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def own_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Ours without settings of another operator or cluster, and without proxies, which are not for loopback."""
    proxies = {"http_proxy", "https_proxy", "all_proxy"}
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith("KITE_") and name.lower() not in proxies
    }


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running sandbox's addresses."""

    api_url: str
    login_url: str
    admin_url: str

    def admin(self, method: str, path: str, body: object = None) -> Any:
        """One call of the admin API; NotVerified when it is refused."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.admin_url}{path}", data, headers, method=method)  # noqa: S310 - ours
        try:
            with urllib.request.urlopen(request, timeout=_REQUEST_SECONDS) as answer:  # noqa: S310 - an address of our own
                return json.loads(answer.read())
        except urllib.error.URLError as error:
            raise NotVerified(f"the sandbox refused {method} {path}: {error.reason}") from error


@dataclass(frozen=True, slots=True)
class Clock:
    """The time that sandbox and operator share, so that codes stay valid: real time plus an offset."""

    file: Path
    sandbox: Sandbox

    def move_to(self, moment: datetime) -> None:
        """Make it `moment` (aware) for both now; from there time runs on."""
        offset = (moment - datetime.now(UTC)).total_seconds()
        self.sandbox.admin("PUT", "/admin/clock", {"offset_seconds": offset})
        fresh = self.file.with_suffix(".new")
        fresh.write_text(str(offset))
        fresh.replace(self.file)

    def now(self) -> datetime:
        """The shared time, as the sandbox tells it."""
        return datetime.fromisoformat(self.sandbox.admin("GET", "/admin/clock")["now"])


class Actors:
    """Starts and ends both processes. All their files are in `folder`, which goes with them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.operator_log = folder / "operator.log"
        self.operator_url = ""
        self._sandbox_log = folder / "sandbox.log"
        self._supervised = Supervised(remove=folder, log=folder / "supervisor.log")

    @property
    def supervisor_pid(self) -> int:
        """The process whose end ends both."""
        return self._supervised.pid

    @property
    def processes(self) -> Mapping[str, int]:
        """Return what runs, by process id."""
        return self._supervised.poll().running

    def start_sandbox(self, sample: Sample, screen: Screen) -> tuple[Sandbox, Clock]:
        """The sandbox with the sample's app and account, and its clock; the seed file is readable by us alone."""
        seed, ready = self.folder / "seed.json", self.folder / "ready.json"
        seed.touch(mode=0o600)
        seed.write_text(json.dumps(sample.sandbox_seed()))
        command = [sys.executable, "-m", "kite_sandbox", "--seed", str(seed), "--ready-file", str(ready)]
        self._start("sandbox", command, self._sandbox_log, {})

        def urls() -> dict[str, str] | None:
            self.require_running("sandbox", self._sandbox_log)
            return json.loads(ready.read_text()) if ready.exists() else None

        sandbox = Sandbox(**screen.wait("the sandbox to listen", urls, seconds=_START_SECONDS))
        seed.unlink()
        return sandbox, Clock(self.folder / "clock", sandbox)

    def start_operator(self, kubeconfig: Path, clock: Clock, screen: Screen) -> str:
        """Start the operator and wait until it has listed everything; the words of its /readyz."""
        (port,) = free_ports(1)
        self.operator_url = f"http://127.0.0.1:{port}"
        command = [
            *(sys.executable, "-m", "support.movable", "run"),
            *("--kubeconfig", str(kubeconfig), "--account-namespace", ACCOUNT_NAMESPACE),
            *("--api-url", clock.sandbox.api_url, "--login-url", clock.sandbox.login_url),
            *("--listen", f"127.0.0.1:{port}"),
        ]
        variables = {
            "PYTHONPATH": str(ROOT / "tests"),
            "MOVABLE_CLOCK": str(clock.file),
            "TMPDIR": str(self.folder),  # the Kubernetes client writes the kubeconfig's keys to temporary files
        }
        self._start("operator", command, self.operator_log, variables)

        def ready() -> str | None:
            self.require_running("operator")
            status, text = get(f"{self.operator_url}/readyz")
            return text.strip() if status == 200 else None  # noqa: PLR2004 - HTTP's OK

        return screen.wait("the operator to be ready", ready, seconds=_START_SECONDS)

    def require_running(self, name: str, log: Path | None = None) -> None:
        """NotVerified when the process has ended by itself, with the end of `log` where one is given."""
        code = self._supervised.poll().exited.get(name)
        if code is not None:
            told = last_lines(log) if log is not None else ""
            raise NotVerified(f"the {name} has ended with exit code {code}\n{told}".rstrip())

    def stop(self, name: str) -> int:
        """SIGTERM to one of the two, and its exit code."""
        return self._supervised.stop(name, sig=signal.SIGTERM, grace=_STOP_SECONDS)

    def detach(self) -> None:
        """Leave both running; from now on a SIGTERM to `supervisor_pid` ends them."""
        self._supervised.detach()

    def close(self) -> None:
        """End what still runs and remove the folder. May be called again; does nothing after `detach`."""
        self._supervised.close()

    def _start(self, name: str, command: list[str], log: Path, variables: Mapping[str, str]) -> None:
        environment = {**own_environment(os.environ), **variables}
        self._supervised.start(Program(name, command, log, environment, ROOT))


def last_lines(log: Path) -> str:
    """The end of a log."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text(errors="replace").splitlines()[-_LAST_LINES:])
