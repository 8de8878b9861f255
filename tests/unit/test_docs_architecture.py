"""docs/architecture.md draws the code that is there: rules, modules, dependencies, and each promise's tests."""

import re
import tomllib
from typing import get_args

import pytest

from kite_operator.decide.phase import Phase
from kite_operator.decide.policies import CHAIN
from support.documents import ROOT, codes, missing_tests, page, rows, section

PAGE = page("docs/architecture.md")
PACKAGE = ROOT / "operator" / "kite_operator"
PROMISES = [row for row in rows(section(PAGE, "Promises")) if re.fullmatch(r"P\d", row[0])]


def _first_codes(title: str, column: int = 0) -> list[str]:
    return [codes(row[column])[0] for row in rows(section(PAGE, title)) if codes(row[column])]


def test_the_rules_stand_in_the_order_of_the_code() -> None:
    assert [policy.__name__ for policy in CHAIN] == _first_codes("The rules, in order")


def test_the_state_diagram_has_every_phase_of_a_session() -> None:
    states = {state for arrow in re.findall(r"^ {4}(\w+) --> (\w+)", PAGE, re.MULTILINE) for state in arrow}
    assert {phase.__name__ for phase in get_args(Phase)} <= states


def test_every_module_is_on_the_map_and_no_other() -> None:
    modules = {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py"}
    packages = {f"{path.parent.name}/" for path in PACKAGE.glob("*/__init__.py")}
    assert modules | packages == set(_first_codes("Modules", column=1))


def test_every_dependency_says_why_it_is_there() -> None:
    project = tomllib.loads(page("pyproject.toml"))["project"]
    extras = project["optional-dependencies"]
    required = [*project["dependencies"], *extras["operator"], *extras["tracing"]]
    explained = {code for row in rows(section(PAGE, "Dependencies")) for code in codes(row[0])}
    assert {re.split(r"[<>=~!\[; ]", name)[0] for name in required} == explained


def test_all_eight_promises_are_there() -> None:
    assert [f"P{number}" for number in range(1, 9)] == [row[0] for row in PROMISES]


@pytest.mark.parametrize("row", PROMISES, ids=lambda row: row[0])
def test_each_promise_is_kept_by_modules_that_exist(row: list[str]) -> None:
    kept_in = codes(row[2])
    assert kept_in
    assert [] == [name for name in kept_in if not (PACKAGE / name).exists()]


@pytest.mark.parametrize("row", PROMISES, ids=lambda row: row[0])
def test_each_promise_names_tests_that_exist(row: list[str]) -> None:
    named = codes(row[3])
    assert named
    assert [] == missing_tests(named)
