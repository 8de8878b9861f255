"""The sandbox's own time, so that a test can move Zerodha's clock without sleeping and without touching the machine's.

The rest of the package takes `now` as an argument; only the composition root holds a SandboxClock.
"""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta, timezone

IST = timezone(timedelta(hours=5, minutes=30), "IST")
"""Indian standard time. It has had no daylight saving since 1945, so a fixed offset needs no zone database."""


def real_now() -> datetime:
    """The machine's time in IST."""
    return datetime.now(UTC).astimezone(IST)


class SandboxClock:
    """Real time plus an offset, or a frozen instant."""

    def __init__(self, real: Callable[[], datetime] = real_now) -> None:
        self._real = real
        self._offset = timedelta()
        self._frozen_at: datetime | None = None

    def now(self) -> datetime:
        """The sandbox's time, in IST."""
        if self._frozen_at is not None:
            return self._frozen_at
        return (self._real() + self._offset).astimezone(IST)

    @property
    def offset_seconds(self) -> float:
        """Return how far the sandbox is ahead of the machine, in seconds; negative when it is behind."""
        return (self.now() - self._real()).total_seconds()

    @property
    def frozen(self) -> bool:
        """Return whether the time stands still."""
        return self._frozen_at is not None

    def set_offset(self, seconds: float) -> None:
        """Run at real time plus `seconds`."""
        self._frozen_at = None
        self._offset = timedelta(seconds=seconds)

    def set_now(self, now: datetime) -> None:
        """Run from `now` (aware) on."""
        self._frozen_at = None
        self._offset = now - self._real()

    def freeze(self, now: datetime) -> None:
        """Stand still at `now` (aware) until the next set_now or set_offset."""
        self._frozen_at = now.astimezone(IST)


def next_wall_time(after: datetime, at: time) -> datetime:
    """The first instant strictly later than `after` at which an Indian wall clock shows `at`."""
    local = after.astimezone(IST)
    candidate = datetime.combine(local.date(), at, tzinfo=IST)
    return candidate if candidate > local else candidate + timedelta(days=1)
