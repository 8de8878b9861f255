"""A lapsed subscription in mid-day: the token is kept, and the likely cause is reported (P2)."""

from datetime import datetime, timedelta

import pytest

from kite_operator.decide.liveness import next_probe
from kite_operator.decide.observed import Observed, Probes, TargetView
from kite_operator.decide.plan import Action
from kite_operator.decide.policies import decide
from kite_operator.model.conditions import Condition
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Status
from support.facts import NOON, account, credential, dead, ist, observed, published, rejection, waited

TODAY = published(ist("07:40"))
INTERVAL = timedelta(minutes=5)
REPORTED = credential(
    mode="Manual",
    status=Status(conditions=(Condition("Ready", "False", Reason.SUBSCRIPTION_INACTIVE, "lapsed"),)),
)
DEAD_TARGET = TargetView(exists=True, session=TODAY.session, matches=True, marked_dead=True)


def lapsed(now: datetime = NOON, **changes: object) -> Observed:
    """Return a state in which today's token was refused a minute before noon, in words that read like a lapse."""
    at = NOON - timedelta(minutes=1)
    usual: dict[str, object] = {
        "credential": credential(mode="Manual"),
        "held": TODAY,
        "target": DEAD_TARGET,
        "probes": Probes(dead_at=at, asked_at=at, known_since=at, lapsed_at=at),
    }
    return observed(now, **{**usual, **changes})


def test_the_message_says_to_renew_the_subscription_and_that_a_login_may_not_be_needed() -> None:
    plan = waited(lapsed())
    assert (Action.WAIT, Reason.SUBSCRIPTION_INACTIVE, True) == (plan.action, plan.reason, plan.login_required)
    assert "renew it in the developer console" in plan.message
    assert "log in at" in plan.message


def test_the_token_is_probed_again_at_every_interval() -> None:
    facts = lapsed()
    assert facts.probes.dead_at is not None
    again = facts.probes.dead_at + INTERVAL
    assert (again, again) == (next_probe(facts), waited(facts).wake_at)
    assert Action.PROBE is decide(lapsed(again)).action


def test_after_a_restart_the_reason_in_status_is_enough() -> None:
    facts = lapsed(credential=REPORTED, probes=dead(NOON - timedelta(minutes=1)))
    assert next_probe(facts) is not None
    assert Reason.SUBSCRIPTION_INACTIVE is decide(facts).reason


@pytest.mark.parametrize(
    "facts",
    [
        lapsed(probes=dead(NOON - timedelta(minutes=1))),
        lapsed(held=published(ist("07:40", day=1)), target=DEAD_TARGET),
    ],
)
def test_a_token_that_died_otherwise_or_is_of_the_day_before_is_not_probed_again(facts: Observed) -> None:
    assert next_probe(facts) is None


def test_a_token_that_works_again_is_published_as_alive_without_a_login() -> None:
    plan = decide(lapsed(credential=REPORTED, probes=Probes(alive_at=NOON, asked_at=NOON, known_since=NOON)))
    assert (Action.PROVE, Reason.REPUBLISHED) == (plan.action, plan.reason)


def test_a_later_rejection_of_the_app_takes_precedence_as_the_reason() -> None:
    ledger = account(rejections=(rejection(Reason.APP_SECRET_REJECTED, app="app-v1"),))
    assert Reason.APP_SECRET_REJECTED is decide(lapsed(account=ledger)).reason
