"""An acknowledgement that cannot be honoured yet is honoured later, once: it is answered, and not lost."""

from dataclasses import replace
from datetime import timedelta

from kite_operator.decide.observed import Observed
from kite_operator.decide.plan import Action
from kite_operator.decide.policies import decide
from kite_operator.decide.revocation import with_revocation
from kite_operator.model.account import Acknowledgement, AttemptLedger
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Status
from kite_operator.model.sources import Problem
from support.facts import NOON, account, attempt, credential, ist, observed, waited

TODAY = ist("12:00").date()
TWO_TODAY = (Acknowledgement("before-1", TODAY), Acknowledgement("before-2", TODAY))
ASKED = credential(acknowledge="third")
ANSWERED = replace(ASKED, status=Status(last_handled_acknowledge="third"))
THIRD_OF_THE_DAY = account(attempt("third"), acknowledgements=TWO_TODAY)


def facts_of(ledger: AttemptLedger = THIRD_OF_THE_DAY, at: str = "12:05", day: int = 2) -> Observed:
    return replace(observed(credential=ANSWERED, account=ledger), now=ist(at, day=day))


def test_it_is_answered_whether_it_can_be_honoured_or_not() -> None:
    assert Action.ACKNOWLEDGE is decide(replace(facts_of(), credential=ASKED)).action


def test_one_too_many_for_a_day_waits_and_is_answered_only_once() -> None:
    plan = waited(facts_of(at="23:59"))
    assert (Action.WAIT, Reason.PASSWORD_REJECTED, "third") == (plan.action, plan.reason, plan.block_id)


def test_it_is_honoured_on_the_next_day() -> None:
    assert Action.ACKNOWLEDGE is decide(facts_of(at="00:00", day=3)).action


def test_it_is_not_honoured_when_the_annotation_was_removed_meanwhile() -> None:
    assert Action.WAIT is decide(replace(facts_of(at="00:00", day=3), credential=credential())).action


def test_it_is_not_honoured_when_another_block_stands_by_then() -> None:
    another = account(attempt("third", acknowledged=True), attempt("fourth"), acknowledgements=TWO_TODAY)
    plan = waited(facts_of(another, at="00:00", day=3))
    assert (Action.WAIT, "fourth") == (plan.action, plan.block_id)


def test_it_is_not_honoured_twice() -> None:
    honoured = replace(THIRD_OF_THE_DAY, acknowledgements=(Acknowledgement("third", TODAY - timedelta(days=1)),))
    assert Action.WAIT is decide(facts_of(honoured)).action


def test_a_revocation_is_acknowledged_while_the_app_secret_cannot_be_used() -> None:
    revoked = with_revocation(account(), credential(revoke="leaked-1"), NOON)
    name = revoked.rejections[0].id
    subject = credential(acknowledge=name, status=Status(last_handled_acknowledge=name))
    usual = observed(credential=subject, account=revoked)
    problem = Problem(Reason.APP_SECRET_NOT_FOUND, "it is not there")
    assert Action.ACKNOWLEDGE is decide(replace(usual, app=problem)).action
