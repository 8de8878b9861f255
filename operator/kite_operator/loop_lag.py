"""The lag of the event loop: a task sleeps, and measures how much longer the sleep took.

The lag affects everything: heartbeats, deadlines of submissions, the answers to a liveness probe.
"""

from collections.abc import Callable

from kite_operator.clock import Clock

PERIOD_SECONDS = 1.0


async def measure_lag(clock: Clock, observe: Callable[[float], None]) -> None:
    """Call `observe`, once a second, with the excess of the sleep in seconds; a suspended machine's sleep counts."""
    while True:
        asked = clock.boottime()
        await clock.sleep(PERIOD_SECONDS)
        observe(max(0.0, clock.boottime() - asked - PERIOD_SECONDS))
