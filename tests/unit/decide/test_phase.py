"""The phase of a session follows from facts: what is held, of which day and app, and what the broker answered last."""

from dataclasses import replace
from datetime import timedelta

import pytest

from kite_operator.decide.observed import Held, Observed, Probes, TargetView
from kite_operator.decide.phase import Dead, Due, Nothing, OtherApp, Phase, Published, Staged, phase_of
from kite_operator.model.sensitive import Sensitive
from kite_operator.model.session import AppKeys
from support.facts import NOON, alive, dead, leaks, observed, published, staged, unanswered

NOW, EARLIER = NOON, NOON - timedelta(minutes=5)
TODAY, YESTERDAY = published(NOON - timedelta(hours=3)), published(NOON - timedelta(days=1))
NEW, OLD = staged(NOON - timedelta(minutes=1)), staged(NOON - timedelta(days=1))
ADOPTED = replace(TODAY, recovered=True, adopted=True)
OTHER_APP = AppKeys(Sensitive("anotherapikey000"), Sensitive("anothersecret000"))
MARKED = TargetView(exists=True, matches=True, marked_dead=True)


def with_held(held: Held | None, probes: Probes | None = None, **changes: object) -> Observed:
    return observed(NOW, held=held, probes=probes or Probes(known_since=NOW), **changes)


PHASES: dict[str, tuple[Observed, Phase]] = {
    "no session": (with_held(None), Nothing()),
    "a session that is staged": (with_held(NEW), Staged(NEW, due=False, of_other_app=False)),
    "one that is staged and was refused": (with_held(NEW, dead(NOW)), Staged(NEW, due=False, of_other_app=False)),
    "one that is staged since the day before": (with_held(OLD), Staged(OLD, due=True, of_other_app=False)),
    "one that is staged for another app": (with_held(NEW, app=OTHER_APP), Staged(NEW, due=False, of_other_app=True)),
    "a session of today": (with_held(TODAY), Published(TODAY, alive=True)),
    "one of today that was not answered for": (with_held(TODAY, unanswered(NOW)), Published(TODAY, alive=True)),
    "one to be adopted": (with_held(ADOPTED), Published(ADOPTED, alive=False)),
    "one to be adopted, and refused": (with_held(ADOPTED, dead(NOW)), Nothing()),
    "one of the day before": (with_held(YESTERDAY), Due(YESTERDAY, alive=False)),
    "one of the day before that works": (with_held(YESTERDAY, alive(EARLIER)), Due(YESTERDAY, alive=True)),
    "one that the broker refuses": (with_held(TODAY, dead(EARLIER)), Dead(TODAY, due=False)),
    "one that is marked as dead": (with_held(TODAY, target=MARKED), Dead(TODAY, due=False)),
    "one of the day before that is dead": (with_held(YESTERDAY, dead(EARLIER)), Dead(YESTERDAY, due=True)),
    "one of another app": (with_held(TODAY, app=OTHER_APP), OtherApp(Published(TODAY, alive=True))),
    "a dead one of another app": (with_held(TODAY, dead(EARLIER), app=OTHER_APP), OtherApp(Dead(TODAY, due=False))),
}


@pytest.mark.parametrize(("facts", "expected"), PHASES.values(), ids=PHASES.keys())
def test_the_phase_of_a_session_follows_from_facts(facts: Observed, expected: Phase) -> None:
    assert expected == phase_of(facts)


@pytest.mark.parametrize(("facts", "expected"), PHASES.values(), ids=PHASES.keys())
def test_a_phase_shows_no_secret(facts: Observed, expected: Phase) -> None:
    assert [] == [*leaks(repr(phase_of(facts))), *leaks(str(expected))]
