"""Retry of writes that record a broker's answer, while the API server is unavailable for a short time.

If the outcome of a wrong password were lost, the password would be submitted again (P1). A session that is not staged
costs a login (P3). So these writes are retried for a while; any other write is left to the next reconcile.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from kite_operator.clock import Clock
from kite_operator.model.errors import ClusterUnavailable

RETRIED_SECONDS = 120.0
PAUSE_SECONDS = 1.0

_Result = TypeVar("_Result")


async def retry_write(clock: Clock, write: Callable[[], Awaitable[_Result]]) -> _Result:
    """Return the result of `write`, retried while the API server does not answer; ClusterUnavailable after two minutes.

    A write whose answer was lost may have been made: `write` must be safe to repeat.
    """
    started = clock.boottime()
    while True:
        try:
            return await write()
        except ClusterUnavailable:
            if clock.boottime() - started > RETRIED_SECONDS:
                raise
        await clock.sleep(PAUSE_SECONDS)
