"""Status objects are parsed and dumped by the declaration of their fields; what another client wrote never raises."""

import copy
import json
from dataclasses import fields
from typing import Any

import pytest

from kite_operator.model.conditions import Condition
from kite_operator.model.manifest import as_manifest, parse_all, parse_manifest, without_nulls
from kite_operator.model.resource import Failures, LastLogin, Status
from kite_operator.model.rollout import RolloutStatus, Workload, WorkloadState
from support.whole_status import FULL, STORED, TEXT, places


def test_a_whole_status_is_stored_under_these_names() -> None:
    assert STORED == as_manifest(FULL)
    assert FULL == parse_manifest(Status, STORED)


def test_what_is_stored_is_plain_data() -> None:
    assert STORED == json.loads(json.dumps(as_manifest(FULL)))
    assert str is type(as_manifest(FULL)["lastReminder"]["mark"])


def test_every_field_of_a_status_is_in_the_whole_one() -> None:
    assert [] == [each.name for each in fields(Status) if getattr(FULL, each.name) == getattr(Status(), each.name)]


def test_an_empty_status_has_a_generation_and_names_what_to_remove() -> None:
    assert dict.fromkeys(STORED) | {"observedGeneration": 0} == as_manifest(Status())
    assert {"observedGeneration": 0} == without_nulls(as_manifest(Status()))


def test_an_empty_field_of_a_stored_object_is_removed_by_name() -> None:
    assert {"count": 1, "reason": "RateLimited", "lastTime": None, "nextRetryTime": None} == as_manifest(
        Failures(1, "RateLimited")
    )
    assert {"grant": "login-1", "reason": "Refreshed", "message": None, "time": None} == as_manifest(
        LastLogin("login-1", "Refreshed")
    )


def test_an_entry_of_a_list_has_no_nulls() -> None:
    status = RolloutStatus(workloads=(WorkloadState(Workload("DaemonSet", "gone"), "", None, "NotFound"),))
    assert [{"kind": "DaemonSet", "name": "gone", "result": "NotFound"}] == as_manifest(status)["workloads"]


def stored_with(value: object, path: tuple[str | int, ...]) -> dict[str, Any]:
    stored: dict[str, Any] = copy.deepcopy(STORED)
    place: Any = stored
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return stored


FOREIGN: list[object] = [
    *(None, True, False, 7, -1, 10**400, 1.5, 1e300, float("nan"), float("inf")),
    *("", "text", "7", "2026-03-02T07:40:00", "1969-12-31T00:00:00Z", "9999-12-31T23:59:59Z"),
    *([], [7], [None], [[]], {}, {"a": 1}, {"name": ["x"]}),
]


@pytest.mark.parametrize("path", list(places(STORED)), ids=lambda path: ".".join(map(str, path)))
def test_no_value_at_any_place_raises_and_the_rest_is_kept(path: tuple[str | int, ...]) -> None:
    others = {name: value for name, value in STORED.items() if name != path[0]}
    for value in FOREIGN:
        parsed = parse_manifest(Status, stored_with(value, path))
        assert parsed is not None
        assert STORED.keys() == as_manifest(parsed).keys()
        assert others == {name: each for name, each in as_manifest(parsed).items() if name != path[0]}


@pytest.mark.parametrize("value", [None, 7, "text", [], [STORED]])
def test_what_is_no_object_is_no_status(value: object) -> None:
    assert parse_manifest(Status, value) is None


@pytest.mark.parametrize("value", [None, 7, "text", {}, {"a": 1}])
def test_what_is_no_list_has_no_entries(value: object) -> None:
    assert () == parse_all(Condition, value)


def test_a_text_or_number_of_another_type_counts_as_absent() -> None:
    raw = {"userID": 7, "blockID": None, "secretName": ["x"], "observedGeneration": "3", "expiresTime": 7}
    assert Status() == parse_manifest(Status, raw)


@pytest.mark.parametrize("name", ["grant", "reason"])
def test_an_object_that_lacks_what_it_needs_counts_as_absent(name: str) -> None:
    raw = {"lastLogin": {each: value for each, value in STORED["lastLogin"].items() if each != name}}
    assert Status() == parse_manifest(Status, raw)


@pytest.mark.parametrize("missing", ["tokenVersion", "since"])
def test_half_a_stamp_is_none(missing: str) -> None:
    entry = {"kind": "Deployment", "name": "trader", "tokenVersion": "v1", "since": TEXT} | {missing: ""}
    assert (WorkloadState(Workload("Deployment", "trader")),) == parse_all(WorkloadState, [entry])
