"""docs/troubleshooting.md has an entry for every reason: what to do first, what it means, what the operator does."""

import re

import pytest

from alerts.catalogue import catalogue
from kite_operator.model.conditions import TYPES
from kite_operator.model.reason_facts import Kind
from kite_operator.model.reasons import Reason
from support.documents import ROOT, anchors, codes, headings, links, missing_tests, named_tests, page, rows, section

PAGE = page("docs/troubleshooting.md")
ARCHITECTURE = page("docs/architecture.md")
REASONS, _, _ = PAGE.partition("\n## Alerts\n")
SOURCES = [path for path in (ROOT / "operator" / "kite_operator").rglob("*.py") if path.name != "reasons.py"]
NOT_USED = "Not used by this version"
PROCEDURES = "Procedures"
TROUBLES = "What can go wrong with a Kite Connect app"
CASES = (
    "Subscription not active",
    "The api_secret is lost or was regenerated",
    "One app per client ID",
    "The redirect URL does not match",
    "TOTP fails, or a clock is out of sync",
)
"""What goes wrong with a Kite Connect app most often, whatever program uses it."""
PARTS = ["Do", "Means", "Operator"]
NOTHING = ("nothing", "watch", "use the present")


def _do(reason: str) -> str:
    """The first part of an entry: what the user does."""
    return section(PAGE, reason).partition("**Do:**")[2].partition("- **Means:**")[0].strip()


def test_every_reason_is_explained_and_no_other() -> None:
    explained = [title for title in headings(REASONS, 3) if re.fullmatch(r"[A-Z]\w+", title)]
    assert sorted(reason.value for reason in Reason) == sorted(explained)


def test_the_anchor_of_a_reason_is_its_name_in_lower_case() -> None:
    assert {reason.lower() for reason in Reason} <= anchors(PAGE)


def test_each_kind_of_reasons_has_a_section_of_its_own() -> None:
    names = {reason.value for reason in Reason}
    sections = (names.intersection(headings(section(PAGE, title), 3)) for title in headings(PAGE, 2))
    of_a_kind = [[reason.value for reason in Reason if reason.kind is kind] for kind in Kind]
    assert [sorted(each) for each in of_a_kind] == [sorted(each) for each in sections if each]


@pytest.mark.parametrize("reason", list(Reason))
def test_each_says_first_what_to_do_then_what_it_means_and_what_the_operator_does(reason: Reason) -> None:
    text = section(PAGE, reason)
    assert PARTS == re.findall(r"^- \*\*(\w+):\*\*", text, re.MULTILINE)
    assert text.lstrip().startswith("- **Do:**")


@pytest.mark.parametrize("reason", list(Reason))
def test_a_reason_that_no_code_uses_says_so(reason: Reason) -> None:
    used = any(f"Reason.{reason.name}" in path.read_text() for path in SOURCES)
    assert used == (NOT_USED not in section(PAGE, reason))


@pytest.mark.parametrize("reason", list(Reason))
def test_what_to_do_is_nothing_or_says_how(reason: Reason) -> None:
    """By a command, or by a link to the place that has one."""
    todo = _do(reason)
    assert todo.startswith(NOTHING) or links(todo) or any("kubectl " in code for code in codes(todo))


@pytest.mark.parametrize("title", CASES)
def test_each_known_trouble_names_reasons_and_first_what_to_do(title: str) -> None:
    text = section(PAGE, title)
    reasons = {anchor for anchor in re.findall(r"\]\(#([\w-]+)\)", text) if "-" not in anchor}
    assert reasons
    assert reasons <= {reason.value.lower() for reason in Reason}
    assert text.strip().startswith("**")


@pytest.mark.parametrize("title", CASES)
def test_each_known_trouble_is_held_by_tests_that_exist(title: str) -> None:
    (tests,) = [row[1] for row in rows(section(ARCHITECTURE, "Known troubles")) if title in row[0]]
    assert named_tests(tests)
    assert [] == missing_tests(named_tests(tests))


def test_the_known_troubles_are_these() -> None:
    assert list(CASES) == headings(section(PAGE, TROUBLES), 3)


def test_the_page_names_no_reason_that_does_not_exist() -> None:
    named = {code for code in codes(PAGE) if re.fullmatch(r"(?:[A-Z][a-z]+){2,}|[A-Z]+[a-z]+\w*", code)}
    linked = {text for text in re.findall(r"\[(\w+)\]\(#\w+\)", PAGE) if re.fullmatch(r"(?:[A-Z]\w*){2,}", text)}
    results = {code for row in rows(section(page("docs/reference.md"), "Rollout restarts")) for code in codes(row[0])}
    other = {*TYPES, *results, "True", "False", "TokenException", "TradingDays", "Daily", "OnDelete", "Opaque", "Date"}
    other |= {"Dead", "OOMKilled", "Unhealthy", "URLError", "Always"}
    assert set() == named - {reason.value for reason in Reason} - other
    alerts = {alert.name for group in catalogue() for alert in group.alerts}
    assert set() == linked - {reason.value for reason in Reason} - alerts - {"Alerts"}


def test_nobody_is_told_to_delete_a_secret_in_whose_place_nothing_could_be_written() -> None:
    """The messages are those of tests/cluster/test_token_life.py and tests/cluster/test_fights_over_a_secret.py."""
    fixable, _, refused = _do("TargetUnwritable").partition("**")
    assert all(f'"{message}"' in fixable for message in ("is immutable", "is of another type"))
    assert refused.startswith('Where "the API server refused" a request, do not delete it:**')


def test_every_reason_that_can_block_says_how_the_block_ends() -> None:
    blocking = headings(section(PAGE, "What Kite refused"), 3)
    assert blocking
    ways = ("#acknowledge-a-block", "#log-in-by-hand", "lifts the block")
    assert [] == [reason for reason in blocking if not any(way in _do(reason) for way in ways)]


def test_the_procedures_that_entries_share_are_there_and_each_is_used() -> None:
    shared = anchors("\n".join(f"### {title}" for title in headings(section(PAGE, PROCEDURES), 3)))
    assert len(shared) > 5
    assert set() == shared - {link.removeprefix("#") for link in links(PAGE)}
