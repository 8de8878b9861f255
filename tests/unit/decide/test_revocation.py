"""Revocation: made once for a value, whatever else is wrong; nothing follows before a user's acknowledgement."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from kite_operator.decide import budget
from kite_operator.decide.observed import Observed, TargetView
from kite_operator.decide.plan import Action
from kite_operator.decide.policies import decide
from kite_operator.decide.revocation import block_id, sessions_to_end, with_revocation
from kite_operator.decide.seed import seeded
from kite_operator.decide.standing import standing_block
from kite_operator.model.account import Acknowledgement, AttemptLedger
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Credential, Status
from kite_operator.model.sources import Problem
from kite_operator.record.status import derive
from support.facts import (
    NOON,
    OTHER,
    VERSIONS,
    account,
    alive,
    as_recorded,
    blocked_status,
    credential,
    dead,
    failures,
    grant,
    observed,
    published,
    session,
    staged,
    waited,
)

ASKED = credential(revoke="leaked-1")
HANDLED = replace(ASKED, status=Status(last_handled_revoke="leaked-1"))
TODAY = published(NOON - timedelta(hours=4))
BLOCKED = with_revocation(account(), ASKED, NOON)


def down(subject: Credential = HANDLED, ledger: AttemptLedger = BLOCKED, **changes: Any) -> Observed:
    """Return the state after a revocation: the session is dead, the block stands."""
    marked = TargetView(exists=True, session=TODAY.session, matches=True, marked_dead=True)
    facts = {"credential": subject, "held": TODAY, "probes": dead(NOON), "account": ledger, "target": marked}
    return observed(**{**facts, **changes})


@pytest.mark.parametrize(
    "facts",
    [
        observed(credential=ASKED, held=TODAY, probes=alive(NOON)),
        observed(credential=replace(ASKED, suspended=True), held=TODAY),
        observed(credential=ASKED, held=TODAY, rival=OTHER),
        observed(credential=ASKED, held=TODAY, app=Problem(Reason.APP_SECRET_NOT_FOUND, "x")),
        observed(credential=ASKED, held=TODAY, account_problem=Problem(Reason.ATTEMPT_BUDGET_EXHAUSTED, "x")),
        observed(credential=replace(ASKED, mode="Manual", login_secret=None), held=TODAY),
        observed(credential=ASKED),
    ],
    ids=["alive", "suspended", "in conflict", "without the app Secret", "with a ruined ledger", "Manual", "no session"],
)
def test_a_revocation_comes_first(facts: Observed) -> None:
    assert Action.REVOKE is decide(facts).action


def test_a_value_is_acted_on_once() -> None:
    assert Action.REVOKE is not decide(down()).action


def test_a_value_that_was_acknowledged_does_nothing_to_a_re_created_credential() -> None:
    ledger = account(acknowledgements=(Acknowledgement(block_id(ASKED), NOON.date()),))
    facts = observed(credential=ASKED, held=TODAY, probes=alive(NOON), account=ledger)
    plan = waited(facts)
    assert (Action.WAIT, Reason.SESSION_ACTIVE) == (plan.action, plan.reason)
    assert "leaked-1" == derive(facts, plan).last_handled_revoke


def test_a_revocation_is_not_reported_as_handled_before_it_is() -> None:
    facts = observed(credential=ASKED, held=TODAY)
    assert "" == derive(facts, as_recorded(facts)).last_handled_revoke


def test_while_it_stands_the_broker_is_not_called() -> None:
    plan = waited(down())
    assert (Action.WAIT, Reason.REVOKED, block_id(ASKED)) == (plan.action, plan.reason, plan.block_id)
    assert plan.block_id in plan.message


@pytest.mark.parametrize(
    "changes",
    [
        {"held": None},
        {"held": staged(NOON)},
        {"versions": replace(VERSIONS, login="login-v2", app="app-v2", redirect="redirect-v2")},
        {"app": Problem(Reason.APP_SECRET_NOT_FOUND, "x")},
        {"now": NOON + timedelta(days=2), "probes": dead(NOON + timedelta(days=2))},
        {"credential": replace(HANDLED, refresh="r1")},
        {"credential": replace(HANDLED, mode="Manual", login_secret=None)},
    ],
    ids=["no session", "a staged one", "other sources", "no app Secret", "another day", "a refresh", "Manual"],
)
def test_nothing_but_an_acknowledgement_lifts_it(changes: dict[str, Any]) -> None:
    assert (Action.WAIT, Reason.REVOKED) == (decide(down(**changes)).action, decide(down(**changes)).reason)


def test_a_manual_login_is_refused_with_the_reason() -> None:
    plan = decide(down(grants=(grant(),)))
    assert (Action.REFUSE_GRANT, Reason.REVOKED) == (plan.action, plan.reason)
    assert "'grant-1' was not used" in plan.message


def test_once_it_is_acknowledged_the_operator_logs_in() -> None:
    block = standing_block(down())
    assert block is not None
    ledger = budget.acknowledge(BLOCKED, block, VERSIONS.api_key, NOON)
    assert Action.LOGIN is decide(down(ledger=ledger)).action


def test_a_broker_that_does_not_answer_is_retried_with_backoff_while_the_block_stands() -> None:
    later = NOON + timedelta(seconds=15)
    waiting = replace(ASKED, status=Status(failures=failures(Reason.BROKER_UNAVAILABLE, last=NOON, retry=later)))
    plan = waited(down(waiting))
    assert (Action.WAIT, later, block_id(ASKED)) == (plan.action, plan.wake_at, plan.block_id)
    assert Action.REVOKE is decide(replace(down(waiting), now=later)).action


def test_a_backoff_of_something_else_does_not_delay_it() -> None:
    status = Status(failures=failures(Reason.RATE_LIMITED, last=NOON, retry=NOON + timedelta(minutes=5)))
    assert Action.REVOKE is decide(observed(credential=replace(ASKED, status=status), held=TODAY)).action


def test_a_session_that_pods_still_see_is_ended_too() -> None:
    other = session(NOON - timedelta(hours=9), token="anothertoken0123456789abcdefghij")
    facts = observed(credential=ASKED, held=staged(NOON))
    facts = replace(facts, target=replace(facts.target, exists=True, session=other))
    assert [staged(NOON).session, other] == list(sessions_to_end(facts))
    assert [TODAY.session] == list(sessions_to_end(observed(held=TODAY)))


def test_a_lost_ledger_does_not_lift_it() -> None:
    subject = replace(HANDLED, status=blocked_status(Reason.REVOKED, block_id(ASKED), last_handled_revoke="leaked-1"))
    ledger = seeded(subject, VERSIONS, NOON)
    assert ledger is not None
    plan = waited(down(subject, ledger, versions=replace(VERSIONS, app="app-v2")))
    assert (Reason.REVOKED, block_id(ASKED)) == (plan.reason, plan.block_id)
