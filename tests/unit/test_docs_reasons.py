"""docs/failures.md explains every reason, and docs/runbook.md has a place for each that a person must act on."""

import re

import pytest

from kite_operator.model.conditions import TYPES
from kite_operator.model.reason_facts import Kind
from kite_operator.model.reasons import Reason
from support.documents import ROOT, anchors, codes, headings, missing_tests, named_tests, page, section

FAILURES = page("docs/failures.md")
RUNBOOK = page("docs/runbook.md")
SOURCES = [path for path in (ROOT / "operator" / "kite_operator").rglob("*.py") if path.name != "reasons.py"]
NOT_USED = "Not used by this version"
CASES = (
    "Subscription not active",
    "The api_secret is lost or was regenerated",
    "One app per client ID",
    "The redirect URL does not match",
    "TOTP fails, or a clock is out of sync",
)
"""What goes wrong with a Kite Connect app most often, whatever program uses it."""


def _explained() -> list[str]:
    """The headings that are one CamelCase word."""
    return [title for title in headings(FAILURES, 3) if re.fullmatch(r"[A-Z]\w+", title)]


def test_every_reason_is_explained_and_no_other() -> None:
    assert sorted(reason.value for reason in Reason) == sorted(_explained())


def test_the_anchor_of_a_reason_is_its_name_in_lower_case() -> None:
    assert {reason.lower() for reason in Reason} <= anchors(FAILURES)


def test_each_kind_of_reasons_has_a_section_of_its_own() -> None:
    names = {reason.value for reason in Reason}
    sections = (names.intersection(headings(section(FAILURES, title), 3)) for title in headings(FAILURES, 2))
    of_a_kind = [[reason.value for reason in Reason if reason.kind is kind] for kind in Kind]
    assert [sorted(each) for each in of_a_kind] == [sorted(each) for each in sections if each]


@pytest.mark.parametrize("reason", list(Reason))
def test_each_says_what_it_means_what_the_operator_does_and_what_is_left(reason: Reason) -> None:
    parts = re.findall(r"^- \*\*(\w+):\*\*", section(FAILURES, reason), re.MULTILINE)
    assert ["Means", "Operator", "You"] == parts


@pytest.mark.parametrize("reason", list(Reason))
def test_a_reason_that_no_code_uses_says_so(reason: Reason) -> None:
    used = any(f"Reason.{reason.name}" in path.read_text() for path in SOURCES)
    assert used == (NOT_USED not in section(FAILURES, reason))


@pytest.mark.parametrize("reason", list(Reason))
def test_what_is_left_for_a_person_leads_to_the_runbook(reason: Reason) -> None:
    left = section(FAILURES, reason).partition("**You:**")[2].strip()
    nothing = left.startswith(("nothing", "watch", "use the present", "write the base32", "log in as", "when it lasts"))
    assert nothing or "](runbook.md#" in left


@pytest.mark.parametrize("title", CASES)
def test_each_known_trouble_names_reasons_tests_and_places_in_the_runbook_that_exist(title: str) -> None:
    text = section(FAILURES, title)
    reasons = set(re.findall(r"\]\(#([a-z]+)\)", text))
    places = set(re.findall(r"\]\(runbook\.md#([\w-]+)\)", text))
    assert reasons
    assert reasons <= {reason.value.lower() for reason in Reason}
    assert places
    assert places <= anchors(RUNBOOK)
    assert named_tests(text)
    assert [] == missing_tests(named_tests(text))


def test_the_known_troubles_are_these() -> None:
    assert list(CASES) == headings(section(FAILURES, "What can go wrong with a Kite Connect app"), 3)


def test_the_runbook_names_no_reason_that_does_not_exist() -> None:
    seen = re.findall(r"\*\*You see\*\*(.*?)(?:\n\n|\Z)", RUNBOOK, re.DOTALL)
    named = {
        code for text in seen for code in codes(text) if re.fullmatch(r"(?:[A-Z][a-z]+){2,}|[A-Z]+[a-z]+\w*", code)
    }
    other = {*TYPES, "True", "False", "TokenException"}
    assert set() == named - {reason.value for reason in Reason} - other


def test_nobody_is_told_to_delete_a_secret_in_whose_place_nothing_could_be_written() -> None:
    """The messages are those of tests/cluster/test_token_life.py and tests/cluster/test_fights_over_a_secret.py."""
    steps = section(RUNBOOK, "The derived Secret cannot be written").partition("`TargetUnwritable`: ")[2]
    mendable, _, refused = steps.partition("\n- `")[0].partition("**")
    assert all(f'"{message}"' in mendable for message in ("is immutable", "is of another type"))
    assert refused.startswith('Where "the API server refused" a request, do not delete it:**')


def test_every_reason_that_can_block_has_a_place_in_the_runbook() -> None:
    refused = FAILURES.partition("## What the broker refused")[2].partition("\n## ")[0]
    blocking = re.findall(r"^### (\w+)$", refused, re.MULTILINE)
    assert blocking
    assert [] == [reason for reason in blocking if f"`{reason}`" not in RUNBOOK]
