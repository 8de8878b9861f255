"""Limits for strangers: each peer, all of them together, and the size of the caches."""

import pytest

from kite_operator.report import limits
from kite_operator.report.limits import Answers, Busy, Peers, Reviews
from support.broker_fakes import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def taken(peers: Peers, peer: str, times: int) -> int:
    """Return the number of allowed requests among `times` requests."""
    allowed = 0
    for _ in range(times):
        try:
            peers.take(peer)
        except Busy:
            continue
        allowed += 1
    return allowed


def test_a_peer_has_a_burst_and_then_its_rate(clock: FakeClock) -> None:
    peers = Peers(clock)
    assert limits.REQUEST_BURST == taken(peers, "10.0.0.1", 100)
    clock.boot += 5
    assert 5 * limits.REQUESTS_PER_SECOND == taken(peers, "10.0.0.1", 100)


def test_one_peer_does_not_use_up_what_another_has(clock: FakeClock) -> None:
    peers = Peers(clock)
    taken(peers, "10.0.0.1", 100)
    assert limits.REQUEST_BURST == taken(peers, "10.0.0.2", 100)


def test_a_busy_peer_learns_when_to_retry(clock: FakeClock) -> None:
    peers = Peers(clock)
    taken(peers, "10.0.0.1", 100)
    with pytest.raises(Busy) as caught:
        peers.take("10.0.0.1")
    clock.boot += caught.value.seconds
    peers.take("10.0.0.1")


def test_the_number_of_remembered_peers_is_bounded(clock: FakeClock) -> None:
    peers = Peers(clock)
    for number in range(limits.MOST_PEERS + 10):
        peers.take(f"10.0.{number}")
    assert limits.MOST_PEERS == len(peers)


async def test_reviews_have_one_rate_for_all_peers(clock: FakeClock) -> None:
    reviews, made = Reviews(clock), 0
    for _ in range(100):
        try:
            async with reviews:
                made += 1
        except Busy:
            continue
    assert limits.REVIEW_BURST == made
    clock.boot += 1 / limits.REVIEWS_PER_SECOND
    async with reviews:
        made += 1
    with pytest.raises(Busy):
        await reviews.__aenter__()


async def test_few_reviews_are_under_way_at_a_time(clock: FakeClock) -> None:
    reviews = Reviews(clock)
    for _ in range(limits.REVIEWS_AT_ONCE):
        await reviews.__aenter__()
    with pytest.raises(Busy) as caught:
        await reviews.__aenter__()
    assert 1 == caught.value.seconds
    await reviews.__aexit__()
    async with reviews:
        pass


def test_an_answer_is_cached_for_half_a_minute(clock: FakeClock) -> None:
    answers: Answers[bool | None] = Answers(clock)
    assert answers.find("who") is None
    answers.keep("who", None)
    clock.boot += limits.ANSWER_SECONDS - 0.1
    assert (None,) == answers.find("who")
    clock.boot += 0.1
    assert answers.find("who") is None


def test_the_number_of_cached_answers_is_bounded(clock: FakeClock) -> None:
    answers: Answers[int] = Answers(clock)
    for number in range(limits.MOST_ANSWERS + 5):
        answers.keep(number, number)
    assert (limits.MOST_ANSWERS, None, (5,)) == (len(answers), answers.find(4), answers.find(5))
