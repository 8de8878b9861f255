"""A session that only the derived Secret holds: proven, kept in a state Secret again, and claimed for the account."""

from dataclasses import replace
from typing import Any

import pytest

from kite_operator.act.context import Context
from kite_operator.cluster.state import parse_state
from kite_operator.decide.phase import Liveness, liveness
from kite_operator.model.account import Claim, Ref
from kite_operator.model.errors import TokenDead
from kite_operator.model.reasons import Reason
from support.acting import STATE, Stage
from support.facts import CLIENT_ID, OTHER, REF, VERSIONS, account, published

ADOPT = Reason.REPUBLISHED


def stage_of(stage: Stage, **facts: Any) -> Context:
    return stage.context(held=replace(published(stage.clock.now()), recovered=True), **facts)


async def lease_held_by(stage: Stage, holder: Ref, *, proven: bool) -> None:
    ledger = account(claims=(Claim(VERSIONS.api_key, holder, proven, stage.clock.now()),))
    await stage.accounts.change(CLIENT_ID, lambda _: ledger, seed=account())


async def test_an_adopted_session_is_kept_again_once_it_is_proven() -> None:
    stage = Stage()
    context = stage_of(stage)
    outcome = await stage.prove(context, ADOPT)
    kept = parse_state(stage.cluster.objects[STATE], context.credential)
    assert ("published", Reason.REPUBLISHED) == (outcome.result, outcome.reason)
    assert kept is not None
    assert (True, False) == (kept.published, kept.recovered)


@pytest.mark.parametrize("holder", [REF, replace(REF, uid="former"), OTHER])
async def test_the_account_is_claimed_and_the_claim_proven(holder: Ref) -> None:
    stage = Stage()
    await lease_held_by(stage, holder, proven=False)
    await stage.prove(stage_of(stage), ADOPT)
    assert [(REF, True)] == [(each.holder, each.proven) for each in (await stage.ledger()).claims]


async def test_the_account_is_not_claimed_when_another_credential_has_proven_its_claim() -> None:
    stage = Stage()
    await lease_held_by(stage, OTHER, proven=True)
    await stage.prove(stage_of(stage), ADOPT)
    assert [OTHER] == [each.holder for each in (await stage.ledger()).claims]


async def test_a_claim_that_was_released_is_made_and_proven() -> None:
    stage = Stage()
    await stage.accounts.change(CLIENT_ID, lambda _: account(claims=()), seed=account())
    await stage.prove(stage_of(stage), ADOPT)
    assert [(REF, True)] == [(each.holder, each.proven) for each in (await stage.ledger()).claims]


@pytest.mark.parametrize("profile", ["XY9999", TokenDead("the profile")])
async def test_a_refused_adopted_session_counts_as_none_and_blocks_nothing(profile: Any) -> None:
    stage = Stage(profile=profile)
    context = stage_of(stage)
    await stage.prove(context, ADOPT)
    seen = replace(context.observed, probes=context.in_memory.probes)
    assert Liveness.DEAD is liveness(seen)
    assert STATE not in stage.cluster.objects
    assert await stage.accounts.read(CLIENT_ID) is None


async def test_a_staged_session_of_another_client_is_still_a_rejection() -> None:
    stage = Stage(profile="XY9999")
    context = stage.context(held=replace(published(stage.clock.now()), published=False), account=account())
    outcome = await stage.prove(context, ADOPT)
    assert ("rejected", Reason.WRONG_ACCOUNT) == (outcome.result, outcome.reason)
    assert [Reason.WRONG_ACCOUNT] == [each.reason for each in (await stage.ledger()).rejections]


async def test_an_adopted_session_is_reported_and_counts_as_a_refresh_and_as_no_heal() -> None:
    stage = Stage()
    held = replace(published(stage.clock.now()), recovered=True, adopted=True)
    context = stage.context(held=held)
    outcome = await stage.prove(context, ADOPT)
    kept = parse_state(stage.cluster.objects[STATE], context.credential)
    assert ("published", stage.clock.now()) == (outcome.result, outcome.refreshed_at)
    assert ["was taken over", "its token works until"] == [
        words
        for each in outcome.notes
        for words in ("was taken over", "its token works until")
        if words in each.message
    ]
    assert kept is not None
    assert ((), False) == (context.in_memory.heals, kept.adopted)


async def test_a_refused_adoption_is_reported_without_mentioning_a_logout() -> None:
    stage = Stage(profile=TokenDead("the profile"))
    held = replace(published(stage.clock.now()), recovered=True, adopted=True)
    outcome = await stage.prove(stage.context(held=held), ADOPT)
    assert ["Secret 'alpha-kite-token' was not taken over: the broker refuses the token in it"] == [
        each.message for each in outcome.notes
    ]
    assert STATE not in stage.cluster.objects
