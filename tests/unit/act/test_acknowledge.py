"""Acknowledgement: an honoured one is recorded, and any other is answered with its reason."""

from kite_operator.decide.revocation import with_revocation
from kite_operator.model.account import Acknowledgement
from kite_operator.model.expiry import IST
from kite_operator.model.reasons import Reason
from kite_operator.model.sources import Problem
from support.acting import Stage
from support.facts import account, attempt, credential

NOT_THERE = Problem(Reason.APP_SECRET_NOT_FOUND, "it is not there")


async def test_a_revocation_is_lifted_while_the_app_secret_cannot_be_used() -> None:
    stage = Stage()
    revoked = with_revocation(account(), credential(revoke="leaked-1"), stage.clock.now())
    who = credential(acknowledge=revoked.rejections[0].id)
    outcome = await stage.acknowledge(stage.context(credential=who, account=revoked, app=NOT_THERE))
    assert ("acknowledged", Reason.UNBLOCKED) == (outcome.result, outcome.reason)
    assert () == (await stage.ledger()).rejections


async def test_the_third_acknowledgement_of_a_day_reports_when_it_will_be_honoured() -> None:
    stage = Stage()
    today = stage.clock.now().astimezone(IST).date()
    ledger = account(attempt("c"), acknowledgements=(Acknowledgement("a", today), Acknowledgement("b", today)))
    context = stage.context(credential=credential(acknowledge="c"), account=ledger)
    outcome = await stage.acknowledge(context)
    assert ("ignored", Reason.ACKNOWLEDGEMENT_IGNORED) == (outcome.result, outcome.reason)
    assert "this one is honoured tomorrow" in outcome.notes[0].message


async def test_an_acknowledgement_of_another_block_names_the_status_field_to_read() -> None:
    stage = Stage()
    context = stage.context(credential=credential(acknowledge="gone"), account=account(attempt("a")))
    outcome = await stage.acknowledge(context)
    assert ("ignored", True) == (outcome.result, outcome.handled_acknowledge)
    assert "status.blockID" in outcome.notes[0].message
