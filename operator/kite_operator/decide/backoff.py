"""Backoff after a transient failure: exponential, with the credential's own jitter, persisted in status."""

from datetime import datetime, timedelta

from kite_operator.model.resource import Failures

FIRST = timedelta(seconds=15)
LONGEST = timedelta(minutes=10)
LONGEST_RETRY_AFTER = timedelta(hours=1)


def delay(count: int, share: float, retry_after_seconds: float | None = None) -> timedelta:
    """Return the wait after the `count`-th failure in a row (from 1); never shorter than what the broker asked for.

    The last quarter of the exponential wait is jitter by `share` in [0, 1), the same for a credential every time.
    """
    doublings = min(max(count - 1, 0), 10)
    exponential = min(FIRST * (1 << doublings), LONGEST)
    jittered = exponential * (0.75 + 0.25 * share)
    asked = timedelta(seconds=min(max(retry_after_seconds or 0.0, 0.0), LONGEST_RETRY_AFTER.total_seconds()))
    return max(jittered, asked)


def after_failure(
    previous: Failures | None, reason: str, now: datetime, share: float, retry_after_seconds: float | None = None
) -> Failures:
    """Return `status.failures` after one more failure."""
    count = (previous.count if previous else 0) + 1
    return Failures(count, reason, now, now + delay(count, share, retry_after_seconds))
