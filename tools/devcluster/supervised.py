"""The owner's side of the supervisor: start it, and ask it to start, stop and watch components."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from devcluster import supervisor
from devcluster.errors import DevclusterError


@dataclass(frozen=True, slots=True)
class Program:
    """One process to hold: `log` receives what it writes; `environment` None means this process's own."""

    name: str
    argv: Sequence[str]
    log: Path
    environment: Mapping[str, str] | None = None
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The running programs by pid, and the exit codes of those that ended (negative: by that signal)."""

    running: Mapping[str, int]
    exited: Mapping[str, int]


class Supervised:
    """A supervisor process and what it holds; everything ends with `close`, or with this process.

    `remove`: a folder that the supervisor deletes at its very end, however that end comes; `remove_cgroups`: control
    groups that it removes before, with the groups in them.
    """

    def __init__(
        self, *, remove: Path | None = None, remove_cgroups: Sequence[Path] = (), log: Path | None = None
    ) -> None:
        removal = [] if remove is None else ["--remove", str(remove)]
        removal += [f"--remove-cgroup={each}" for each in remove_cgroups]
        with (log or Path(os.devnull)).open("ab") as errors:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter and this package's own file
                [sys.executable, "-I", "-S", supervisor.__file__, "--owner", str(os.getpid()), *removal],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,  # a Ctrl-C in the terminal reaches the owner alone
            )
        self._lock = threading.Lock()
        self._detached = False

    @property
    def pid(self) -> int:
        """The supervisor's own process id."""
        return self._process.pid

    def start(self, program: Program) -> int:
        """Start a program and return its process id."""
        request = {"name": program.name, "argv": list(program.argv), "log": str(program.log)}
        environment = None if program.environment is None else dict(program.environment)
        folder = None if program.folder is None else str(program.folder)
        return int(self._ask("start", **request, env=environment, cwd=folder)["pid"])

    def stop(self, name: str, *, sig: int = signal.SIGTERM, grace: float = 5.0) -> int:
        """Signal a program, wait `grace` seconds for its end (then SIGKILL), and return its exit code."""
        return int(self._ask("stop", name=name, signal=int(sig), grace=grace)["code"])

    def poll(self) -> Snapshot:
        """Return what runs and what has ended."""
        answer = self._ask("poll")
        return Snapshot(running=answer["running"], exited=answer["exited"])

    def detach(self) -> None:
        """Let everything outlive this process; only the supervisor's own pid can end it from now on."""
        self._ask("detach")
        self._detached = True
        self._release()

    def close(self) -> None:
        """End every program, then the supervisor. May be called again; does nothing after `detach`."""
        if self._detached:
            return
        self._release()  # the end of its standard input is the supervisor's order to end everything
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _release(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):  # a request that an ended supervisor never read
                    stream.close()

    def _ask(self, operation: str, **arguments: Any) -> dict[str, Any]:
        requests, answers = self._process.stdin, self._process.stdout
        if requests is None or answers is None or requests.closed:
            raise DevclusterError("the processes were handed over or stopped already")
        try:
            with self._lock:
                requests.write(json.dumps({"op": operation, **arguments}).encode() + b"\n")
                requests.flush()
                line = answers.readline()
        except BrokenPipeError:
            line = b""
        if not line:
            raise DevclusterError("the process that holds the components has ended; start again")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise DevclusterError(f"{operation} {arguments.get('name', '')}: {answer['error']}")
        return answer
