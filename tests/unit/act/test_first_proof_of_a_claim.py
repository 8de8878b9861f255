"""A first login proves the claim on the account at once: no other credential can use up its attempts then (P1)."""

from dataclasses import replace

from kite_operator.decide import budget
from kite_operator.decide.observed import TargetView
from kite_operator.model.account import AttemptLedger
from support.acting import Stage
from support.broker_fakes import happy_answers
from support.facts import CLIENT_ID, OTHER, REF, account, published


async def logged_in_and_proven(stage: Stage, **facts: object) -> AttemptLedger:
    context = stage.context(**facts)
    outcome = await stage.log_in(context)
    assert outcome.after is not None
    await stage.prove(replace(context, gathered=outcome.after))
    return await stage.ledger()


async def test_the_first_login_of_an_account_proves_its_claim() -> None:
    ledger = await logged_in_and_proven(Stage(happy_answers()))
    assert [True] == [claim.proven for claim in ledger.claims]
    assert budget.UNPROVEN_LIMIT == budget.limit_for(ledger, OTHER)


async def test_a_login_on_an_account_that_others_have_used_proves_its_claim() -> None:
    ledger = await logged_in_and_proven(Stage(happy_answers()), account=account())
    assert [True] == [claim.proven for claim in ledger.claims]


async def test_a_published_session_that_the_broker_confirms_writes_a_lost_lease_again() -> None:
    stage = Stage()
    context = stage.context(held=published(stage.clock.now()), target=TargetView())
    await stage.prove(context)
    assert [(REF, True)] == [(claim.holder, claim.proven) for claim in (await stage.ledger()).claims]


async def test_a_probe_writes_a_lost_claim_again_and_nothing_when_there_is_one() -> None:
    stage = Stage()
    await stage.probe(stage.context(held=published(stage.clock.now())))
    ledger = await stage.ledger()
    assert [(REF, True)] == [(claim.holder, claim.proven) for claim in ledger.claims]
    before = dict(stage.cluster.objects)
    await stage.probe(stage.context(held=published(stage.clock.now()), account=ledger))
    assert before == stage.cluster.objects


async def test_a_session_of_another_app_than_the_secrets_proves_nothing_for_that_app() -> None:
    stage = Stage()
    await stage.probe(stage.context(held=published(stage.clock.now(), api_key="another-app")))
    assert await stage.accounts.read(CLIENT_ID) is None
