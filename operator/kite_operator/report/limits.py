"""How much of the API server's and our own time strangers may take: token buckets for each peer and for all of them."""

import math
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from kite_operator.broker.limiter import Bucket
from kite_operator.clock import Clock

REQUESTS_PER_SECOND = 2.0
REQUEST_BURST = 20.0
"""Of one peer address, whatever becomes of them."""
REVIEWS_PER_SECOND = 10.0
REVIEW_BURST = 20.0
"""Questions to the API server, for all peers together."""
REVIEWS_AT_ONCE = 4
"""Of the operator's connections to the API server, so many may be taken by strangers at a time."""
MOST_PEERS = 4096
MOST_ANSWERS = 2048
ANSWER_SECONDS = 30.0
"""How long an answer of the API server is good for."""

_Answer = TypeVar("_Answer")


class Busy(Exception):
    """Too much is asked for; `seconds` until it is worth another try."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"busy for {seconds:g} s")
        self.seconds = max(1, math.ceil(seconds))


class Peers:
    """One bucket for each peer address; who has rested longest is forgotten first."""

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
    """A gate for questions to the API server: `async with reviews: …` raises Busy when too many are asked."""

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
    """Answers that are remembered for a while, a bounded number of them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._answers: OrderedDict[Hashable, tuple[float, _Answer]] = OrderedDict()

    def find(self, question: Hashable) -> tuple[_Answer] | None:
        """The answer, in a tuple of one, or None when it is not known (any more)."""
        until, answer = self._answers.get(question, (0.0, None))
        return (answer,) if self._clock.boottime() < until else None  # type: ignore[return-value]  # until says that it is there

    def keep(self, question: Hashable, answer: _Answer) -> None:
        """Remember an answer that has just come."""
        self._answers.pop(question, None)
        self._answers[question] = (self._clock.boottime() + ANSWER_SECONDS, answer)
        while len(self._answers) > MOST_ANSWERS:
            self._answers.popitem(last=False)

    def __len__(self) -> int:
        return len(self._answers)
