"""The operator with a clock that can be moved and a point at which it dies: the only place where either exists.

`python -m support.movable run …` is `python -m kite_operator run …`, composed with

- the clock of the file named by MOVABLE_CLOCK: seconds to add to the machine's wall clock, read anew at every look; or
  after an @ the Unix time at which it stands still
  (and of a file beside it that ends in .boot: seconds to add to boot-time, for a machine that was suspended);
- DIE_AT: a named point of a refresh at which the process kills itself with SIGKILL, like an out-of-memory killer;
- STOP_AT: a named point at which it stops itself with SIGSTOP, like a frozen machine.
"""

import asyncio
import os
import signal
import sys
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kite_operator.__main__ import parse, serve
from kite_operator.audit_log import set_up_audit
from kite_operator.clock import LONGEST_SLEEP_SECONDS, SystemClock
from kite_operator.logs import set_up_hooks, set_up_logging
from kite_operator.model.resource import Credential

_LOOK_SECONDS = 0.02


class MovableClock(SystemClock):
    """The machine's clocks; the wall clock is moved by what the file says, and a sleep ends when it is moved.

    It ends as well when the clock was moved between the task's question for the time and its sleep: the sleep was
    reckoned from a time that is not any more.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        # What the file said when this task asked last; shared with the task of a `wait_for`, which sleeps for it.
        self._known: ContextVar[list[str]] = ContextVar("known")

    def now(self) -> datetime:
        said = self._said()
        self._known.set([said])
        if said.startswith("@"):
            return datetime.fromtimestamp(float(said[1:]), UTC)
        return datetime.now(UTC) + timedelta(seconds=float(said))

    def boottime(self) -> float:
        """The machine's own, and the seconds that the test says it was suspended for."""
        suspended = self._file.with_suffix(".boot")
        return super().boottime() + (float(suspended.read_text()) if suspended.exists() else 0.0)

    async def sleep(self, seconds: float) -> None:
        known = self._known.get([self._said()])
        end = self.boottime() + min(max(seconds, 0.0), LONGEST_SLEEP_SECONDS)
        while (left := end - self.boottime()) > 0 and self._said() == known[0]:  # noqa: ASYNC110 - a file tells nobody
            await asyncio.sleep(min(left, _LOOK_SECONDS))
        known[0] = self._said()

    def _said(self) -> str:
        return self._file.read_text() or "0"


async def break_off(point: str, credential: Credential) -> None:
    """Die or freeze where the environment says; `DIE_AT` may be `point@name` for one credential only."""
    for variable, number in (("DIE_AT", signal.SIGKILL), ("STOP_AT", signal.SIGSTOP)):
        wanted, _, name = os.environ.get(variable, "").partition("@")
        if wanted == point and name in ("", credential.key.name):
            os.kill(os.getpid(), number)


def main() -> int:
    settings = parse(sys.argv[1:])
    set_up_logging(settings.log_level, settings.log_format)
    set_up_hooks()
    set_up_audit(settings.audit_log)
    asyncio.run(serve(settings, MovableClock(Path(os.environ["MOVABLE_CLOCK"])), break_off))
    return 0


if __name__ == "__main__":
    sys.exit(main())
