"""Offset between this machine's clock and the broker's, and its effect on a TOTP code.

A code is made by our clock and checked by the broker's. It is not known whether the broker accepts the neighbouring
windows too, so the limits hold in both cases. Within BEARABLE both clocks share enough of a window to send a code.
From HOPELESS on they are further apart than a neighbouring window reaches.

Codes are not derived from the broker's time instead: a clock that is this wrong breaks TLS, the schedule and the
leases as well, and a wrong `Date` would spend an attempt.
"""

from dataclasses import dataclass

LARGEST_ROUND_TRIP_SECONDS = 2.0
"""Longest round trip: a longer one says too little about the time at which the answer was dated."""
DATE_GRANULARITY_SECONDS = 1.0
"""Granularity of a Date header: whole seconds, the fraction cut off."""
NEGLIGIBLE_SECONDS = 3.0
"""Largest offset for which a code's ordinary margin at the end of its window suffices (`broker/codes.py`)."""
BEARABLE_SECONDS = 20.0
"""Largest offset for which both clocks share a window for seven seconds or more; codes are sent in those."""
HOPELESS_SECONDS = 60.0
"""Offset of two windows, from which on every code is wrong, even if the neighbouring windows are accepted."""


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """One measurement: our clock is `ahead` of the broker's by so many seconds (negative: behind), give or take."""

    ahead: float
    uncertainty: float

    @property
    def is_negligible(self) -> bool:
        """Return whether a code needs no margin beyond the usual one."""
        return abs(self.ahead) - self.uncertainty <= NEGLIGIBLE_SECONDS

    @property
    def is_bearable(self) -> bool:
        """Return whether each window has enough time in which a code is right by both clocks."""
        return abs(self.ahead) + self.uncertainty <= BEARABLE_SECONDS

    @property
    def is_hopeless(self) -> bool:
        """Return whether no code can be right, whatever the broker accepts."""
        return abs(self.ahead) - self.uncertainty >= HOPELESS_SECONDS

    def __str__(self) -> str:
        way = "ahead of" if self.ahead >= 0 else "behind"
        return f"{abs(self.ahead):.0f} s {way} the broker's"


def measured(*, dated: float, asked: float, answered: float) -> ClockOffset | None:
    """Return the offset by an answer that the broker `dated`; all are Unix seconds, the last two of our clock.

    The broker wrote the date somewhere between our two readings: the middle is taken, and half the way to either end is
    the uncertainty. None when the round trip was too long, or our clock was set in between.
    """
    if not 0.0 <= answered - asked <= LARGEST_ROUND_TRIP_SECONDS:
        return None
    earliest, latest = dated - answered, dated + DATE_GRANULARITY_SECONDS - asked
    return ClockOffset(ahead=-(earliest + latest) / 2, uncertainty=(latest - earliest) / 2)
