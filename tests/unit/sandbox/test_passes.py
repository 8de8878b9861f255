"""Passes, limits and clocks: the small time rules."""

from datetime import UTC, datetime, time, timedelta

import pytest

from kite_sandbox.clock import IST, SandboxClock, next_wall_time
from kite_sandbox.passes import PassBook, RequestToken
from kite_sandbox.ratelimit import RateLimit

START = datetime(2024, 2, 28, 18, 0, tzinfo=UTC)


def test_a_request_token_is_usable_until_its_time_is_over_or_it_was_used() -> None:
    token = RequestToken("AB1234", "key", START)
    assert token.usable(START + timedelta(seconds=119.9), 120)
    assert not token.usable(START + timedelta(seconds=120), 120)
    assert not RequestToken("AB1234", "key", START, used=True).usable(START, 120)


def test_old_passes_fall_out_of_the_book() -> None:
    book: PassBook[RequestToken] = PassBook()
    book.add("old", RequestToken("AB1234", "key", START))
    book.add("new", RequestToken("AB1234", "key", START + timedelta(days=1, seconds=1)))
    assert (book.find("old"), book.find("new")) == (
        None,
        RequestToken("AB1234", "key", START + timedelta(days=1, seconds=1)),
    )


def test_the_limit_holds_for_every_sliding_second() -> None:
    limit = RateLimit()
    at = [0.0, 0.1, 0.9, 0.95, 1.0, 1.05, 1.1]
    assert [limit.admits(("key", "other"), tick=tick, per_second=3) for tick in at] == [
        True, True, True, False, True, False, True,
    ]  # fmt: skip


def test_limits_are_per_key_and_kind_and_zero_means_none() -> None:
    limit = RateLimit()
    buckets = [("one", "other"), ("one", "orders"), ("two", "other"), ("one", "other")]
    assert [limit.admits(bucket, tick=5.0, per_second=1) for bucket in buckets] == [True, True, True, False]
    assert limit.admits(("one", "other"), tick=5.0, per_second=0)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("2024-02-28T23:59:00", "2024-02-29T06:00:00"),
        ("2024-02-29T06:00:00", "2024-03-01T06:00:00"),
        ("2024-02-29T05:59:59.999999", "2024-02-29T06:00:00"),
    ],
)
def test_the_next_wall_time_is_strictly_later(after: str, expected: str) -> None:
    found = next_wall_time(datetime.fromisoformat(after).replace(tzinfo=IST), time(6))
    assert found == datetime.fromisoformat(expected).replace(tzinfo=IST)


def test_the_clock_runs_with_an_offset_or_stands_still() -> None:
    real = [START]
    clock = SandboxClock(lambda: real[0])
    clock.set_offset(3600)
    real[0] += timedelta(seconds=5)
    assert clock.now() == START + timedelta(seconds=3605)
    clock.set_now(START - timedelta(days=1))
    real[0] += timedelta(seconds=5)
    assert clock.now() == START - timedelta(days=1) + timedelta(seconds=5)
    clock.freeze(START)
    real[0] += timedelta(seconds=5)
    assert (clock.now(), clock.frozen) == (START, True)
    clock.set_offset(0)
    assert (clock.now(), clock.frozen) == (real[0], False)
