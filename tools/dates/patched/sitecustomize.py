"""Loaded by every interpreter that `make test-dates` starts: a `time.sleep` that works under libfaketime.

Python sleeps until a moment of the monotonic clock. libfaketime (0.9.10) moves that moment although it is told to leave
the clock alone, and the kernel refuses what comes out (EINVAL).
"""

import select
import time
from typing import SupportsIndex


def sleep(seconds: float | SupportsIndex) -> None:
    """Wait; ValueError for less than nothing, as from the original."""
    select.select((), (), (), float(seconds))


time.sleep = sleep
