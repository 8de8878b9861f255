"""What becomes of a Secret that was the target before spec.target.name was changed."""

from typing import Any

import pytest

from kite_operator.decide.observed import Observed, PreviousTarget, TargetView
from kite_operator.decide.plan import Action
from kite_operator.decide.policies import decide
from kite_operator.decide.previous_target import LONGEST_FLUSH, PreviousTargetAction, action_on_previous
from kite_operator.model.resource import DELETE, RETAIN, Status, Target
from support.facts import NOON, alive, credential, dead, ist, observed, published, session

TODAY = published(ist("07:40"))
OTHER_TOKEN = "another0123456789another01234567"


def world(policy: str, *, secret_name: str = "new", **changes: Any) -> Observed:
    who = credential(target=Target("new", deletion_policy=policy), status=Status(secret_name=secret_name))
    usual = {"held": TODAY, "probes": alive(NOON)}
    return observed(changes.pop("now", NOON), credential=who, **{**usual, **changes})


def old(**changes: Any) -> PreviousTarget:
    return PreviousTarget("old", **{"session": TODAY.session, **changes})


NOT_YET = TargetView()


@pytest.mark.parametrize(
    ("seen", "former", "expected"),
    [
        (world(DELETE), old(owned=True), PreviousTargetAction.REMOVE),
        (world(DELETE, secret_name="old"), old(), PreviousTargetAction.REMOVE),
        (world(DELETE), old(), None),
        (world(DELETE, target=NOT_YET), old(owned=True), None),
        (world(DELETE, held=None), old(owned=True), None),
        (world(RETAIN), old(owned=True), PreviousTargetAction.KEEP),
        (world(RETAIN, target=NOT_YET), old(owned=True), PreviousTargetAction.KEEP),
        (world(RETAIN), old(), PreviousTargetAction.KEEP),
        (world(RETAIN), old(replaced_by="another"), PreviousTargetAction.KEEP),
        (world(RETAIN), old(replaced_by="new"), None),
        (world(RETAIN, target=NOT_YET), old(), None),
        (world(RETAIN, probes=dead(NOON)), old(replaced_by="new"), PreviousTargetAction.MARK_DEAD),
        (world(RETAIN, probes=dead(NOON)), old(replaced_by="new", marked_dead=True), None),
        (world(RETAIN, probes=dead(NOON)), old(replaced_by="new", session=None), None),
    ],
)
def test_the_fate_of_a_former_target(
    seen: Observed, former: PreviousTarget, expected: PreviousTargetAction | None
) -> None:
    assert expected == action_on_previous(seen, former)


def test_another_token_is_dead_when_a_daily_flush_is_over() -> None:
    former = old(session=session(ist("07:40", day=1), token=OTHER_TOKEN), replaced_by="new")
    over = ist("06:00") + LONGEST_FLUSH
    before, after = (world(RETAIN, now=now) for now in (over - LONGEST_FLUSH / 90, over))
    assert (None, PreviousTargetAction.MARK_DEAD) == (
        action_on_previous(before, former),
        action_on_previous(after, former),
    )


def test_a_token_that_died_says_nothing_about_another_of_the_same_day() -> None:
    former = old(session=session(ist("07:40"), token=OTHER_TOKEN), replaced_by="new")
    assert action_on_previous(world(RETAIN, probes=dead(NOON)), former) is None


def test_a_former_target_is_dealt_with_before_a_rest() -> None:
    assert Action.RETIRE == decide(world(DELETE, previous_targets=(old(owned=True),))).action
    assert Action.REST == decide(world(DELETE, previous_targets=(old(),))).action
