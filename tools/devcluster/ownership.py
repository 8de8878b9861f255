"""Tells whether a recorded process id is still the process that was recorded.

Process ids are used again, after a reboot at once. A process is the same when the boot and its start time in that
boot are; the signal goes through a process descriptor, which stays with the process that was checked.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

_PROC: Final = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    """A process for all times: `started` is in clock ticks since the boot named `boot` (proc(5), field starttime)."""

    pid: int
    started: int
    boot: str

    @classmethod
    def of(cls, pid: int, proc: Path = _PROC) -> Self:
        """The process that has this id now. Raises ProcessLookupError when there is none."""
        try:
            stat = (proc / str(pid) / "stat").read_text()
            boot = (proc / "sys/kernel/random/boot_id").read_text().strip()
        except (FileNotFoundError, ProcessLookupError) as error:
            raise ProcessLookupError(f"no process {pid}") from error
        return cls(pid, start_time(stat), boot)

    def alive(self) -> bool:
        """Return whether this very process still runs (a zombie does not)."""
        with self._descriptor() as descriptor:
            return descriptor is not None and not _ended(descriptor, 0)

    def end(self, *, grace: float = 10.0) -> None:
        """SIGTERM, and SIGKILL after `grace` seconds; nothing when this very process has ended already."""
        with self._descriptor() as descriptor:
            if descriptor is None:
                return
            for sig in (signal.SIGTERM, signal.SIGKILL):
                try:
                    signal.pidfd_send_signal(descriptor, sig)
                except ProcessLookupError:
                    return
                if _ended(descriptor, grace):
                    return

    @contextmanager
    def _descriptor(self) -> Iterator[int | None]:
        """A descriptor of this very process: opened first, compared after, so that the id cannot change hands."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            yield None
            return
        try:
            yield descriptor if self._is_current() else None
        finally:
            os.close(descriptor)

    def _is_current(self) -> bool:
        try:
            return Process.of(self.pid) == self
        except ProcessLookupError:
            return False


def start_time(stat: str) -> int:
    """Field 22 of /proc/PID/stat. The name in field 2 may hold spaces and parentheses: count behind its last one."""
    return int(stat.rpartition(")")[2].split()[19])


def _ended(descriptor: int, timeout: float) -> bool:
    poll = select.poll()  # select() refuses descriptors from 1024 on
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(timeout * 1000))
