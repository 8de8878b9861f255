"""How late the event loop is: a task that sleeps and looks how much longer it took.

A loop that is late is late for everything: heartbeats, deadlines of submissions, the answers to a liveness probe.
"""

from collections.abc import Callable

from kite_operator.clock import Clock

PERIOD_SECONDS = 1.0


async def measure_lag(clock: Clock, observe: Callable[[float], None]) -> None:
    """Tell `observe`, once a second, by how many seconds the sleep was too long; a suspended machine's sleep counts."""
    while True:
        asked = clock.boottime()
        await clock.sleep(PERIOD_SECONDS)
        observe(max(0.0, clock.boottime() - asked - PERIOD_SECONDS))
