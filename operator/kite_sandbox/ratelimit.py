"""The published limit of calls per second and api_key."""

from collections import deque


class RateLimit:
    """A sliding second per bucket. A refused call does not count."""

    def __init__(self) -> None:
        self._calls: dict[tuple[str, str], deque[float]] = {}

    def admits(self, bucket: tuple[str, str], *, tick: float, per_second: int) -> bool:
        """Return whether one more call fits at `tick` (seconds of a monotonic clock); 0 per second means no limit."""
        if per_second == 0:
            return True
        calls = self._calls.setdefault(bucket, deque())
        while calls and calls[0] <= tick - 1.0:
            calls.popleft()
        if len(calls) >= per_second:
            return False
        calls.append(tick)
        return True
