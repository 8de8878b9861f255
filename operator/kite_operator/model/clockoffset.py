"""How far this machine's clock is from the broker's, and what that means for a TOTP code.

A code is made from our clock and judged by the broker's. Whether the broker accepts the neighbouring windows too is
not known, so that only what holds under both is acted upon: within BEARABLE both clocks share enough of a window to
send in, and from HOPELESS on they are further apart than even a neighbouring window reaches.

Codes are not derived from the broker's time instead: a clock that is this wrong breaks TLS, the schedule and the
leases as well, and a `Date` that lies would spend an attempt.
"""

from dataclasses import dataclass

LARGEST_ROUND_TRIP_SECONDS = 2.0
"""An answer that took longer says too little about the time at which it was dated."""
DATE_GRANULARITY_SECONDS = 1.0
"""A Date header has whole seconds, the fraction cut off."""
NEGLIGIBLE_SECONDS = 3.0
"""Up to here a code's ordinary margin at the end of its window suffices (`broker/codes.py`)."""
BEARABLE_SECONDS = 20.0
"""Up to here there are seven seconds or more in which both clocks are in the same window; codes are sent in those."""
HOPELESS_SECONDS = 60.0
"""Two windows: from here on a code is wrong whenever it is sent, even where the neighbouring windows are accepted."""


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """One measurement: our clock is `ahead` of the broker's by so many seconds (negative: behind), give or take."""

    ahead: float
    uncertainty: float

    @property
    def is_negligible(self) -> bool:
        """Return whether a code needs no more care than usual."""
        return abs(self.ahead) - self.uncertainty <= NEGLIGIBLE_SECONDS

    @property
    def is_bearable(self) -> bool:
        """Return whether there is time enough in each window in which a code is right by both clocks."""
        return abs(self.ahead) + self.uncertainty <= BEARABLE_SECONDS

    @property
    def is_hopeless(self) -> bool:
        """Return whether no code can be right, whatever the broker accepts."""
        return abs(self.ahead) - self.uncertainty >= HOPELESS_SECONDS

    def __str__(self) -> str:
        way = "ahead of" if self.ahead >= 0 else "behind"
        return f"{abs(self.ahead):.0f} s {way} the broker's"


def measured(*, dated: float, asked: float, answered: float) -> ClockOffset | None:
    """The offset by an answer that was `dated` by the broker; all are Unix seconds, the last two of our clock.

    The broker wrote the date somewhere between our two readings: the middle is taken, and half the way to either end is
    the uncertainty. None when the round trip was too long, or our clock was set in between.
    """
    if not 0.0 <= answered - asked <= LARGEST_ROUND_TRIP_SECONDS:
        return None
    earliest, latest = dated - answered, dated + DATE_GRANULARITY_SECONDS - asked
    return ClockOffset(ahead=-(earliest + latest) / 2, uncertainty=(latest - earliest) / 2)
