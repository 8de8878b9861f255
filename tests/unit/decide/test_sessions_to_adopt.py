"""A token to adopt from another client's Secret is unproven: it is proven first, and counts as none once refused."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from kite_operator.decide.observed import Observed, Probes, TargetView
from kite_operator.decide.phase import Liveness, liveness
from kite_operator.decide.plan import Action
from kite_operator.decide.policies import decide
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import ONCE_A_DAY, TRADING_DAYS
from support.facts import NOON, credential, dead, grant, ist, observed, published, unanswered

MINUTE = timedelta(minutes=1)
SUNDAY = ist("12:00", day=1)


def to_adopt(**changes: Any) -> Observed:
    now = changes.pop("now", NOON)
    held = replace(published(now), recovered=True, adopted=True)
    return observed(now, **{"held": held, "target": TargetView(exists=True), **changes})


def test_it_is_proven_first_and_is_no_drift() -> None:
    plan = decide(to_adopt())
    assert (Action.PROVE, Reason.REPUBLISHED) == (plan.action, plan.reason)


def test_many_corrections_of_the_secret_do_not_prevent_its_proof() -> None:
    assert Action.PROVE is decide(to_adopt(drift_heals=3)).action


@pytest.mark.parametrize("probes", [Probes(), Probes(known_since=NOON - MINUTE), unanswered(NOON - MINUTE)])
def test_its_state_is_unknown_before_the_broker_has_answered(probes: Probes) -> None:
    assert Liveness.UNKNOWN is liveness(to_adopt(probes=probes))


def test_a_mark_on_the_secret_that_it_is_dead_does_not_count() -> None:
    marked = TargetView(exists=True, marked_dead=True)
    assert (Liveness.UNKNOWN, Action.PROVE) == (
        liveness(to_adopt(target=marked)),
        decide(to_adopt(target=marked)).action,
    )


def test_a_refused_one_counts_as_no_session() -> None:
    assert Liveness.NONE is liveness(to_adopt(probes=dead(NOON)))


@pytest.mark.parametrize(
    ("facts", "action"),
    [
        ({}, Action.LOGIN),
        ({"credential": credential(relogin=ONCE_A_DAY)}, Action.LOGIN),
        ({"credential": credential(mode="Manual")}, Action.WAIT),
    ],
    ids=["TOTP", "TOTP, once a day", "Manual"],
)
def test_after_a_refusal_the_next_session_is_made_as_for_a_new_credential(
    facts: dict[str, Any], action: Action
) -> None:
    refused = to_adopt(probes=dead(NOON), **facts)
    assert (action, action) == (decide(refused).action, decide(replace(refused, held=None)).action)


def test_a_refused_one_does_not_prevent_the_first_session_on_a_holiday() -> None:
    timing = replace(credential().timing, days=TRADING_DAYS)
    refused = to_adopt(now=SUNDAY, credential=credential(timing=timing), probes=dead(SUNDAY))
    assert Action.LOGIN is decide(refused).action


def test_a_manual_login_takes_precedence_over_it() -> None:
    assert Action.EXCHANGE is decide(to_adopt(grants=(grant(),))).action


@pytest.mark.parametrize(
    "spec", [{"suspended": True}, {"problems": ("spec.x is wrong",)}], ids=["suspended", "invalid"]
)
def test_a_credential_that_makes_no_calls_does_not_probe_it(spec: dict[str, Any]) -> None:
    assert Action.WAIT is decide(to_adopt(credential=credential(**spec))).action
