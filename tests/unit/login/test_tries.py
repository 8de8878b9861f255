"""Tries are bounded at once and over time, by boot-time, for each key separately."""

from kite_operator.login.tries import MOST_KEYS, Tries, TryLimit

THREE = TryLimit(burst=3, seconds=30.0)


def spent(tries: Tries, key: str, count: int, at: float = 0.0) -> Tries:
    for _ in range(count):
        assert tries.left(key, at)
        tries.spend(key, at)
    return tries


def test_a_burst_is_allowed_and_no_more() -> None:
    assert not spent(Tries(THREE), "a", 3).left("a", 0.0)


def test_one_more_is_allowed_after_its_time_and_not_before() -> None:
    tries = spent(Tries(THREE), "a", 3)
    assert not tries.left("a", 29.9)
    assert tries.left("a", 30.0)
    tries.spend("a", 30.0)
    assert not tries.left("a", 30.0)


def test_the_whole_burst_and_no_more_is_allowed_after_a_long_while() -> None:
    assert not spent(spent(Tries(THREE), "a", 3), "a", 3, at=10_000.0).left("a", 10_000.0)


def test_one_key_does_not_use_up_the_tries_of_another() -> None:
    assert spent(Tries(THREE), "a", 3).left("b", 0.0)


def test_a_boottime_that_goes_back_allows_no_more_tries() -> None:
    tries = spent(Tries(THREE), "a", 3, at=100.0)
    assert not tries.left("a", 0.0)


def test_the_number_of_counted_keys_is_bounded() -> None:
    tries = Tries(THREE)
    for number in range(MOST_KEYS + 10):
        tries.spend(number, 0.0)
    assert MOST_KEYS == len(tries._spent)
