"""`spec.login.relogin: Daily`: a session that was ended in mid-day is replaced only when a user requests it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from kite_operator.decide.observed import Observed
from kite_operator.decide.plan import Action
from kite_operator.decide.policies import decide
from kite_operator.model.account import AttemptLedger, LoginCount
from kite_operator.model.conditions import Condition
from kite_operator.model.errors import Step
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import ONCE_A_DAY, Credential, LastLogin, Status
from support.facts import (
    NOON,
    VERSIONS,
    account,
    attempt,
    credential,
    dead,
    failures,
    grant,
    ist,
    observed,
    published,
    rejection,
    renewal,
    waited,
)

DAILY = credential(relogin=ONCE_A_DAY)
EMPTY_STATUS = Status()
MORNING = ist("08:00")


def ended(subject: Credential = DAILY, **changes: Any) -> Observed:
    """Return a state with a session of this morning that the broker refuses, marked as dead already."""
    usual = observed(credential=subject, held=published(MORNING), probes=dead(NOON), account=account())
    return replace(usual, **{"target": replace(usual.target, marked_dead=True), **changes})


def test_the_message_names_both_remedies() -> None:
    plan = waited(ended())
    assert (Action.WAIT, Reason.SESSION_ENDED, True) == (plan.action, plan.reason, plan.login_required)
    assert "kite-operator.dev/refresh" in plan.message
    assert "kite-operator.dev/login-grant" in plan.message


def test_the_operator_logs_in_when_a_refresh_is_requested() -> None:
    assert Action.LOGIN is decide(ended(replace(DAILY, refresh="r1"))).action


def test_a_manual_login_is_exchanged() -> None:
    assert Action.EXCHANGE is decide(ended(grants=(grant(),))).action


def test_with_relogin_when_dead_the_operator_logs_in_by_itself() -> None:
    assert Action.LOGIN is decide(ended(credential())).action


def test_the_next_day_the_operator_logs_in_as_usual() -> None:
    facts = replace(ended(), now=ist("08:00", day=3), probes=dead(ist("08:00", day=3) - timedelta(seconds=1)))
    assert Action.LOGIN is decide(facts).action


def minted(at: str, *, dead_at: str, status: Status = EMPTY_STATUS) -> Observed:
    """Return a state a second after a session of this morning was found dead."""
    held, found = published(ist(at)), ist(dead_at)
    facts = ended(replace(DAILY, status=status), held=held, probes=dead(found))
    return replace(facts, now=found + timedelta(seconds=1), target=replace(facts.target, session=held.session))


@pytest.mark.parametrize("at", ["06:00", "06:15", "07:29"])
@pytest.mark.parametrize("dead_at", ["07:31", "07:32", "07:36"])
def test_a_session_that_the_flush_ended_is_replaced(at: str, dead_at: str) -> None:
    assert Action.LOGIN is decide(minted(at, dead_at=dead_at)).action


@pytest.mark.parametrize("at", ["06:00", "06:15", "07:29", "07:31"])
@pytest.mark.parametrize("dead_at", ["07:37", "09:00", "14:00"])
def test_a_session_minted_in_the_flush_window_that_ended_later_was_not_ended_by_the_flush(
    at: str, dead_at: str
) -> None:
    plan = decide(minted(at, dead_at=dead_at))
    assert (Action.WAIT, Reason.SESSION_ENDED) == (plan.action, plan.reason)


def test_after_a_restart_status_shows_that_the_flush_ended_the_session() -> None:
    authenticated = Condition("Authenticated", "False", Reason.TOKEN_DEAD, "…", since="2026-03-02T07:32:00+05:30")
    assert Action.LOGIN is decide(minted("06:15", dead_at="09:00", status=Status(conditions=(authenticated,)))).action


def test_a_time_in_status_of_an_earlier_session_does_not_count() -> None:
    authenticated = Condition("Authenticated", "False", Reason.TOKEN_DEAD, "…", since="2026-03-02T06:10:00+05:30")
    assert Action.WAIT is decide(minted("06:15", dead_at="09:00", status=Status(conditions=(authenticated,)))).action


@pytest.mark.parametrize(
    ("ledger", "reason"),
    [
        (account(attempt("a")), Reason.PASSWORD_REJECTED),
        (account(*(attempt(name, step=Step.TOTP) for name in "ab")), Reason.TOTP_REJECTED),
        (account(*(attempt(name, version=f"login-{name}") for name in "abcd")), Reason.ATTEMPT_BUDGET_EXHAUSTED),
        (account(logins=(LoginCount(VERSIONS.api_key, NOON.date(), 3),)), Reason.SESSION_CONTESTED),
        (account(rejections=(rejection(Reason.APP_SECRET_REJECTED, app="app-v1"),)), Reason.APP_SECRET_REJECTED),
    ],
)
def test_a_block_is_reported_as_a_block_and_not_hidden_by_the_session_that_ended(
    ledger: AttemptLedger, reason: Reason
) -> None:
    plan = waited(ended(account=ledger))
    assert (Action.WAIT, reason, False, True) == (plan.action, plan.reason, plan.login_required, bool(plan.block_id))


ASKED_FOR = replace(DAILY, refresh="r1")


def failed(*, last: timedelta, by_hand: bool = False) -> Observed:
    """Return a state after a refresh, requested after the session died, whose login had a transient failure."""
    at = NOON + last
    hand = LastLogin("grant-1", Reason.BROKER_UNAVAILABLE, "…", at) if by_hand else None
    failure = failures(Reason.BROKER_UNAVAILABLE, last=at, retry=at + timedelta(seconds=15))
    status = Status(failures=failure, last_handled_refresh="r1", last_login=hand)
    return replace(ended(replace(ASKED_FOR, status=status)), now=NOON + timedelta(minutes=2))


def test_a_requested_login_with_a_transient_failure_is_retried() -> None:
    assert Action.LOGIN is decide(failed(last=timedelta(minutes=1))).action


def test_a_failure_before_the_session_died_or_of_a_manual_login_causes_no_login() -> None:
    assert Reason.SESSION_ENDED is decide(failed(last=timedelta(minutes=-1))).reason
    assert Reason.SESSION_ENDED is decide(failed(last=timedelta(minutes=1), by_hand=True)).reason


def test_the_first_session_needs_no_user() -> None:
    assert Action.LOGIN is decide(observed(credential=DAILY)).action


@pytest.mark.parametrize(("relogin", "action"), [(ONCE_A_DAY, Action.WAIT), ("WhenDead", Action.RENEW)])
def test_a_renewal_is_held_back_in_the_same_way(relogin: str, action: Action) -> None:
    subject = credential(mode="RefreshToken", relogin=relogin)
    assert action is decide(ended(subject, renewal=renewal())).action
