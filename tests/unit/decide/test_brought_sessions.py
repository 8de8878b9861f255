"""A token that somebody else's Secret brings is a claim: proven before anything, and as good as none once refused."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from kite_operator.decide.liveness import Liveness, liveness
from kite_operator.decide.observed import Observed, Probes, TargetView
from kite_operator.decide.plan import Action
from kite_operator.decide.policies import decide
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import ONCE_A_DAY, TRADING_DAYS
from support.facts import NOON, credential, dead, grant, ist, observed, published, unanswered

MINUTE = timedelta(minutes=1)
SUNDAY = ist("12:00", day=1)


def brought(**changes: Any) -> Observed:
    now = changes.pop("now", NOON)
    held = replace(published(now), adopted=True, brought=True)
    return observed(now, **{"held": held, "target": TargetView(exists=True), **changes})


def test_it_is_proven_first_and_that_is_no_drift() -> None:
    plan = decide(brought())
    assert (Action.PROVE, Reason.REPUBLISHED) == (plan.action, plan.reason)


def test_many_heals_of_the_secret_do_not_keep_it_from_being_proven() -> None:
    assert Action.PROVE is decide(brought(drift_heals=3)).action


@pytest.mark.parametrize("probes", [Probes(), Probes(known_since=NOON - MINUTE), unanswered(NOON - MINUTE)])
def test_nothing_is_believed_of_it_before_the_broker_has_spoken(probes: Probes) -> None:
    assert Liveness.UNKNOWN is liveness(brought(probes=probes))


def test_a_mark_on_the_secret_that_it_is_dead_is_not_believed_either() -> None:
    marked = TargetView(exists=True, marked_dead=True)
    assert (Liveness.UNKNOWN, Action.PROVE) == (liveness(brought(target=marked)), decide(brought(target=marked)).action)


def test_a_refused_one_is_as_good_as_none() -> None:
    assert Liveness.NONE is liveness(brought(probes=dead(NOON)))


@pytest.mark.parametrize(
    ("facts", "action"),
    [
        ({}, Action.LOGIN),
        ({"credential": credential(relogin=ONCE_A_DAY)}, Action.LOGIN),
        ({"credential": credential(mode="Manual")}, Action.REST),
    ],
    ids=["TOTP", "TOTP, once a day", "Manual"],
)
def test_after_a_refusal_the_next_session_comes_as_for_a_new_credential(facts: dict[str, Any], action: Action) -> None:
    refused = brought(probes=dead(NOON), **facts)
    assert (action, action) == (decide(refused).action, decide(replace(refused, held=None)).action)


def test_a_refused_one_does_not_stand_in_the_way_of_the_first_session_on_a_holiday() -> None:
    timing = replace(credential().timing, days=TRADING_DAYS)
    refused = brought(now=SUNDAY, credential=credential(timing=timing), probes=dead(SUNDAY))
    assert Action.LOGIN is decide(refused).action


def test_who_has_logged_in_has_the_better_session() -> None:
    assert Action.EXCHANGE is decide(brought(grants=(grant(),))).action


@pytest.mark.parametrize(
    "spec", [{"suspended": True}, {"problems": ("spec.x is wrong",)}], ids=["suspended", "invalid"]
)
def test_a_credential_that_makes_no_calls_does_not_ask_about_it(spec: dict[str, Any]) -> None:
    assert Action.REST is decide(brought(credential=credential(**spec))).action
