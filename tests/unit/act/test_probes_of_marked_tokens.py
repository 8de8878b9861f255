"""After a restart a token that is only marked as dead is probed, unless many probes of one app would have to queue."""

from kite_operator.act.context import Context
from kite_operator.decide.liveness import next_probe
from kite_operator.decide.observed import Probes, TargetView
from kite_operator.decide.phase import Liveness, liveness
from kite_operator.model.expiry import IST
from support.acting import Stage
from support.facts import published

MARKED = TargetView(exists=True, matches=True, marked_dead=True)


def marked(stage: Stage) -> Context:
    """Return a credential whose token another process, or another client, marked as dead."""
    context = stage.context(held=published(stage.clock.now().astimezone(IST)), target=MARKED, probes=Probes())
    assert Liveness.DEAD is liveness(context.observed)
    return context


async def test_the_first_marked_token_of_an_app_is_probed() -> None:
    stage = Stage()
    context = marked(stage)
    assert "alive" == (await stage.probe(context)).result
    assert context.in_memory.probes.alive_at is not None


async def test_other_marked_tokens_do_not_queue_and_their_marks_are_believed() -> None:
    stage = Stage()
    await stage.probe(marked(stage))
    stages = [marked(stage) for _ in range(100)]
    outcomes = [await stage.probe(context) for context in stages]
    assert [("unanswered", None)] * 100 == [(outcome.result, outcome.retry_at) for outcome in outcomes]
    assert all(context.in_memory.probes.alive_at is None for context in stages)
    # They delay no other credential's turn, and none of them probes again.
    assert stage.services.limiter.probe_turn(marked(stage).observed.held.session.api_key) <= 1.0  # type: ignore[union-attr]  # it is held
    again = stage.context(held=stages[0].observed.held, target=MARKED, probes=stages[0].in_memory.probes)
    assert next_probe(again.observed) is None
