"""Authentication and authorisation of consumers by the API server, with answers cached for half a minute."""

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Awaitable
from typing import TypeVar

from kite_operator.clock import Clock
from kite_operator.cluster.api import Cluster
from kite_operator.cluster.reviews import AccessReview, User, is_allowed, review_token
from kite_operator.model.errors import ClusterUnavailable
from kite_operator.model.resource import Key
from kite_operator.model.sensitive import Sensitive
from kite_operator.report.limits import Answers, Reviews

_REVIEW_SECONDS = 5.0
_Answer = TypeVar("_Answer")


class Consumers:
    """Identifies users by a hash of their token, under a key of this process: the cache contains no token."""

    def __init__(self, cluster: Cluster, clock: Clock, audience: str) -> None:
        """Create empty caches; `audience` is the audience that a token must have been made for."""
        self._cluster = cluster
        self._audience = audience
        self._key = secrets.token_bytes(32)
        self._reviews = Reviews(clock)
        self._users: Answers[User | None] = Answers(clock)
        self._rights: Answers[bool] = Answers(clock)

    async def authenticate(self, token: Sensitive) -> User | None:
        """Return the user of the token, or None; Busy or a ClusterError when that cannot be found out now."""
        digest = hmac.new(self._key, token.reveal().encode(), hashlib.sha256).digest()
        known = self._users.find(digest)
        if known is not None:
            return known[0]
        async with self._reviews:
            user = await _in_time(review_token(self._cluster, token, self._audience))
        self._users.keep(digest, user)
        return user

    async def may_report(self, user: User, key: Key, access: AccessReview) -> bool:
        """Return whether the API server lets this user do `access`, for the sake of this credential.

        Busy or a ClusterError as above. Each credential has its own review, whether it exists or not: a cached answer
        for one must not show in the response time for another.
        """
        known = self._rights.find((user, key, access))
        if known is not None:
            return known[0]
        async with self._reviews:
            allowed = await _in_time(is_allowed(self._cluster, user, access))
        self._rights.keep((user, key, access), allowed)
        return allowed


async def _in_time(review: Awaitable[_Answer]) -> _Answer:
    """Return the answer of a review; ClusterUnavailable when it takes too long for a waiting client."""
    try:
        async with asyncio.timeout(_REVIEW_SECONDS):
            return await review
    except TimeoutError:
        raise ClusterUnavailable("a review", status=0) from None
