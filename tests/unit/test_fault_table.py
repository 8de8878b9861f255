"""The table of faults is whole: what the sandbox can do to a client has a row at every place where it can strike."""

import re
from dataclasses import fields

import pytest

from kite_operator.model.reasons import Reason
from kite_sandbox.presets import PRESETS
from kite_sandbox.switches import Switches
from support.documents import ROOT, headings, page, section
from support.fault_cases import WHERE, At, Mode
from support.fault_table import CASES, ELSEWHERE, NOT_HERE

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


def of_the_broker() -> set[Reason]:
    """The reasons that troubleshooting.md puts down to Kite, and those of a login that a person handed over."""
    chapters = ("What Kite refused", "What ends automatically", "The token that worked")
    text = "".join(section(page("docs/troubleshooting.md"), chapter) for chapter in chapters)
    named = {Reason(name) for name in re.findall(r"^### (\w+)$", text, re.MULTILINE)}
    handed_over = {
        Reason.GRANT_LOST,
        Reason.GRANT_EXPIRED,
        Reason.REQUEST_TOKEN_REJECTED,
        Reason.REFRESH_TOKEN_REJECTED,
    }
    return named | handed_over | {Reason.LOGIN_REQUIRED}


def test_every_reason_that_the_broker_causes_has_a_row_or_a_test_elsewhere() -> None:
    told = {
        text for case in CASES for text in (case.reason, *case.events, *(each.split()[2] for each in case.attempts))
    }
    assert len(of_the_broker()) > 20
    assert set() == of_the_broker() - {Reason(text) for text in told} - ELSEWHERE.keys()


@pytest.mark.parametrize(("path", "name"), ELSEWHERE.values())
def test_what_is_tested_elsewhere_is_there(path: str, name: str) -> None:
    assert f"def {name}(" in (ROOT / path).read_text()


def test_no_reason_is_elsewhere_that_has_a_row() -> None:
    assert set() == ELSEWHERE.keys() & {case.reason for case in CASES}


KNOWN_TROUBLES = headings(section(page("docs/troubleshooting.md"), "What can go wrong with a Kite Connect app"), 3)


@pytest.mark.parametrize("title", KNOWN_TROUBLES)
def test_each_trouble_that_people_are_known_to_have_has_rows(title: str) -> None:
    named = set(re.findall(r"\[(\w+)\]\(#", section(page("docs/troubleshooting.md"), title)))
    assert named & {case.reason.value for case in CASES}
