"""Operators without the second of imports that each start costs: forked from one process that has done them.

The forked process is the operator all the same: its own memory, its own environment, killed and stopped by signals.
What only a new interpreter shows (its imports, its command line) is for the tests of images, of nodes and of the demo.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_PRELOADED = "kite_operator.__main__"


class ForkedProcess:
    """What a test asks of a `subprocess.Popen`, of a process that was forked."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        """Start `python -m support.movable` with these arguments; what it writes goes to `log`."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([_PRELOADED])
        log.touch()  # whoever reads it need not wait for the process to open it
        given = (list(arguments), dict(environment), str(log))
        self._process = context.Process(target=_run, args=given, daemon=True)  # ended with the tests at the latest
        self._process.start()

    @property
    def pid(self) -> int:
        return int(self._process.ident or 0)

    @property
    def returncode(self) -> int | None:
        """The exit code or the negative signal, None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float) -> int:
        """The exit code; subprocess.TimeoutExpired when it still runs after `timeout` seconds."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("support.movable", timeout)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _run(arguments: list[str], environment: dict[str, str], log: str) -> None:
    """Be the operator: in the forked process."""
    with open(log, "ab", buffering=0) as output:  # noqa: PTH123 - a descriptor
        for standard in (1, 2):
            os.dup2(output.fileno(), standard)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.argv = ["support.movable", *arguments]
    from support import movable  # noqa: PLC0415 - in the new process: the tests' own needs nothing of it

    try:
        code = movable.main()
    except Exception:  # noqa: BLE001 - as an interpreter does at its end, by the operator's own hook
        sys.excepthook(*sys.exc_info())
        code = 1
    sys.exit(code)
