"""Backoff: longer each time, bounded, and never shorter than the broker's Retry-After."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kite_operator.decide import backoff
from kite_operator.model.resource import Failures
from support.facts import NOON

shares = st.floats(0, 1, exclude_max=True)


@given(st.integers(0, 10**9), shares)
def test_a_wait_is_at_most_ten_minutes_and_never_zero(count: int, share: float) -> None:
    assert backoff.FIRST * 0.75 <= backoff.delay(count, share) <= backoff.LONGEST


@given(st.integers(1, 40), shares)
def test_waits_grow_with_every_failure(count: int, share: float) -> None:
    assert backoff.delay(count, share) <= backoff.delay(count + 1, share)


@pytest.mark.parametrize(("count", "seconds"), [(1, 15), (2, 30), (3, 60), (6, 480), (7, 600), (50, 600)])
def test_the_waits_double(count: int, seconds: int) -> None:
    assert timedelta(seconds=seconds * 0.75) == backoff.delay(count, 0.0)


@given(st.integers(1, 40), shares, st.floats(allow_nan=False))
def test_retry_after_of_the_broker_is_respected_up_to_an_hour(count: int, share: float, asked: float) -> None:
    wait = backoff.delay(count, share, asked)
    assert wait >= timedelta(seconds=min(max(asked, 0), 3600))
    assert wait <= backoff.LONGEST_RETRY_AFTER


def test_the_count_continues_from_status() -> None:
    first = backoff.after_failure(None, "BrokerUnavailable", NOON, 0.0)
    again = backoff.after_failure(first, "RateLimited", NOON, 0.0, 120.0)
    assert Failures(1, "BrokerUnavailable", NOON, NOON + timedelta(seconds=11.25)) == first
    assert Failures(2, "RateLimited", NOON, NOON + timedelta(seconds=120)) == again
