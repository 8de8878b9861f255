"""A manual login that the broker does not accept at once: retried while its request_token may be alive."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from kite_operator.decide.observed import Grant
from kite_operator.decide.plan import Action, DropGrant, Exchange, Plan, RefuseGrant, Wait
from kite_operator.decide.policies import decide
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Status
from support.facts import NOON, alive, credential, failures, grant, observed, published

MINUTE = timedelta(minutes=1)


def plan(*grants: Grant, retry: datetime | None = None) -> Plan:
    """Return the plan at noon, with a backoff until `retry`."""
    failed = failures(Reason.BROKER_UNAVAILABLE, last=NOON - MINUTE, retry=retry) if retry is not None else None
    subject = credential(mode="Manual", status=Status(failures=failed))
    return decide(observed(NOON, credential=subject, grants=grants))


def of(decided: Plan) -> Grant:
    """Return the grant that the plan is about."""
    assert isinstance(decided, Exchange | RefuseGrant | DropGrant), decided.action
    return decided.grant


def test_a_new_login_does_not_wait_for_a_backoff_that_began_before_it() -> None:
    decided = plan(grant(), retry=NOON + 8 * MINUTE)
    assert (Action.EXCHANGE, "grant-1") == (decided.action, of(decided).name)


@pytest.mark.parametrize(("began", "retry", "wake"), [(1, 1, 1), (1, 3, 3), (1, 8, 4), (4, 8, 1)])
def test_a_login_whose_exchange_was_begun_waits_for_its_backoff_and_not_beyond_its_life(
    began: int, retry: int, wake: int
) -> None:
    decided = plan(grant(taken_at=NOON - began * MINUTE), retry=NOON + retry * MINUTE)
    assert (Action.WAIT, Reason.BROKER_UNAVAILABLE) == (decided.action, decided.reason)
    assert isinstance(decided, Wait)
    assert NOON + wake * MINUTE == decided.wake_at


@pytest.mark.parametrize("began", [5, 60, -7])
@pytest.mark.parametrize("retry", [None, NOON + MINUTE])
def test_a_login_whose_request_token_has_expired_is_refused(began: int, retry: datetime | None) -> None:
    decided = plan(grant(taken_at=NOON - began * MINUTE), retry=retry)
    assert (Action.REFUSE_GRANT, Reason.GRANT_EXPIRED) == (decided.action, decided.reason)
    assert "Log in once more" in decided.message


def test_a_clock_that_is_set_back_by_a_second_refuses_nothing() -> None:
    assert Action.EXCHANGE is plan(grant(taken_at=NOON + timedelta(seconds=1))).action


def test_a_second_login_does_not_wait_for_the_first() -> None:
    old, new = grant("login-1", taken_at=NOON - MINUTE), grant("login-2")
    decided = plan(old, new, retry=NOON + 2 * MINUTE)
    assert (Action.EXCHANGE, new) == (decided.action, of(decided))


def test_after_its_backoff_it_is_retried() -> None:
    decided = plan(grant(taken_at=NOON - MINUTE), retry=NOON)
    assert (Action.EXCHANGE, "grant-1") == (decided.action, of(decided).name)


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
def test_a_grant_from_which_a_session_was_made_is_deleted_without_an_event(
    taken: int | None, staged_at: int, action: Action, refresh: str | None
) -> None:
    begun = None if taken is None else NOON + timedelta(seconds=taken)
    held = replace(published(NOON - timedelta(hours=1)), staged_at=NOON + timedelta(seconds=staged_at))
    subject = credential(mode="Manual", refresh=refresh)
    used = grant(taken_at=begun)
    decided = decide(observed(NOON, credential=subject, grants=(used,), held=held, probes=alive(NOON)))
    wanted = Action.EXCHANGE if refresh and action is Action.REFUSE_GRANT else action
    assert (wanted, used) == (decided.action, of(decided))


def test_an_adopted_session_is_not_of_a_grant() -> None:
    held = replace(published(NOON), staged_at=NOON, recovered=True)
    used = grant(taken_at=NOON)
    subject = credential(mode="Manual")
    assert Action.DROP_GRANT is not decide(observed(NOON, credential=subject, grants=(used,), held=held)).action
