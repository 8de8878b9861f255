"""Rate limit per app: the pure bucket, and the waits around it."""

import asyncio
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kite_operator.broker.limiter import Bucket, CallKind, RateLimiter, RateLimits, stretched_interval
from kite_operator.model.sensitive import Sensitive
from support.broker_fakes import API_KEY, FakeClock, LoopClock, leaks

KEY = Sensitive(API_KEY)


@given(
    rate=st.floats(0.1, 20.0),
    capacity=st.floats(1.0, 10.0),
    arrivals=st.lists(st.floats(0.0, 3.0), min_size=2, max_size=40),
)
def test_a_bucket_never_gives_more_than_its_capacity_and_rate_allow(
    rate: float, capacity: float, arrivals: list[float]
) -> None:
    bucket = Bucket.full(rate, 0.0, capacity=capacity)
    now, granted = 0.0, []
    for pause in arrivals:
        now += pause
        now += bucket.wait(now)
        bucket = bucket.taken(now)
        granted.append(now)

    for first in range(len(granted)):
        for last in range(first, len(granted)):
            assert last - first + 1 <= capacity + rate * (granted[last] - granted[first]) + 1e-6


@given(rate=st.floats(0.1, 20.0), level=st.floats(0.0, 1.0), later=st.floats(0.0, 100.0))
def test_waiting_as_long_as_the_bucket_says_is_enough(rate: float, level: float, later: float) -> None:
    bucket = Bucket(rate=rate, capacity=1.0, level=level, at=50.0)
    now = 50.0 + later

    assert bucket.wait(now + bucket.wait(now)) == pytest.approx(0.0, abs=1e-6)


def test_a_time_in_the_past_changes_nothing() -> None:
    bucket = Bucket.full(1.0, 100.0).taken(100.0)

    assert (bucket, 11.0) == (bucket.refilled(90.0), bucket.wait(90.0))


async def arrivals_of(limiter: RateLimiter, kinds: list[CallKind]) -> list[tuple[CallKind, int, float]]:
    """Return the time at which each call may go, all made at once: kind, position and seconds from the start."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    granted: list[tuple[CallKind, int, float]] = []

    async def call(position: int, kind: CallKind) -> None:
        await limiter.acquire(KEY, kind)
        granted.append((kind, position, round(loop.time() - start, 3)))

    await asyncio.gather(*(call(position, kind) for position, kind in enumerate(kinds)))
    return granted


def most_calls_within(span: float) -> float:
    """Return the most calls of one app within `span` seconds: a login's two calls at once, and three a second."""
    return 2 + 3 * span


def assert_within_the_limit(granted: list[tuple[CallKind, int, float]]) -> None:
    times = [at for _, _, at in granted]
    for first, last in combinations(range(len(times)), 2):
        assert last - first + 1 <= most_calls_within(times[last] - times[first]) + 0.01


@pytest.mark.looptime
async def test_calls_are_spaced_to_three_a_second_in_the_order_in_which_they_came() -> None:
    granted = await arrivals_of(RateLimiter(RateLimits(), LoopClock()), [CallKind.SESSION] * 8)

    assert [position for _, position, _ in granted] == list(range(8))
    assert_within_the_limit(granted)
    assert granted[-1][2] == pytest.approx(2.0, abs=0.02)


@pytest.mark.looptime
async def test_probes_are_spaced_to_one_a_second() -> None:
    granted = await arrivals_of(RateLimiter(RateLimits(), LoopClock()), [CallKind.PROBE] * 4)

    assert [pytest.approx(at, abs=0.02) for _, _, at in granted] == [0.0, 1.0, 2.0, 3.0]


@pytest.mark.looptime
async def test_session_calls_go_before_probes_that_came_earlier() -> None:
    kinds = [CallKind.PROBE] * 3 + [CallKind.SESSION] * 4
    granted = await arrivals_of(RateLimiter(RateLimits(), LoopClock()), kinds)
    order = [kind for kind, _, _ in granted]

    assert order[order.index(CallKind.SESSION) :][:4] == [CallKind.SESSION] * 4
    assert order.index(CallKind.SESSION) <= 1
    assert_within_the_limit(granted)


@pytest.mark.looptime
async def test_apps_do_not_wait_for_each_other() -> None:
    limiter = RateLimiter(RateLimits(), LoopClock())
    start = asyncio.get_running_loop().time()
    await asyncio.gather(*(limiter.acquire(Sensitive(f"key-{number}"), CallKind.PROBE) for number in range(50)))

    assert asyncio.get_running_loop().time() - start == pytest.approx(0.0, abs=0.001)


@pytest.mark.looptime
async def test_a_cancelled_caller_takes_nothing_and_delays_no_other() -> None:
    limiter = RateLimiter(RateLimits(), LoopClock())
    loop = asyncio.get_running_loop()
    await limiter.acquire(KEY, CallKind.PROBE)
    start = loop.time()
    impatient = [asyncio.create_task(limiter.acquire(KEY, CallKind.PROBE)) for _ in range(3)]
    patient = asyncio.create_task(limiter.acquire(KEY, CallKind.PROBE))
    await asyncio.sleep(0.1)
    for task in impatient:
        task.cancel()
    await patient

    assert loop.time() - start == pytest.approx(1.0, abs=0.02)


async def test_idle_apps_are_forgotten() -> None:
    clock = FakeClock()
    limiter = RateLimiter(RateLimits(), clock)
    for number in range(1000):
        clock.boot += 2.0
        await limiter.acquire(Sensitive(f"key-{number}"), CallKind.PROBE)

    assert len(limiter) <= 2


async def test_an_app_in_use_is_remembered() -> None:
    clock = FakeClock()
    limiter = RateLimiter(RateLimits(), clock)
    await limiter.acquire(KEY, CallKind.PROBE)
    for number in range(20):
        await limiter.acquire(Sensitive(f"key-{number}"), CallKind.PROBE)
    before = clock.boot
    await limiter.acquire(KEY, CallKind.PROBE)

    assert clock.boot - before == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("wanted", "probes", "expected"),
    [(300.0, 1, 300.0), (300.0, 300, 300.0), (300.0, 301, 301.0), (300.0, 10_000, 10_000.0)],
)
def test_many_probes_get_a_longer_interval(wanted: float, probes: int, expected: float) -> None:
    limiter = RateLimiter(RateLimits(), FakeClock())

    assert [expected, expected] == [
        limiter.probe_interval(wanted, probes),
        stretched_interval(wanted, probes, RateLimits().probes_per_second),
    ]


@pytest.mark.parametrize(("calls", "probes"), [(3.0, 0.0), (3.0, -1.0), (1.0, 2.0), (0.0, 0.0)])
def test_limits_that_allow_nothing_or_contradict_are_refused(calls: float, probes: float) -> None:
    with pytest.raises(ValueError, match="probes_per_second"):
        RateLimits(calls, probes)


async def test_a_limiter_does_not_show_its_keys() -> None:
    limiter = RateLimiter(RateLimits(), FakeClock())
    await limiter.acquire(KEY, CallKind.SESSION)

    assert leaks(f"{limiter!r} {vars(limiter)!r}") == []
