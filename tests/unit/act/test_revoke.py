"""Revocation: block, mark the Secret, log out; a begun revocation is completed, and the token is never shown (P4)."""

from dataclasses import replace
from typing import Any

import pytest

from kite_operator.act.context import Context
from kite_operator.cluster.api import secrets_path
from kite_operator.cluster.target import TOKEN_STATE_ANNOTATION
from kite_operator.decide.observed import TargetView
from kite_operator.decide.revocation import block_id
from kite_operator.model.errors import Step, TransientBrokerError
from kite_operator.model.reasons import Reason
from support.acting import STATE, Stage
from support.facts import ACCESS_TOKEN, credential, leaks, published, staged

ASKED = credential(revoke="leaked-1")
TARGET = secrets_path("desk", "alpha-kite-token")
DOWN = TransientBrokerError(Reason.BROKER_UNAVAILABLE, "the logout answered HTTP 503", step=Step.LOGOUT)


def stage_of(stage: Stage, **facts: Any) -> Context:
    held = facts.pop("held", published(stage.clock.now()))
    view = TargetView(exists=True, session=held.session, matches=True) if held else TargetView()
    context = stage.context(credential=ASKED, held=held, **{"target": view, **facts})
    secret = stage.cluster.put(TARGET, {"metadata": {"name": "alpha-kite-token", "uid": "u"}}) if view.exists else None
    return replace(context, gathered=replace(context.gathered, target=secret))


def state_of_the_token(stage: Stage) -> str:
    return str(stage.cluster.objects[TARGET]["metadata"].get("annotations", {}).get(TOKEN_STATE_ANNOTATION))


async def test_a_revoked_session_is_logged_out_marked_and_blocked() -> None:
    stage = Stage()
    outcome = await stage.revoke(stage_of(stage))
    assert ("revoked", True) == (outcome.result, outcome.handled_revoke)
    assert [ACCESS_TOKEN] == [token.reveal() for token in stage.logouts]
    assert "Dead" == state_of_the_token(stage)
    assert [block_id(ASKED)] == [each.id for each in (await stage.ledger()).rejections]


async def test_a_broker_that_does_not_answer_leaves_the_credential_blocked_and_is_asked_again() -> None:
    stage = Stage(logout=DOWN)
    outcome = await stage.revoke(stage_of(stage))
    assert ("transient", Reason.BROKER_UNAVAILABLE, False) == (outcome.result, outcome.reason, outcome.handled_revoke)
    assert outcome.failed is not None
    assert outcome.failed.failures.next_retry_time is not None
    assert "Dead" == state_of_the_token(stage)
    assert [Reason.REVOKED] == [each.reason for each in (await stage.ledger()).rejections]


async def test_a_revocation_that_runs_twice_blocks_once() -> None:
    stage = Stage()
    await stage.revoke(stage_of(stage))
    await stage.revoke(stage_of(stage, account=await stage.ledger()))
    assert 1 == len((await stage.ledger()).rejections)


async def test_a_session_that_was_not_published_yet_is_ended_and_dropped() -> None:
    stage = Stage()
    context = stage_of(stage, held=staged(stage.clock.now()), target=TargetView())
    outcome = await stage.revoke(context)
    assert ("revoked", [ACCESS_TOKEN]) == (outcome.result, [token.reveal() for token in stage.logouts])
    assert {} == stage.cluster.objects[STATE]["data"]


async def test_without_a_session_nothing_is_blocked_and_an_event_is_emitted() -> None:
    stage = Stage()
    outcome = await stage.revoke(stage_of(stage, held=None))
    assert ("ignored", True) == (outcome.result, outcome.handled_revoke)
    assert "no session" in outcome.notes[0].message
    assert await stage.accounts.read("AB1234") is None


@pytest.mark.parametrize("logout", [None, DOWN])
async def test_no_secret_is_reported(logout: Exception | None) -> None:
    stage = Stage(logout=logout)
    outcome = await stage.revoke(stage_of(stage))
    assert [] == list(leaks(repr(outcome)))
