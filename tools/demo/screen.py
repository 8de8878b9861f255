"""The demo's output: numbered steps, real output as evidence, and a check mark only after a verification."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TextIO, TypeVar

from demo.errors import NotVerified
from devcluster.progress import Progress

T = TypeVar("T")

_BOLD, _DIM, _RED, _GREEN, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[0m"
_INDENT: Final = "    "
_QUIET_SECONDS: Final = 1.0
_POLL_SECONDS: Final = 0.15


@dataclass(frozen=True, slots=True)
class Step:
    """`act` does it, shows its evidence, and returns the sentence of what it has verified; else it raises."""

    title: str
    act: Callable[[], str]


@dataclass(slots=True)
class Screen:
    """Writes to `stream`; colours only when `colours`. `now` counts seconds, `sleep` waits for some."""

    stream: TextIO
    colours: bool = False
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _progress: Progress | None = field(default=None, init=False)

    def line(self, text: str = "") -> None:
        """A line of plain text."""
        self.stream.write(f"{text}\n")
        self.stream.flush()

    def title(self, number: int, text: str) -> None:
        """The headline of a step, written before the step begins."""
        self.line()
        self.line(self._paint(f"{number:2}. {text}", _BOLD))

    def say(self, text: str) -> None:
        """Print what is being done, or what it means."""
        for each in text.splitlines():
            self.line(f"{_INDENT}{each}")

    def command(self, text: str) -> None:
        """A command whose real output follows."""
        self.line(self._paint(f"{_INDENT}$ {text}", _DIM))

    def evidence(self, text: str) -> None:
        """Real output, further in."""
        for each in text.rstrip("\n").splitlines():
            self.line(f"{_INDENT}  {each}".rstrip())

    def verified(self, text: str) -> None:
        """The check mark."""
        self.line(self._paint(f"{_INDENT}✓ {text}", _GREEN))

    def failed(self, text: str) -> None:
        """The cross."""
        self.line(self._paint(f"{_INDENT}✗ {text}", _RED))

    def wait(self, what: str, look: Callable[[], T | None], *, seconds: float) -> T:
        """Look again and again until there is a result; NotVerified after `seconds`. Longer waits show progress."""
        begun = self.now()
        progress: Progress | None = None
        while (found := look()) is None:
            elapsed = self.now() - begun
            if elapsed >= seconds:
                raise NotVerified(f"not within {seconds:g} seconds: {what}")
            if progress is None and elapsed >= _QUIET_SECONDS:
                progress = Progress(f"{_INDENT}waiting for {what}", self.stream, self.now)
            if progress is not None:
                progress.tick()
            self.sleep(_POLL_SECONDS)
        if progress is not None:
            progress.done(f"{_INDENT}waited for {what}")
        return found

    def _paint(self, text: str, colour: str) -> str:
        return f"{colour}{text}{_PLAIN}" if self.colours else text


def screen_for(stream: TextIO, environment: Mapping[str, str]) -> Screen:
    """Colours on a terminal only, and not where NO_COLOR is set to anything (no-color.org)."""
    return Screen(stream, colours=stream.isatty() and not environment.get("NO_COLOR"))


def play(steps: Sequence[Step], screen: Screen) -> None:
    """Take the steps in order; the first that fails is named, and its error goes on to the caller."""
    for number, step in enumerate(steps, 1):
        screen.title(number, step.title)
        try:
            verified = step.act()
        except Exception:
            screen.failed(f"step {number} of {len(steps)} failed: {step.title}")
            raise
        screen.verified(verified)


def survive_odd_terminals() -> None:
    """A check mark that the terminal's encoding lacks becomes a question mark, not an error."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
