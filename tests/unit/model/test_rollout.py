"""spec.rollout and status.rollout as typed values."""

from datetime import time
from typing import Any

import pytest

from kite_operator.model.expiry import IST
from kite_operator.model.manifest import as_manifest, parse_manifest
from kite_operator.model.parse import parse_credential
from kite_operator.model.rollout import (
    ALWAYS,
    DEFAULT_MARKET_HOURS,
    MOST_WORKLOADS,
    OUTSIDE_MARKET_HOURS,
    Rollout,
    RolloutStatus,
    Stamp,
    Workload,
    WorkloadState,
    parse_rollout,
)
from support.facts import body, ist

TRADER = {"kind": "Deployment", "name": "trader"}


def parsed(rollout: object) -> tuple[Rollout | None, list[str]]:
    problems: list[str] = []
    return parse_rollout({"rollout": rollout}, problems), problems


def test_without_a_rollout_nothing_is_restarted() -> None:
    assert (None, []) == parsed(None)


def test_an_absent_field_has_its_effective_value() -> None:
    expected = Rollout((Workload("Deployment", "trader"),), OUTSIDE_MARKET_HOURS, DEFAULT_MARKET_HOURS)
    assert (expected, []) == parsed({"restart": [TRADER]})


def test_everything_can_be_set() -> None:
    spec = {
        "restart": [TRADER, {"kind": "StatefulSet", "name": "feed.a-1"}, {"kind": "DaemonSet", "name": "trader"}],
        "when": "Always",
        "marketHours": "09:00-23:55",
    }
    workloads = (Workload("Deployment", "trader"), Workload("StatefulSet", "feed.a-1"), Workload("DaemonSet", "trader"))
    assert (Rollout(workloads, ALWAYS, (time(9), time(23, 55))), []) == parsed(spec)


@pytest.mark.parametrize(
    ("rollout", "field"),
    [
        ({}, "spec.rollout.restart must name"),
        ("trader", "spec.rollout.restart must name"),
        ({"restart": []}, "spec.rollout.restart must name 1 to 16"),
        ({"restart": "trader"}, "spec.rollout.restart must name"),
        ({"restart": [{**TRADER, "name": f"t{n}"} for n in range(MOST_WORKLOADS + 1)]}, "spec.rollout.restart must"),
        ({"restart": [TRADER, TRADER]}, "spec.rollout.restart must name each workload once"),
        ({"restart": ["trader"]}, "spec.rollout.restart[0].kind must be"),
        ({"restart": [TRADER, {**TRADER, "kind": "Job"}]}, "spec.rollout.restart[1].kind must be Deployment, Stateful"),
        ({"restart": [{**TRADER, "name": "../trader"}]}, "spec.rollout.restart[0].name must be"),
        ({"restart": [{**TRADER, "name": "t" * 254}]}, "spec.rollout.restart[0].name must be"),
        ({"restart": [{**TRADER, "name": None}]}, "spec.rollout.restart[0].name must be"),
        ({"restart": [TRADER], "when": "Sometimes"}, "spec.rollout.when must be OutsideMarketHours or Always"),
        ({"restart": [TRADER], "marketHours": "9-15:30"}, "spec.rollout.marketHours must be"),
        ({"restart": [TRADER], "marketHours": "15:30-09:00"}, "spec.rollout.marketHours must be"),
        ({"restart": [TRADER], "marketHours": "09:00-09:00"}, "spec.rollout.marketHours must be"),
        ({"restart": [TRADER], "marketHours": 9}, "spec.rollout.marketHours must be"),
    ],
)
def test_a_problem_is_reported_with_its_field(rollout: object, field: str) -> None:
    _, problems = parsed(rollout)
    assert any(problem.startswith(field) for problem in problems)


def test_a_credential_with_a_wrong_rollout_is_not_acted_on() -> None:
    spec = body()["spec"] | {"rollout": {"restart": [TRADER], "when": "Sometimes"}}
    problems = parse_credential(body() | {"spec": spec}).problems
    assert ("spec.rollout.when must be OutsideMarketHours or Always",) == problems


FULL = RolloutStatus(
    observed_generation=3,
    token_version="0123abcd.feed",
    reason="RolloutWaiting",
    message="waits",
    restarted_time=ist("07:40").astimezone(IST),
    next_time=ist("15:30").astimezone(IST),
    workloads=(
        WorkloadState(
            Workload("Deployment", "trader"), "uid-1", Stamp("0123abcd.feed", ist("07:40").astimezone(IST)), "Waiting"
        ),
        WorkloadState(Workload("DaemonSet", "gone"), "", None, "NotFound"),
    ),
)


@pytest.mark.parametrize("status", [FULL, RolloutStatus()])
def test_a_stored_status_is_read_back(status: RolloutStatus) -> None:
    stored = {name: value for name, value in as_manifest(status).items() if value is not None}
    assert status == parse_manifest(RolloutStatus, stored)


def test_an_absent_field_is_removed_by_a_merge_patch() -> None:
    written = as_manifest(RolloutStatus(observed_generation=3))
    assert as_manifest(FULL).keys() == written.keys()
    assert {"observedGeneration": 3} == {name: value for name, value in written.items() if value is not None}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (None, None),
        ("text", None),
        ({}, RolloutStatus()),
        ({"observedGeneration": "3", "nextTime": "soon", "workloads": ["trader"]}, RolloutStatus()),
        (
            {"workloads": [{"kind": "Deployment"}]},
            RolloutStatus(workloads=(WorkloadState(Workload("Deployment", ""), "", None, ""),)),
        ),
    ],
)
def test_content_of_another_client_breaks_nothing(raw: Any, expected: RolloutStatus | None) -> None:
    assert expected == parse_manifest(RolloutStatus, raw)
