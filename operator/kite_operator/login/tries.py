"""How often something may be tried: a bounded number at once, and a steady trickle after that.

Kept in memory, by boot-time: nobody is locked out for good, and whoever guesses gets nowhere.
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

MOST_KEYS = 4096
"""How many are told apart; the one that was quiet for longest is forgotten first."""


@dataclass(frozen=True, slots=True)
class TryLimit:
    """`burst` tries at once, and one more every `seconds`."""

    burst: int
    seconds: float


class Tries:
    """Counts tries by key."""

    def __init__(self, limit: TryLimit) -> None:
        """Everybody begins with a whole burst."""
        self._limit = limit
        self._spent: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def left(self, key: Hashable, boottime: float) -> bool:
        """Return whether `key` may try now."""
        return self._used(key, boottime) <= self._limit.burst - 1

    def spend(self, key: Hashable, boottime: float) -> None:
        """Count one try."""
        self._spent[key] = (self._used(key, boottime) + 1, boottime)
        self._spent.move_to_end(key)
        while len(self._spent) > MOST_KEYS:
            self._spent.popitem(last=False)

    def _used(self, key: Hashable, boottime: float) -> float:
        used, at = self._spent.get(key, (0.0, boottime))
        return max(0.0, used - max(0.0, boottime - at) / self._limit.seconds)
