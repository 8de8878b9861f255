"""A person's login that the broker does not take at once: tried again while it can be good, and not for longer."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from kite_operator.decide.observed import Grant
from kite_operator.decide.plan import Action, Plan
from kite_operator.decide.policies import decide
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Status
from support.facts import NOON, alive, credential, failures, grant, observed, published

MINUTE = timedelta(minutes=1)


def plan(*grants: Grant, retry: datetime | None = None) -> Plan:
    """What is decided at noon, with a backoff until `retry`."""
    failed = failures(Reason.BROKER_UNAVAILABLE, last=NOON - MINUTE, retry=retry) if retry is not None else None
    who = credential(mode="Manual", status=Status(failures=failed))
    return decide(observed(NOON, credential=who, grants=grants))


def test_a_new_login_does_not_wait_for_a_backoff_that_began_before_it() -> None:
    decided = plan(grant(), retry=NOON + 8 * MINUTE)
    assert (Action.EXCHANGE, "grant-1") == (decided.action, decided.grant.name if decided.grant else "")


@pytest.mark.parametrize(("began", "retry", "wake"), [(1, 1, 1), (1, 3, 3), (1, 8, 4), (4, 8, 1)])
def test_one_that_was_begun_waits_for_its_backoff_and_not_beyond_its_life(began: int, retry: int, wake: int) -> None:
    decided = plan(grant(taken_at=NOON - began * MINUTE), retry=NOON + retry * MINUTE)
    assert (Action.REST, Reason.BROKER_UNAVAILABLE) == (decided.action, decided.reason)
    assert NOON + wake * MINUTE == decided.wake_at


@pytest.mark.parametrize("began", [5, 60, -7])
@pytest.mark.parametrize("retry", [None, NOON + MINUTE])
def test_one_whose_request_token_is_dead_by_now_is_given_up(began: int, retry: datetime | None) -> None:
    decided = plan(grant(taken_at=NOON - began * MINUTE), retry=retry)
    assert (Action.REFUSE_GRANT, Reason.GRANT_EXPIRED) == (decided.action, decided.reason)
    assert "Log in once more" in decided.message


def test_a_second_of_a_clock_that_is_set_back_gives_nothing_up() -> None:
    assert Action.EXCHANGE is plan(grant(taken_at=NOON + timedelta(seconds=1))).action


def test_who_logs_in_once_more_does_not_wait_behind_the_first_login() -> None:
    old, new = grant("login-1", taken_at=NOON - MINUTE), grant("login-2")
    decided = plan(old, new, retry=NOON + 2 * MINUTE)
    assert (Action.EXCHANGE, new) == (decided.action, decided.grant)


def test_its_backoff_over_it_is_tried_again() -> None:
    decided = plan(grant(taken_at=NOON - MINUTE), retry=NOON)
    assert (Action.EXCHANGE, "grant-1") == (decided.action, decided.grant.name if decided.grant else "")


@pytest.mark.parametrize(
    ("taken", "staged_at", "action"),
    [
        (-60, -59, Action.DROP_GRANT),
        (-60, -60, Action.DROP_GRANT),
        (-60, -61, Action.REFUSE_GRANT),
        (-60, 1, Action.REFUSE_GRANT),
        (None, -59, Action.REFUSE_GRANT),
    ],
    ids=["after it", "in its second", "before it", "by a clock that was ahead", "not begun"],
)
@pytest.mark.parametrize("refresh", [None, "asked"])
def test_one_from_which_a_session_was_made_is_deleted_without_a_word(
    taken: int | None, staged_at: int, action: Action, refresh: str | None
) -> None:
    begun = None if taken is None else NOON + timedelta(seconds=taken)
    held = replace(published(NOON - timedelta(hours=1)), staged_at=NOON + timedelta(seconds=staged_at))
    who = credential(mode="Manual", refresh=refresh)
    given = grant(taken_at=begun)
    decided = decide(observed(NOON, credential=who, grants=(given,), held=held, probes=alive(NOON)))
    wanted = Action.EXCHANGE if refresh and action is Action.REFUSE_GRANT else action
    assert (wanted, given) == (decided.action, decided.grant)


def test_a_session_that_was_brought_is_of_no_grant() -> None:
    held = replace(published(NOON), staged_at=NOON, adopted=True)
    given = grant(taken_at=NOON)
    who = credential(mode="Manual")
    assert Action.DROP_GRANT is not decide(observed(NOON, credential=who, grants=(given,), held=held)).action
