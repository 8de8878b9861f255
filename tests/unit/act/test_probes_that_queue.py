"""Many probes of one app take turns: by boot-time, and never past the time at which a login is due."""

from datetime import datetime, timedelta

import pytest

from kite_operator.act.context import Context
from kite_operator.decide.plan import Action
from kite_operator.decide.policies import decide
from kite_operator.model.sensitive import Sensitive
from support.acting import Stage
from support.facts import API_KEY, alive, ist, published

QUEUE = 600
"""Number of probes that have a turn already, at one a second."""


def queued(now: datetime, minted: datetime) -> tuple[Stage, Context]:
    stage = Stage()
    stage.clock.wall = now
    for _ in range(QUEUE):
        stage.services.limiter.probe_turn(Sensitive(API_KEY))
    return stage, stage.context(held=published(minted), probes=alive(now - timedelta(hours=1)))


async def test_a_turn_is_as_far_away_as_before_when_the_clock_is_set_back() -> None:
    stage, context = queued(ist("15:00"), ist("07:40"))
    first = await stage.probe(context)
    assert ("deferred", ist("15:10")) == (first.result, first.retry_at)
    stage.clock.wall -= timedelta(hours=5, minutes=30)
    again = await stage.probe(context)
    assert ("deferred", ist("09:40")) == (again.result, again.retry_at)
    await stage.clock.sleep(QUEUE)
    assert "alive" == (await stage.probe(context)).result


@pytest.mark.parametrize(("now", "expected"), [("08:14:30", "08:15:00"), ("07:50:00", "08:00:00")])
async def test_a_turn_is_waited_for_until_the_last_call_at_most(now: str, expected: str) -> None:
    stage, context = queued(ist(now, day=3), ist("07:40", day=2))
    outcome = await stage.probe(context)
    assert ("deferred", ist(expected, day=3)) == (outcome.result, outcome.retry_at)


async def test_after_the_last_call_a_login_waits_for_no_turn() -> None:
    now = ist("08:15:30", day=3)
    stage, context = queued(now, ist("07:40", day=2))
    assert Action.PROBE is decide(context.observed).action
    assert "unanswered" == (await stage.probe(context)).result
    later = stage.context(held=context.observed.held, probes=context.in_memory.probes)
    assert Action.LOGIN is decide(later.observed).action
