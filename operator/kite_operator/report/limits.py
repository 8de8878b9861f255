"""Limits on the use of the API server and the operator by strangers: token buckets for each peer and in all."""

import math
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from kite_operator.broker.limiter import Bucket
from kite_operator.clock import Clock

REQUESTS_PER_SECOND = 2.0
REQUEST_BURST = 20.0
"""Burst of one peer address, whatever the results."""
REVIEWS_PER_SECOND = 10.0
REVIEW_BURST = 20.0
"""Burst of questions to the API server, for all peers together."""
REVIEWS_AT_ONCE = 4
"""Number of the operator's connections to the API server that strangers may use at a time."""
MOST_PEERS = 4096
MOST_ANSWERS = 2048
ANSWER_SECONDS = 30.0
"""Time for which an answer of the API server is cached."""

_Answer = TypeVar("_Answer")


class Busy(Exception):
    """Too many requests; `seconds` is the time until the next try."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"busy for {seconds:g} s")
        self.seconds = max(1, math.ceil(seconds))


class Peers:
    """Holds one bucket for each peer address; the peer without a request for the longest time is dropped first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, peer: str) -> None:
        """Count one request of this peer; Busy when it has made too many."""
        now = self._clock.boottime()
        bucket = self._buckets.pop(peer, None) or Bucket.full(REQUESTS_PER_SECOND, now, capacity=REQUEST_BURST)
        wait = bucket.wait(now)
        self._buckets[peer] = bucket if wait > 0 else bucket.taken(now)
        while len(self._buckets) > MOST_PEERS:
            self._buckets.popitem(last=False)
        if wait > 0:
            raise Busy(wait)

    def __len__(self) -> int:
        return len(self._buckets)


class Reviews:
    """A gate for questions to the API server: `async with reviews: …` raises Busy when there are too many."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._bucket = Bucket.full(REVIEWS_PER_SECOND, clock.boottime(), capacity=REVIEW_BURST)
        self._under_way = 0

    async def __aenter__(self) -> None:
        now = self._clock.boottime()
        wait = self._bucket.wait(now)
        if wait > 0 or self._under_way >= REVIEWS_AT_ONCE:
            raise Busy(wait)
        self._bucket = self._bucket.taken(now)
        self._under_way += 1

    async def __aexit__(self, *_: object) -> None:
        self._under_way -= 1


class Answers(Generic[_Answer]):
    """A cache of answers, bounded in time and number."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._answers: OrderedDict[Hashable, tuple[float, _Answer]] = OrderedDict()

    def find(self, question: Hashable) -> tuple[_Answer] | None:
        """Return the answer, in a tuple of one, or None when it is unknown or expired."""
        until, answer = self._answers.get(question, (0.0, None))
        return (answer,) if self._clock.boottime() < until else None  # type: ignore[return-value]  # implied by `until`

    def keep(self, question: Hashable, answer: _Answer) -> None:
        """Cache a new answer."""
        self._answers.pop(question, None)
        self._answers[question] = (self._clock.boottime() + ANSWER_SECONDS, answer)
        while len(self._answers) > MOST_ANSWERS:
            self._answers.popitem(last=False)

    def __len__(self) -> int:
        return len(self._answers)
