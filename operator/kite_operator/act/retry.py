"""What the broker has answered is written down: an API server that is away for a moment must not make us forget it.

A wrong password whose outcome is lost would be submitted once more (P1), and a session that is not staged costs a login
(P3). So these writes are tried again for a while, where any other write is left to the next look.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from kite_operator.clock import Clock
from kite_operator.model.errors import ClusterUnavailable

RETRIED_SECONDS = 120.0
PAUSE_SECONDS = 1.0

_Result = TypeVar("_Result")


async def retry_write(clock: Clock, write: Callable[[], Awaitable[_Result]]) -> _Result:
    """What `write` returns, tried again while the API server does not answer; ClusterUnavailable after two minutes.

    A write whose answer was lost may have been made: `write` must bear to be repeated.
    """
    started = clock.boottime()
    while True:
        try:
            return await write()
        except ClusterUnavailable:
            if clock.boottime() - started > RETRIED_SECONDS:
                raise
        await clock.sleep(PAUSE_SECONDS)
