"""The next deadline of every credential, so that a missed deadline is counted when it passes.

The scheduler checks it in each iteration of its loop, at least every thirty seconds. No credential is reconciled for
it. While none is due, a check reads the first entry of a heap.
"""

import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from kite_operator.model.resource import Key


@dataclass(slots=True)
class Deadlines:
    """The next deadline of each credential."""

    _next: dict[Key, datetime] = field(default_factory=dict)
    _heap: list[tuple[datetime, int, Key]] = field(default_factory=list)
    _order: "itertools.count[int]" = field(default_factory=itertools.count)

    def expect(self, key: Key, due: datetime | None) -> None:
        """Set the deadline of `key`; None removes it."""
        if due is None:
            self._next.pop(key, None)
        elif self._next.get(key) != due:
            self._next[key] = due
            heapq.heappush(self._heap, (due, next(self._order), key))

    def passed(self, now: datetime) -> Iterator[Key]:
        """Return the keys whose deadline has passed by `now`, each once."""
        while self._heap and self._heap[0][0] <= now:
            due, _, key = heapq.heappop(self._heap)
            if self._next.get(key) == due:
                del self._next[key]
                yield key

    def clear(self) -> None:
        """Remove all deadlines."""
        self._next.clear()
        self._heap.clear()
