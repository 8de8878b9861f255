"""A user lifts the one block that stands for this credential: blocks of other credentials go on (P1)."""

from dataclasses import replace
from datetime import timedelta

from kite_operator.decide import budget
from kite_operator.decide.standing import standing_block
from kite_operator.model.account import AttemptLedger
from kite_operator.model.errors import Step
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Credential, Key
from support.acting import Stage
from support.broker_fakes import login_page, refusal
from support.facts import REF, VERSIONS, account, attempt, claim, credential, observed, rejection


async def acknowledged(stage: Stage, who: Credential) -> str:
    """Return the outcome when `who` acknowledges the block that its status names."""
    ledger = await stage.ledger()
    block = standing_block(observed(stage.clock.now(), credential=who, account=ledger))
    assert block is not None
    asking = replace(who, acknowledge=block.id)
    return (await stage.acknowledge(stage.context(credential=asking, account=ledger))).result


async def used_up(stage: Stage, ledger: AttemptLedger) -> None:
    """Count all four entries of the account."""
    ago = stage.clock.now() - timedelta(hours=1)
    wrong = tuple(attempt(f"wrong-{v}", version=v, at=ago) for v in ("v7", "v8", "v9", VERSIONS.login))
    await stage.accounts.change(ledger.client_id, lambda _: replace(ledger, attempts=wrong), seed=account())


async def test_another_credential_whose_app_was_refused_does_not_lift_the_holders_block() -> None:
    stage = Stage([refusal(400, "InputException"), login_page(), refusal(403, "UserException")])
    stranger = replace(credential(), key=Key("elsewhere", "squatter"), uid="uid-squatter")
    await used_up(stage, account(claims=(claim(),)))
    refused = await stage.log_in(stage.context(credential=stranger, account=await stage.ledger()))
    assert Reason.APP_REJECTED is refused.reason
    assert "acknowledged" == await acknowledged(stage, stranger)
    outcome = await stage.log_in(stage.context(account=await stage.ledger()))
    assert Reason.ATTEMPT_BUDGET_EXHAUSTED is outcome.reason
    assert 0 == sum(request.step is Step.PASSWORD for request in stage.transport.sent)


async def test_an_acknowledged_revocation_leaves_the_used_up_budget_standing() -> None:
    stage = Stage()
    await used_up(stage, account(rejections=(rejection(Reason.REVOKED),)))
    assert "acknowledged" == await acknowledged(stage, credential())
    left = budget.block_for(await stage.ledger(), VERSIONS.login, REF)
    assert left is not None
    assert Reason.ATTEMPT_BUDGET_EXHAUSTED is left.reason
