"""Limits of the alerts: every time and threshold of the rules, in one value.

What is shipped uses the defaults. A test that cannot wait for an hour renders the same rules with shorter ones.
"""

from dataclasses import dataclass

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def duration(seconds: int) -> str:
    """As Prometheus writes it: 5m, 90s."""
    for size, unit in ((DAY, "d"), (HOUR, "h"), (MINUTE, "m")):
        if seconds % size == 0 and seconds:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds, unless said otherwise."""

    now: str = "time()"
    """PromQL for the present; a test whose operator lives on another day adds to it."""
    interval: int = 30
    """How often a group is evaluated."""
    bridge: int = 5 * MINUTE
    """A credential's series that have gone are still believed for this long: an operator is restarted or replaced."""

    prompt: int = MINUTE
    """`for` of what a person has to do something about before the market opens."""
    patient: int = 5 * MINUTE
    """`for` of what the operator may still mend by itself."""
    settled: int = 10 * MINUTE
    """`for` of what is worth a look in working hours."""
    lasting: int = HOUR
    """`for` of what has days of time."""

    ask_before: int = 30 * MINUTE
    """How long before its deadline somebody who has to log in is called: when the reminder comes."""
    paged_for: int = 15 * HOUR
    """How long after its deadline a credential may still call somebody: until 23:45, when every exchange is closed."""
    silence: int = 2 * MINUTE
    """The scheduler turns at least every 30 seconds."""
    list_age: int = 15 * MINUTE
    """Everything is listed every 5 minutes (`--resync-seconds`)."""
    lag: int = 5 * MINUTE
    """How long a due credential may wait for a worker."""
    rate: int = 5 * MINUTE
    """The window of a rate."""
    calendar_left: int = 10 * DAY
    undelivered: int = HOUR
    """How long a reminder that reached nobody is told of: the two of a morning are half an hour apart."""

    restarts_within: int = 30 * MINUTE
    """The window in which restarts are counted: the kubelet waits for up to five minutes before each."""

    restarts: int = 3
    """An upgrade has none of the same pod; a node that is restarted has one."""
    failures: int = 3
    """Failed tries in a row."""
    clock_off: int = 5
    """A code bears 20 seconds; a clock that is synchronised is off by far less than one."""
    error_ratio: float = 0.1
    """Requests to the API server that failed, of all."""
