"""docs/monitoring.md has every metric with its type and labels, and asks only for what exists."""

import re

import pytest

from kite_operator.decide.plan import Action
from kite_operator.login.context import PageEvent
from kite_operator.model.errors import Step
from kite_operator.record.metrics import Metrics
from kite_operator.record.outcome import Result
from support.documents import blocks, codes, page, rows, section
from support.facts import NOON

PAGE = page("docs/monitoring.md")
ROWS = {row[0].strip("`"): row for row in rows(PAGE) if row[0].startswith(("`kite_", "`process_"))}
SUFFIXES = {"counter": "_total", "info": "_info"}
INFO_LABELS = ("version",)


def _families() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Name as exposed, type and labels of every family of the process's registry."""
    metrics = Metrics(lambda: NOON)
    collectors = {name: one for one, names in metrics.registry._collector_to_names.items() for name in names}
    found = {}
    for family in metrics.registry.collect():
        source = collectors.get(family.name, family)
        labelled = source if hasattr(source, "_labelnames") else family
        labels: tuple[str, ...] = tuple(getattr(labelled, "_labelnames", ()))
        shown = INFO_LABELS if family.type == "info" else labels
        found[family.name + SUFFIXES.get(family.type, "")] = (family.type, shown)
    return found


FAMILIES = _families()


def test_every_metric_is_described_and_no_other() -> None:
    assert sorted(FAMILIES) == sorted(ROWS)


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_its_type_and_labels_are_those_of_the_code(name: str) -> None:
    kind, labels = FAMILIES[name]
    assert (kind, list(labels)) == (ROWS[name][1], codes(ROWS[name][2]))


def test_the_info_metric_has_the_label_that_is_described() -> None:
    family = next(each for each in Metrics(lambda: NOON).registry.collect() if each.type == "info")
    assert set(INFO_LABELS) == set(family.samples[0].labels)


def test_the_questions_ask_for_metrics_and_labels_that_exist() -> None:
    questions = "\n".join(blocks(PAGE, "promql"))
    histograms = {
        name + end for name, (kind, _) in FAMILIES.items() if kind == "histogram" for end in ("_bucket", "_sum")
    }
    asked = set(re.findall(r"\bkite_\w+", questions))
    assert asked
    assert set() == asked - FAMILIES.keys() - histograms
    known = {label for _, labels in FAMILIES.values() for label in labels} | {"le"}
    named = re.findall(r"\b(?:by|on|group_left) \(([^)]*)\)", questions) + re.findall(r"\{(\w+)[=!~]", questions)
    assert set() == {label for group in named for label in re.split(r",\s*", group)} - known


def _first_cells(title: str) -> set[str]:
    """The code in the first column of the table under a heading."""
    return {code for row in rows(section(PAGE, title))[1:] for code in codes(row[0])}


def test_every_action_is_described() -> None:
    assert {action.value for action in Action if action is not Action.WAIT} == _first_cells("Actions")


def test_every_step_is_described() -> None:
    assert {step.value for step in Step} == _first_cells("Steps")


def test_every_outcome_of_the_login_page_is_described() -> None:
    assert {page_event.value for page_event in PageEvent} == _first_cells("Outcomes of the login page")


def test_every_result_is_described() -> None:
    assert {result.value for result in Result} == _first_cells("Results")
