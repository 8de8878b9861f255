"""Another login may return the living token again, with the login_time of the day before: no other exists today."""

from dataclasses import replace
from datetime import timedelta

import pytest

from kite_operator.cluster.api import secrets_path
from kite_operator.decide.plan import Action
from kite_operator.decide.policies import decide
from support.acting import Stage
from support.broker_fakes import happy_answers
from support.facts import alive, credential, dead, grant, observed, published, renewal, session

DAY = timedelta(days=1)


async def staged(stage: Stage, mode: str) -> Action:
    """Log in by that mode; return the next plan."""
    stored = stage.cluster.put(secrets_path("desk", "grant-1"), {"metadata": {"name": "grant-1"}})["metadata"]
    given = replace(grant(), uid=stored["uid"], resource_version=stored["resourceVersion"])
    context = stage.context(
        credential=credential(mode=mode),
        held=published(stage.clock.now() - DAY),
        probes=alive(stage.clock.now() - timedelta(minutes=1)),
        renewal=renewal(),
        grants=(given,),
    )
    if mode == "TOTP":
        outcome = await stage.log_in(context)
    elif mode == "RefreshToken":
        outcome = await stage.renew(context)
    else:
        outcome = await stage.exchange(context, given)
    assert outcome.after is not None
    return decide(outcome.after.observed).action


@pytest.mark.parametrize("mode", ["TOTP", "Manual", "RefreshToken"])
async def test_a_session_of_the_day_before_from_a_new_login_is_proven_and_not_dropped(mode: str) -> None:
    stage = Stage(happy_answers())
    stage.exchanged = stage.renewed = session(stage.clock.now() - DAY)
    assert Action.PROVE is await staged(stage, mode)


async def test_the_login_time_of_a_login_of_today_is_kept() -> None:
    stage = Stage(happy_answers())
    earlier = stage.clock.now() - timedelta(minutes=3)
    stage.exchanged = session(earlier)
    outcome = await stage.log_in(stage.context())
    assert outcome.after is not None
    assert outcome.after.observed.held is not None
    assert earlier == outcome.after.observed.held.session.login_time


async def test_answers_about_the_token_from_before_the_login_count_no_more() -> None:
    stage = Stage(happy_answers())
    now = stage.clock.now()
    context = stage.context(held=published(now), probes=dead(now))
    context.in_memory.learn(dead_at=now, asked_at=now)
    await stage.log_in(context)
    assert None is context.in_memory.probes.dead_at
    assert observed(now).probes.alive_at is context.in_memory.probes.alive_at
