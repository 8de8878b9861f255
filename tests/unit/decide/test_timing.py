"""Daily schedule: at its time, spread by a jitter that is the same in every process."""

from datetime import datetime, time, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from kite_operator.decide import timing
from kite_operator.model.expiry import IST, rfc3339, session_day
from kite_operator.model.resource import Timing
from support.facts import ist, session

zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=zones)  # noqa: DTZ001 - zones are drawn
shares = st.floats(0, 1, exclude_max=True)


@st.composite
def timings(draw: st.DrawFn) -> Timing:
    """Draw any schedule that the CRD admits."""
    at = draw(st.integers(6 * 60, 23 * 60 + 58))
    ready_by = draw(st.integers(at + 1, 23 * 60 + 59))
    jitter = draw(st.integers(0, min(ready_by - at, 60)))
    return Timing(time(*divmod(at, 60)), time(*divmod(ready_by, 60)), timedelta(minutes=jitter))


@given(timings(), shares, moments)
def test_the_refresh_is_at_the_scheduled_time_plus_less_than_the_jitter(
    spec: Timing, share: float, now: datetime
) -> None:
    refresh = timing.refresh_at(spec, share, now)
    at = datetime.combine(session_day(now), spec.at, tzinfo=IST)
    assert refresh == at if spec.jitter == timedelta() else at <= refresh < at + spec.jitter
    assert timing.refresh_at(spec, share, now) == refresh


@given(timings(), shares, moments)
def test_the_refresh_is_in_whole_seconds_as_status_shows_it(spec: Timing, share: float, now: datetime) -> None:
    refresh = timing.refresh_at(spec, share, now)
    assert refresh == datetime.fromisoformat(rfc3339(refresh))


@given(timings(), shares, moments)
def test_the_next_refresh_is_ahead_and_at_most_a_day_away(spec: Timing, share: float, now: datetime) -> None:
    following = timing.next_refresh(spec, share, now)
    assert timedelta(0) < following - now <= timedelta(days=1)


@given(timings(), shares, moments)
def test_the_last_call_is_never_before_the_refresh_nor_after_the_deadline(
    spec: Timing, share: float, now: datetime
) -> None:
    last = timing.last_call(spec, share, now)
    assert timing.refresh_at(spec, share, now) <= last <= timing.ready_by(spec, now)


@given(st.text())
def test_a_credentials_share_is_its_own_and_always_the_same(uid: str) -> None:
    assert 0 <= timing.jitter_share(uid) < 1
    assert timing.jitter_share(uid) == timing.jitter_share(uid)


def test_shares_are_spread_evenly() -> None:
    shares_of_many = [timing.jitter_share(f"uid-{number}") for number in range(2_000)]
    tenths = [sum(int(share * 10) == tenth for share in shares_of_many) for tenth in range(10)]
    assert all(150 < count < 250 for count in tenths)


@given(st.integers(0, 90 * 60 - 1), shares)
def test_a_token_minted_in_the_flush_window_is_checked_after_it_on_the_same_day(second: int, share: float) -> None:
    login = ist("06:00") + timedelta(seconds=second)
    check = timing.flush_check_at(session(login), share)
    assert check is not None
    assert session_day(login) == session_day(check)
    assert time(7, 31) <= check.time() <= time(7, 32)


def test_any_other_token_needs_no_check() -> None:
    assert timing.flush_check_at(session(ist("07:36")), 0.5) is None
    assert timing.flush_check_at(session(ist("05:59")), 0.5) is None
