"""The list: the most urgent first, with times in Indian words."""

from dataclasses import replace
from datetime import time

from kite_operator.login.waiting import waiting_of
from kite_operator.model.resource import Status, Timing
from support.facts import credential, ist

EARLY, LATE = ist("08:00"), ist("09:00")


def test_a_deadline_that_has_passed_is_late() -> None:
    assert [False, True] == [waiting_of(credential(), now).late for now in (EARLY, LATE)]
    assert "08:45 Indian time" == waiting_of(credential(), EARLY).ready_by


def test_the_earliest_deadline_comes_first_then_the_name() -> None:
    soon = replace(credential(), timing=Timing(ready_by=time(8, 15)))
    usual = credential()
    assert waiting_of(soon, EARLY).order < waiting_of(usual, EARLY).order


def test_the_present_tokens_expiry_is_shown() -> None:
    status = Status(expires_time=ist("06:00", day=3))
    assert "06:00 Indian time on Tuesday 3 March 2026" == waiting_of(credential(status=status), EARLY).expires
    assert "" == waiting_of(credential(), EARLY).expires
