"""Previous targets: Secrets that were the target before spec.target.name was changed."""

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


def situation(policy: str, *, secret_name: str = "new", **changes: Any) -> Observed:
    subject = credential(target=Target("new", deletion_policy=policy), status=Status(secret_name=secret_name))
    usual = {"held": TODAY, "probes": alive(NOON)}
    return observed(changes.pop("now", NOON), credential=subject, **{**usual, **changes})


def old(**changes: Any) -> PreviousTarget:
    return PreviousTarget("old", **{"session": TODAY.session, **changes})


NOT_YET = TargetView()


@pytest.mark.parametrize(
    ("seen", "previous", "expected"),
    [
        (situation(DELETE), old(owned=True), PreviousTargetAction.REMOVE),
        (situation(DELETE, secret_name="old"), old(), PreviousTargetAction.REMOVE),
        (situation(DELETE), old(), None),
        (situation(DELETE, target=NOT_YET), old(owned=True), None),
        (situation(DELETE, held=None), old(owned=True), None),
        (situation(RETAIN), old(owned=True), PreviousTargetAction.KEEP),
        (situation(RETAIN, target=NOT_YET), old(owned=True), PreviousTargetAction.KEEP),
        (situation(RETAIN), old(), PreviousTargetAction.KEEP),
        (situation(RETAIN), old(replaced_by="another"), PreviousTargetAction.KEEP),
        (situation(RETAIN), old(replaced_by="new"), None),
        (situation(RETAIN, target=NOT_YET), old(), None),
        (situation(RETAIN, probes=dead(NOON)), old(replaced_by="new"), PreviousTargetAction.MARK_DEAD),
        (situation(RETAIN, probes=dead(NOON)), old(replaced_by="new", marked_dead=True), None),
        (situation(RETAIN, probes=dead(NOON)), old(replaced_by="new", session=None), None),
    ],
)
def test_a_previous_target_is_removed_kept_or_marked(
    seen: Observed, previous: PreviousTarget, expected: PreviousTargetAction | None
) -> None:
    assert expected == action_on_previous(seen, previous)


def test_another_token_is_dead_when_a_daily_flush_is_over() -> None:
    previous = old(session=session(ist("07:40", day=1), token=OTHER_TOKEN), replaced_by="new")
    over = ist("06:00") + LONGEST_FLUSH
    before, after = (situation(RETAIN, now=now) for now in (over - LONGEST_FLUSH / 90, over))
    assert (None, PreviousTargetAction.MARK_DEAD) == (
        action_on_previous(before, previous),
        action_on_previous(after, previous),
    )


def test_a_dead_token_does_not_imply_that_another_of_the_same_day_is_dead() -> None:
    previous = old(session=session(ist("07:40"), token=OTHER_TOKEN), replaced_by="new")
    assert action_on_previous(situation(RETAIN, probes=dead(NOON)), previous) is None


def test_a_previous_target_is_handled_before_a_wait() -> None:
    assert Action.RETIRE == decide(situation(DELETE, previous_targets=(old(owned=True),))).action
    assert Action.WAIT == decide(situation(DELETE, previous_targets=(old(),))).action
