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
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kite_operator.__main__ import parse, serve
from kite_operator.audit_log import set_up_audit
from kite_operator.clock import LONGEST_SLEEP_SECONDS, SystemClock
from kite_operator.logs import set_up_hooks, set_up_logging
from kite_operator.model.resource import Credential

_LOOK_SECONDS = 0.02


class MovableClock(SystemClock):
    """The machine's clocks; the wall clock is moved by what the file says, and a sleep ends when it is moved."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def now(self) -> datetime:
        said = self._said()
        if said.startswith("@"):
            return datetime.fromtimestamp(float(said[1:]), UTC)
        return datetime.now(UTC) + timedelta(seconds=float(said))

    def boottime(self) -> float:
        """The machine's own, and the seconds that the test says it was suspended for."""
        suspended = self._file.with_suffix(".boot")
        return super().boottime() + (float(suspended.read_text()) if suspended.exists() else 0.0)

    async def sleep(self, seconds: float) -> None:
        before = self._said()
        end = self.boottime() + min(max(seconds, 0.0), LONGEST_SLEEP_SECONDS)
        while (left := end - self.boottime()) > 0 and self._said() == before:  # noqa: ASYNC110 - a file tells nobody
            await asyncio.sleep(min(left, _LOOK_SECONDS))

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
