"""A limit on tries: a bounded burst, and a steady rate after it.

The counts are kept in memory, by boot-time. No visitor is locked out for ever, and guessing is too slow to succeed.
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

MOST_KEYS = 4096
"""Number of keys that are counted; the key without a try for the longest time is dropped first."""


@dataclass(frozen=True, slots=True)
class TryLimit:
    """Allows `burst` tries at once, and one more every `seconds`."""

    burst: int
    seconds: float


class Tries:
    """Counts tries by key."""

    def __init__(self, limit: TryLimit) -> None:
        """Start with a full burst for every key."""
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
