"""The process that holds the components, so that none of them outlives the program that wanted them.

It runs as a file of its own (``python -I -S supervisor.py``), on the standard library alone: it starts in a few
milliseconds and has a single thread, which makes both of its ties safe.

- To its components: each one asks the kernel for SIGKILL when its parent dies (PR_SET_PDEATHSIG). That signal is tied
  to the *thread* that forked; a test runner's worker thread may end long before its process, this program's only
  thread cannot.
- To its owner: the end of standard input, or the death of the owner's process, ends everything. The owner's death is
  also watched by a process descriptor because another child of the owner may have inherited the writing end of the
  pipe.

Requests come as JSON lines on standard input and are answered one by one on standard output:

    {"op": "start", "name": N, "argv": [...], "log": PATH, "env": {...}, "cwd": PATH}   -> {"pid": P}
    {"op": "stop", "name": N, "signal": S, "grace": SECONDS}                            -> {"code": C}
    {"op": "poll"}                                              -> {"running": {N: P}, "exited": {N: C}}
    {"op": "detach"}                                            -> {}    from now on the owner may go

A request that fails is answered with {"error": TEXT}.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import select
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

_PR_SET_PDEATHSIG: Final = 1
_GRACE: Final = 5.0
_REMOVAL_SECONDS: Final = 20.0
_REMOVAL_POLL_SECONDS: Final = 0.05
_LIBC: Final = ctypes.CDLL(None, use_errno=True)

Message = dict[str, Any]


def die_with_parent(parent: int, sig: int = signal.SIGKILL) -> None:
    """Ask the kernel to send `sig` to this process when the thread that forked it ends; called between fork and exec.

    `parent` is the expected parent: when it is gone already, the signal would never come, so the process ends at once.
    """
    _LIBC.prctl(_PR_SET_PDEATHSIG, sig, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


class Holder:
    """The components, in the order in which they were started."""

    def __init__(self) -> None:
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, request: Message) -> Message:
        """Start one component in a process group of its own, its output appended to its log."""
        name = request["name"]
        if name in self._processes and self._processes[name].poll() is None:
            raise ValueError(f"{name} is running already")
        me = os.getpid()
        with Path(request["log"]).open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - the owner names the programs; no shell is involved
                request["argv"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=request.get("env"),
                cwd=request.get("cwd"),
                process_group=0,
                preexec_fn=lambda: die_with_parent(me),  # noqa: PLW1509 - safe: this program has one thread
            )
        self._processes.pop(name, None)
        self._processes[name] = process
        return {"pid": process.pid}

    def stop(self, request: Message) -> Message:
        """Signal one component's process group and wait for its end."""
        process = self._processes[request["name"]]
        _end(process, request.get("signal", signal.SIGTERM), request.get("grace", _GRACE))
        return {"code": process.returncode}

    def poll(self, _: Message) -> Message:
        """Return which components run, and how the others ended."""
        codes = {name: process.poll() for name, process in self._processes.items()}
        running = {name: self._processes[name].pid for name, code in codes.items() if code is None}
        return {"running": running, "exited": {name: code for name, code in codes.items() if code is not None}}

    def stop_all(self, sig: int) -> None:
        """End every component, the last started first: nobody loses its server before itself."""
        for process in reversed(self._processes.values()):
            _end(process, sig, _GRACE)


def _end(process: subprocess.Popen[bytes], sig: int, grace: float) -> None:
    """Signal the group of a process that has not been waited for, then make sure of it."""
    if process.poll() is not None:
        return
    os.killpg(process.pid, sig)
    if not _ends_within(grace, process.pid):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _ends_within(seconds: float, pid: int) -> bool:
    """Wait for the end of a process of ours; False when it still runs after so long."""
    descriptor = os.pidfd_open(pid)
    try:
        ends = select.poll()
        ends.register(descriptor, select.POLLIN)
        return bool(ends.poll(seconds * 1000))
    finally:
        os.close(descriptor)


def remove(folder: Path | None, cgroups: Sequence[Path]) -> None:
    """Remove what the components used; what ended with a namespace may need a moment more to be gone."""
    deadline = time.monotonic() + _REMOVAL_SECONDS
    while True:
        for each in cgroups:
            _remove_cgroup(each)
        if not any(each.exists() for each in cgroups) or time.monotonic() > deadline:
            break
        time.sleep(_REMOVAL_POLL_SECONDS)
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_cgroup(cgroup: Path) -> None:
    """Groups are removed from the innermost outwards; their files go with them, and one with a process in it stays."""
    for folder, _, _ in os.walk(cgroup, topdown=False):
        with contextlib.suppress(OSError):
            Path(folder).rmdir()


class Supervisor:
    """The loop: requests, the owner's death and SIGTERM are its events."""

    def __init__(self, owner: int) -> None:
        self._holder = Holder()
        self._selector = selectors.DefaultSelector()
        self._wakeup, wakeup_write = os.pipe()
        os.set_blocking(wakeup_write, False)
        signal.set_wakeup_fd(wakeup_write)
        signal.signal(signal.SIGTERM, lambda *_: None)  # the wakeup descriptor carries it
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is the owner's to handle
        os.set_blocking(0, False)
        self._pending = b""
        self._ended = False
        self._owner = os.pidfd_open(owner)
        for descriptor in (0, self._wakeup, self._owner):
            self._selector.register(descriptor, selectors.EVENT_READ)

    def run(self) -> None:
        """Serve until the end of standard input, SIGTERM, or the owner's end; then stop every component."""
        try:
            while not self._ended:
                for key, _ in self._selector.select():
                    if key.fd == 0:
                        self._read()
                    else:
                        self._ended = True
        finally:
            # What is held is throwaway: nobody waits for an orderly end of a server whose data goes with it.
            self._holder.stop_all(signal.SIGKILL)

    def _read(self) -> None:
        received = os.read(0, 65536)
        if not received:
            self._ended = True
            return
        *lines, self._pending = (self._pending + received).split(b"\n")
        for line in lines:
            self._answer(json.loads(line))

    def _answer(self, request: Message) -> None:
        try:
            answer = self._handle(request)
        except (KeyError, OSError, ValueError, subprocess.SubprocessError) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        try:
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            self._ended = True

    def _handle(self, request: Message) -> Message:
        operation = request["op"]
        if operation == "detach":
            self._selector.unregister(0)
            self._selector.unregister(self._owner)
            return {}
        operations = {"start": self._holder.start, "stop": self._holder.stop, "poll": self._holder.poll}
        return operations[operation](request)


def main() -> None:
    """Hold components for the process `--owner`; remove `--remove-cgroup` and the folder `--remove` at the end."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--owner", type=int, required=True)
    parser.add_argument("--remove", type=Path)
    parser.add_argument("--remove-cgroup", type=Path, action="append", default=[])
    arguments = parser.parse_args()
    try:
        Supervisor(arguments.owner).run()
    finally:
        remove(arguments.remove, arguments.remove_cgroup)


if __name__ == "__main__":
    main()
