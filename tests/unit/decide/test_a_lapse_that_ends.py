"""A lapsed subscription in mid-day: the token is not given up for it, and a person is told what is the matter (P2)."""

from datetime import datetime, timedelta

import pytest

from kite_operator.decide.liveness import next_probe
from kite_operator.decide.observed import Observed, Probes, TargetView
from kite_operator.decide.plan import Action
from kite_operator.decide.policies import decide
from kite_operator.model.conditions import Condition
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Status
from support.facts import NOON, account, credential, dead, ist, observed, published, rejection

TODAY = published(ist("07:40"))
INTERVAL = timedelta(minutes=5)
TOLD = credential(
    mode="Manual",
    status=Status(conditions=(Condition("Ready", "False", Reason.SUBSCRIPTION_INACTIVE, "lapsed"),)),
)
DEAD_TARGET = TargetView(exists=True, session=TODAY.session, matches=True, marked_dead=True)


def lapsed(now: datetime = NOON, **changes: object) -> Observed:
    """The token of today was refused a minute before noon, in words that read like a lapse."""
    at = NOON - timedelta(minutes=1)
    usual: dict[str, object] = {
        "credential": credential(mode="Manual"),
        "held": TODAY,
        "target": DEAD_TARGET,
        "probes": Probes(dead_at=at, asked_at=at, known_since=at, lapsed_at=at),
    }
    return observed(now, **{**usual, **changes})


def test_a_person_is_told_to_renew_the_subscription_and_that_a_login_may_not_be_needed() -> None:
    plan = decide(lapsed())
    assert (Action.REST, Reason.SUBSCRIPTION_INACTIVE, True) == (plan.action, plan.reason, plan.person)
    assert "renew it in the developer console" in plan.message
    assert "log in at" in plan.message


def test_the_token_is_asked_about_again_at_every_interval() -> None:
    facts = lapsed()
    assert facts.probes.dead_at is not None
    again = facts.probes.dead_at + INTERVAL
    assert (again, again) == (next_probe(facts), decide(facts).wake_at)
    assert Action.PROBE is decide(lapsed(again)).action


def test_after_a_restart_what_status_says_is_enough() -> None:
    facts = lapsed(credential=TOLD, probes=dead(NOON - timedelta(minutes=1)))
    assert next_probe(facts) is not None
    assert Reason.SUBSCRIPTION_INACTIVE is decide(facts).reason


@pytest.mark.parametrize(
    "facts",
    [
        lapsed(probes=dead(NOON - timedelta(minutes=1))),
        lapsed(held=published(ist("07:40", day=1)), target=DEAD_TARGET),
    ],
)
def test_an_ordinary_death_and_a_token_of_the_day_before_are_over(facts: Observed) -> None:
    assert next_probe(facts) is None


def test_a_token_that_works_again_is_published_as_alive_without_a_login() -> None:
    plan = decide(lapsed(credential=TOLD, probes=Probes(alive_at=NOON, asked_at=NOON, known_since=NOON)))
    assert (Action.PROVE, Reason.REPUBLISHED) == (plan.action, plan.reason)


def test_what_was_refused_of_the_app_since_is_the_reason_before_that() -> None:
    ledger = account(rejections=(rejection(Reason.APP_SECRET_REJECTED, app="app-v1"),))
    assert Reason.APP_SECRET_REJECTED is decide(lapsed(account=ledger)).reason
