"""The table of faults is whole: what the sandbox can do to a client has a row at every place where it can strike."""

import re
from dataclasses import fields

import pytest

from kite_sandbox.presets import PRESETS
from kite_sandbox.switches import Switches
from support.fault_cases import WHERE, At, Mode
from support.fault_table import CASES, NOT_HERE

PLACES = [(mode, at) for mode, places in WHERE.items() for at in places]


@pytest.mark.parametrize(("mode", "at"), PLACES)
def test_every_fault_of_the_sandbox_has_a_row_at_every_place(mode: Mode, at: At) -> None:
    here = [case.cause for case in CASES if (case.mode, case.at) == (mode, at) and ":" not in case.cause]
    assert sorted(PRESETS) == sorted(here)


def test_no_row_is_written_twice() -> None:
    assert len(CASES) == len({case.id for case in CASES})


def test_every_switch_of_the_sandbox_has_a_row_or_a_word_why_not() -> None:
    moved = set(re.findall(r"switch:(\w+)=", " ".join(case.cause for case in CASES)))
    assert {item.name for item in fields(Switches)} == moved | NOT_HERE.keys()
    assert set() == moved & NOT_HERE.keys()
