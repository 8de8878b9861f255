"""After a restart a token that is only marked as dead is asked about, unless a crowd of one app would have to queue."""

from kite_operator.act.parts import Scene
from kite_operator.act.proof import probe
from kite_operator.decide.liveness import Liveness, liveness, next_probe
from kite_operator.decide.observed import Probes, TargetView
from kite_operator.model.expiry import IST
from support.acting import Stage
from support.facts import published

MARKED = TargetView(exists=True, matches=True, marked_dead=True)


def marked(stage: Stage) -> Scene:
    """A credential whose token a former process, or somebody else, called dead."""
    scene = stage.scene(held=published(stage.clock.now().astimezone(IST)), target=MARKED, probes=Probes())
    assert Liveness.DEAD is liveness(scene.observed)
    return scene


async def test_the_first_of_an_app_is_asked_about() -> None:
    stage = Stage()
    scene = marked(stage)
    assert "alive" == (await probe(stage.parts, scene)).result
    assert scene.recollection.probes.alive_at is not None


async def test_the_others_do_not_queue_and_their_marks_are_believed() -> None:
    stage = Stage()
    await probe(stage.parts, marked(stage))
    scenes = [marked(stage) for _ in range(100)]
    outcomes = [await probe(stage.parts, scene) for scene in scenes]
    assert [("unanswered", None)] * 100 == [(outcome.result, outcome.retry_at) for outcome in outcomes]
    assert all(scene.recollection.probes.alive_at is None for scene in scenes)
    # Nobody else's turn is put off by them, and none of them asks again.
    assert stage.parts.limiter.probe_turn(marked(stage).observed.held.session.api_key) <= 1.0  # type: ignore[union-attr]  # it is held
    again = stage.scene(held=scenes[0].observed.held, target=MARKED, probes=scenes[0].recollection.probes)
    assert next_probe(again.observed) is None
