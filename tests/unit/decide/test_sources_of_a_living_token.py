"""A missing or malformed source Secret does not affect a token of today that works."""

import pytest

from kite_operator.decide.observed import Probes
from kite_operator.model.conditions import READY
from kite_operator.model.reasons import Reason
from kite_operator.model.sources import Problem
from kite_operator.record.status import derive
from support.facts import NOON, alive, as_recorded, ist, observed, published

SOURCES = pytest.mark.parametrize("source", ["app", "factors"])
PROBLEM = Problem(Reason.LOGIN_SECRET_NOT_FOUND, "Secret 'alpha-login' is not there: create it")


def ready_with(source: str, probes: Probes) -> tuple[str, str, str]:
    facts = observed(NOON, held=published(ist("07:40")), probes=probes, **{source: PROBLEM})
    condition = derive(facts, as_recorded(facts)).condition(READY)
    assert condition is not None
    return condition.status, condition.reason, condition.message


@SOURCES
def test_the_token_stays_ready_and_the_problem_is_reported(source: str) -> None:
    assert ("True", PROBLEM.reason, PROBLEM.message) == ready_with(source, alive(NOON))


@SOURCES
def test_without_a_token_that_works_nothing_is_ready(source: str) -> None:
    assert "False" == ready_with(source, Probes(dead_at=NOON, asked_at=NOON, known_since=NOON))[0]
