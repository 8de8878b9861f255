"""`spec.login.relogin: Daily`: a session that somebody ended in mid-day is replaced by a person's decision only."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from kite_operator.decide.observed import Observed
from kite_operator.decide.plan import Action
from kite_operator.decide.policies import decide
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import ONCE_A_DAY, Credential
from support.facts import NOON, account, credential, dead, grant, ist, observed, published, renewal

DAILY = credential(relogin=ONCE_A_DAY)
MORNING = ist("08:00")


def ended(who: Credential = DAILY, **changes: Any) -> Observed:
    """A session of this morning that the broker refuses, told to the pods already."""
    usual = observed(credential=who, held=published(MORNING), probes=dead(NOON), account=account())
    return replace(usual, **{"target": replace(usual.target, marked_dead=True), **changes})


def test_a_person_is_asked_and_told_both_ways_out() -> None:
    plan = decide(ended())
    assert (Action.REST, Reason.SESSION_ENDED, True) == (plan.action, plan.reason, plan.person)
    assert "kite-operator.dev/refresh" in plan.message
    assert "kite-operator.dev/login-grant" in plan.message


def test_the_operator_logs_in_when_it_is_asked_to() -> None:
    assert Action.LOGIN is decide(ended(replace(DAILY, refresh="r1"))).action


def test_a_login_by_hand_is_taken() -> None:
    assert Action.EXCHANGE is decide(ended(grants=(grant(),))).action


def test_without_it_the_operator_logs_in_by_itself() -> None:
    assert Action.LOGIN is decide(ended(credential())).action


def test_the_next_day_the_operator_logs_in_as_usual() -> None:
    facts = replace(ended(), now=ist("08:00", day=3), probes=dead(ist("08:00", day=3) - timedelta(seconds=1)))
    assert Action.LOGIN is decide(facts).action


def test_what_the_flush_ended_is_replaced() -> None:
    early = published(ist("06:30"))
    facts = replace(ended(), held=early, target=replace(ended().target, session=early.session))
    assert Action.LOGIN is decide(facts).action


def test_the_first_session_needs_nobody() -> None:
    assert Action.LOGIN is decide(observed(credential=DAILY)).action


@pytest.mark.parametrize(("relogin", "action"), [(ONCE_A_DAY, Action.REST), ("WhenDead", Action.RENEW)])
def test_a_renewal_is_held_back_in_the_same_way(relogin: str, action: Action) -> None:
    who = credential(mode="RefreshToken", relogin=relogin)
    assert action is decide(ended(who, renewal=renewal())).action
