"""The dates, and what is run on each."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

INDIA: Final = ZoneInfo("Asia/Kolkata")
_PATCHED: Final = Path(__file__).with_name("patched")


@dataclass(frozen=True, slots=True)
class Moment:
    """A date and time of India on which the tests are tried, and the zone that the machine is in."""

    what: str
    at: str
    zone: str = "Etc/UTC"

    @property
    def time(self) -> datetime:
        """The same as an aware time."""
        return datetime.fromisoformat(self.at).replace(tzinfo=INDIA)


MOMENTS: Final = (
    Moment("a Sunday", "2026-11-29T12:00"),
    Moment("a Monday", "2026-11-30T12:00"),
    Moment("a holiday of the exchange", "2026-12-25T12:00"),
    Moment("the day after it, before the flush", "2026-12-26T05:45"),
    Moment("the last day of the recorded calendar", "2026-12-31T12:00"),
    Moment("the first day after it", "2027-01-01T00:15"),
    Moment("a leap day", "2028-02-29T12:00"),
    Moment("a zone that is a day ahead", "2026-12-02T00:15", "Pacific/Kiritimati"),
    Moment("a zone that is a day behind", "2026-12-02T05:45", "America/Los_Angeles"),
)


def faked(moment: Moment, library: Path, now: datetime, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment in which a program that starts at `now` takes it for `moment`, and goes on from there."""
    seconds = round((moment.time - now).total_seconds())
    python_path = [str(_PATCHED), *filter(None, [environment.get("PYTHONPATH")])]
    return {
        **environment,
        "LD_PRELOAD": str(library),
        "FAKETIME": f"{seconds:+d}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "PYTHONPATH": ":".join(python_path),
        "TZ": moment.zone,
    }


def faked_commands() -> tuple[tuple[str, ...], ...]:
    """Return what is run with a faked clock: no program of Go's, which would read the true one, is among it."""
    python = sys.executable
    return (
        (python, "-m", "pytest", "--quiet", "--numprocesses=4", "tests/unit", "tests/contract"),
        (python, "-m", "trading_days", "--check"),
    )


def told_commands(moment: Moment) -> tuple[tuple[str, ...], ...]:
    """Return the commands that take the date as an option: the demo runs real Kubernetes, which ignores libfaketime."""
    return ((sys.executable, "-m", "demo", "--day", f"{moment.time:%Y-%m-%d}"),)
