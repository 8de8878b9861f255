"""Conditions as in Kubernetes: a transition time that changes only with the status, and bounded messages."""

from dataclasses import replace
from datetime import timedelta

from kite_operator.model.conditions import LONGEST_MESSAGE, Condition, with_transition
from kite_operator.model.expiry import rfc3339
from kite_operator.model.manifest import as_manifest, parse_all
from support.facts import NOON

OLD = Condition("Ready", "True", "SessionActive", "fine", 1, rfc3339(NOON))
LATER = NOON + timedelta(hours=1)


def test_the_transition_time_stays_while_the_status_does() -> None:
    new = Condition("Ready", "True", "WaitingForSchedule", "another reason")
    assert replace(new, since=rfc3339(NOON)) == with_transition(new, OLD, LATER)


def test_the_transition_time_moves_with_the_status() -> None:
    new = Condition("Ready", "False", "TokenDead", "over")
    assert rfc3339(LATER) == with_transition(new, OLD, LATER).since


def test_a_first_condition_began_now() -> None:
    assert rfc3339(NOON) == with_transition(replace(OLD, since=""), None, NOON).since
    assert rfc3339(LATER) == with_transition(OLD, replace(OLD, since=""), LATER).since


def test_a_condition_is_read_back_as_it_was_written() -> None:
    long = replace(OLD, message="long " * 400)
    assert LONGEST_MESSAGE == len(long.message)
    assert (OLD, long) == parse_all(Condition, [as_manifest(OLD), as_manifest(long)])


def test_an_entry_that_is_not_a_condition_is_left_out() -> None:
    assert (Condition("Ready", "Unknown", "", ""),) == parse_all(Condition, [1, None, "x", {"type": "Ready"}])
