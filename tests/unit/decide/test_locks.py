"""Locks: one login per account, one exchange or renewal per app, and no delay by other clients."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kite_operator.decide import locks
from kite_operator.decide.budget import FARTHEST
from kite_operator.model.account import AttemptLedger, Lock, dump, load
from kite_operator.model.errors import ReservationLost, ReservationRefused
from kite_operator.model.reasons import Reason
from support.facts import NOON, account

Start = Callable[[AttemptLedger, Lock, datetime], AttemptLedger]
LIVES = timedelta(seconds=90)
MOMENT = timedelta(seconds=1)


def lock(name: str, app: str = "app", credential: str = "desk/alpha", *, at: datetime = NOON) -> Lock:
    return Lock(name, "pod", at + LIVES, app=app, credential=credential)


STRANGERS = lock("strangers", "app-of-its-own", "elsewhere/squatter")


def test_there_is_one_login_at_a_time_whatever_the_app() -> None:
    ledger = locks.start_login(account(), lock("mine"), NOON)
    with pytest.raises(ReservationRefused) as caught:
        locks.start_login(ledger, STRANGERS, NOON)
    assert (Reason.LOGIN_IN_PROGRESS, NOON + locks.RETRY_AFTER) == (caught.value.reason, caught.value.retry_at)
    assert ledger == locks.start_login(ledger, lock("mine"), NOON)
    taken_over = locks.start_login(ledger, STRANGERS, NOON + LIVES)
    assert taken_over == locks.finish(taken_over, "mine")
    with pytest.raises(ReservationLost):
        locks.require_lock(taken_over, "mine")
    assert account() == locks.finish(taken_over, "strangers")


def test_a_lock_that_ends_sooner_is_retried_when_it_ends() -> None:
    ledger = locks.start_login(account(), lock("mine"), NOON)
    with pytest.raises(ReservationRefused) as caught:
        locks.start_login(ledger, STRANGERS, NOON + LIVES - MOMENT)
    assert NOON + LIVES == caught.value.retry_at


def test_a_strangers_exchange_delays_neither_a_login_nor_an_exchange_of_the_holder() -> None:
    ledger = locks.start_exchange(account(), STRANGERS, NOON)
    for start in (locks.start_login, locks.start_exchange):
        both = start(ledger, lock("mine"), NOON)
        assert {"mine", "strangers"} == {each.id for each in both.locks}


def test_a_strangers_login_does_not_delay_an_exchange_of_the_holder() -> None:
    ledger = locks.start_exchange(locks.start_login(account(), STRANGERS, NOON), lock("mine"), NOON)
    locks.require_lock(ledger, "mine")
    locks.require_lock(ledger, "strangers")


@pytest.mark.parametrize("first", [locks.start_login, locks.start_exchange])
@pytest.mark.parametrize("second", [locks.start_login, locks.start_exchange])
@pytest.mark.parametrize("other", [lock("other", credential="desk/beta"), lock("other", app="new-app")])
def test_a_session_is_made_by_one_process_at_a_time(first: Start, second: Start, other: Lock) -> None:
    """Refuse the same app, or the same credential with another app: one session, or one place to stage it."""
    ledger = first(account(), lock("mine"), NOON)
    with pytest.raises(ReservationRefused):
        second(ledger, other, NOON)
    over = NOON + LIVES
    taken_over = second(ledger, replace(other, until=over + LIVES), over)
    assert ["other"] == [each.id for each in taken_over.locks]
    with pytest.raises(ReservationLost):
        locks.require_lock(taken_over, "mine")


def test_a_slow_exchange_keeps_its_lock_until_another_process_makes_the_same_session() -> None:
    ledger = locks.start_exchange(account(), lock("slow"), NOON)
    for start in (locks.start_exchange, locks.start_login):
        later = start(ledger, replace(STRANGERS, until=NOON + LIVES + LIVES), NOON + LIVES)
        locks.require_lock(later, "slow")


def test_a_slow_login_keeps_its_lock_while_others_exchange_through_apps_of_their_own() -> None:
    ledger = locks.start_login(account(), lock("slow"), NOON)
    locks.require_lock(locks.start_exchange(ledger, STRANGERS, NOON + LIVES), "slow")


def test_a_lock_that_was_not_released_is_removed_after_a_while() -> None:
    ledger = locks.start_exchange(account(), lock("left"), NOON)
    later = NOON + LIVES + FARTHEST
    assert ["strangers"] == [each.id for each in locks.start_exchange(ledger, STRANGERS, later).locks]


def test_a_lock_from_before_the_clock_was_set_back_does_not_count() -> None:
    ledger = locks.start_exchange(account(), lock("mine", at=NOON + timedelta(hours=3)), NOON)
    assert ["next"] == [each.id for each in locks.start_exchange(ledger, lock("next"), NOON).locks]


steps = st.tuples(
    st.sampled_from(["login", "exchange", "finish"]),
    st.sampled_from(["app-1", "app-2", "app-3"]),
    st.sampled_from(["desk/alpha", "desk/beta", "elsewhere/squatter"]),
    st.integers(0, 40),
)


@given(st.lists(steps, max_size=60))
def test_no_two_processes_make_the_same_session_and_no_two_log_in(
    taken: list[tuple[str, str, str, int]],
) -> None:
    ledger, now = account(), NOON
    for number, (what, app, credential, seconds) in enumerate(taken):
        now += timedelta(seconds=seconds)
        if what == "finish":
            ledger = locks.finish(ledger, ledger.locks[0].id) if ledger.locks else ledger
            continue
        start = locks.start_login if what == "login" else locks.start_exchange
        mine = lock(f"lock-{number}", app, credential, at=now)
        live = [each for each in ledger.locks if each.until > now]
        blocking = [each for each in live if app == each.app or credential == each.credential]
        blocking += [each for each in live if each is ledger.lock and what == "login"]
        try:
            ledger = start(ledger, mine, now)
        except ReservationRefused:
            assert blocking
        else:
            assert not blocking
            assert ledger.holds(mine.id)
        check(ledger)


def check(ledger: AttemptLedger) -> None:
    """Check all locks, not only the live ones: a process whose lock was taken finds that in the ledger."""
    assert ledger == load(dump(ledger))
    assert len(ledger.locks) == len({each.app for each in ledger.locks})
    assert len(ledger.locks) == len({each.credential for each in ledger.locks})
