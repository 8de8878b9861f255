"""Says what takes its time: one line that is rewritten on a terminal, a line now and then where the output is a log."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TextIO

_LOG_INTERVAL: Final = 20.0


def clock_text(seconds: float) -> str:
    """Minutes and seconds, as 3:07."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"


def about(minutes: float) -> str:
    """A rough duration in words, for the one who waits."""
    if minutes < 1:
        return f"about {round(minutes * 60)} seconds"
    return f"about {minutes:g} minute{'' if minutes == 1 else 's'}"


@dataclass(slots=True)
class Progress:
    """One task's progress on `stream`. `now` counts seconds; call `tick` as often as convenient."""

    task: str
    stream: TextIO
    now: Callable[[], float] = time.monotonic
    _started: float = field(init=False)
    _written: float | None = field(init=False, default=None)
    _on_terminal: bool = field(init=False)

    def __post_init__(self) -> None:
        self._started = self.now()
        self._on_terminal = self.stream.isatty()

    @property
    def elapsed(self) -> float:
        """Seconds since the task began."""
        return self.now() - self._started

    def tick(self) -> None:
        """Show that the task goes on."""
        if self._on_terminal:
            self._write(f"\r\x1b[K{self.task}: {clock_text(self.elapsed)}")
        elif self._written is None or self.now() - self._written >= _LOG_INTERVAL:
            self._written = self.now()
            self._write(f"{self.task}: {clock_text(self.elapsed)}\n")

    def done(self, outcome: str) -> None:
        """Replace the running line by its outcome."""
        start = "\r\x1b[K" if self._on_terminal else ""
        self._write(f"{start}{outcome} ({clock_text(self.elapsed)})\n")

    def _write(self, text: str) -> None:
        self.stream.write(text)
        self.stream.flush()
