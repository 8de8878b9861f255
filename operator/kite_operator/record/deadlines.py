"""Which deadlines come next, over all credentials: so that one that is missed is counted when it comes.

The scheduler's turns ask, at least every thirty seconds: nobody is looked at for it, and while none is due it costs a
look at the first of a heap.
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
        """From now on `key` is due then; never, when it is None."""
        if due is None:
            self._next.pop(key, None)
        elif self._next.get(key) != due:
            self._next[key] = due
            heapq.heappush(self._heap, (due, next(self._order), key))

    def passed(self, now: datetime) -> Iterator[Key]:
        """Those that have come by `now`, each once."""
        while self._heap and self._heap[0][0] <= now:
            due, _, key = heapq.heappop(self._heap)
            if self._next.get(key) == due:
                del self._next[key]
                yield key

    def clear(self) -> None:
        """Nobody is watched any more."""
        self._next.clear()
        self._heap.clear()
