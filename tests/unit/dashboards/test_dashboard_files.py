"""The dashboards as they are shipped: complete, of this project's metrics only, and free to move between Grafanas."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from dashboards.__main__ import FOLDER, dashboards, files, main
from kite_operator.record.metrics import Metrics
from support.documents import anchors, page
from support.facts import NOON

FILES = {file.name: json.loads(file.read_text()) for file in sorted(FOLDER.glob("*.json"))}
UNITS = {"short", "s", "bytes", "percentunit", "ops", "dtdurations", "dateTimeAsIso", "none", "string"}
WITHOUT_UNIT = {"none", "string"}
"""For what is shown as words."""
GRAFANA_S_OWN = {"__rate_interval", "__range"}
SCRAPED = {"job", "instance"}
"""Labels that Prometheus adds."""


def _families() -> dict[str, set[str]]:
    """Every series name that the operator exposes, with its labels."""
    metrics = Metrics(lambda: NOON)
    collectors = {name: one for one, names in metrics.registry._collector_to_names.items() for name in names}
    found: dict[str, set[str]] = {}
    for family in metrics.registry.collect():
        source = collectors.get(family.name, family)
        labels = set(getattr(source if hasattr(source, "_labelnames") else family, "_labelnames", ()))
        ends = {"counter": ["_total"], "info": ["_info"], "histogram": ["_bucket", "_sum", "_count"]}
        for end in ends.get(family.type, [""]):
            extra = {"le"} if end == "_bucket" else {"version"} if family.type == "info" else set()
            found[family.name + end] = labels | extra
    return found


SERIES = _families()


def panels(name: str) -> list[dict[str, Any]]:
    return [each for each in FILES[name]["panels"] if each["type"] != "row"]


def queries(name: str) -> Iterator[str]:
    for panel in panels(name):
        yield from (target["expr"] for target in panel["targets"])


def variables(name: str) -> list[dict[str, Any]]:
    return [each for each in FILES[name]["templating"]["list"] if each["type"] == "query"]


def asked(expr: str) -> set[str]:
    """The series that a query names."""
    return set(re.findall(r"\b(?:kite|process)_\w+", expr))


EACH = pytest.mark.parametrize("name", sorted(FILES))


def test_the_files_are_those_of_the_source() -> None:
    assert {name: json.loads(content) for name, content in files().items()} == FILES
    assert 0 == main(["--check"])


def test_check_fails_for_a_file_that_was_edited(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("dashboards.__main__.FOLDER", tmp_path)
    assert 0 == main(["--into", str(tmp_path)])
    assert 0 == main(["--check"])
    (tmp_path / "kite-operator-overview.json").write_text("{}")
    assert 1 == main(["--check"])
    assert "kite-operator-overview.json is out of step" in capsys.readouterr().err


def test_another_runbook_is_linked_when_it_is_asked_for() -> None:
    assert all(
        "https://wiki.example/kite#kite" in content and "https://wiki.example/kite#alerts" in content
        for content in files("https://wiki.example/kite").values()
    )


def test_each_uid_is_stable_short_enough_and_its_file_s_name() -> None:
    assert ["kite-operator-overview", "kite-operator-credential", "kite-operator-internals"] == [
        each.uid for each in dashboards()
    ]
    assert {name.removesuffix(".json") for name in FILES} == {each["uid"] for each in FILES.values()}
    assert max(len(each["uid"]) for each in FILES.values()) <= 40  # Grafana's limit


@EACH
def test_it_can_be_imported_and_provisioned_as_it_is(name: str) -> None:
    whole = FILES[name]
    assert (39, [], "Asia/Kolkata") == (whole["schemaVersion"], whole["__inputs"], whole["timezone"])
    assert "id" not in whole
    required = {each["id"] for each in whole["__requires"] if each["type"] == "panel"}
    assert required == {panel["type"] for panel in panels(name)}


@EACH
def test_no_id_is_there_twice_and_no_panel_lies_on_another(name: str) -> None:
    everything = FILES[name]["panels"]
    assert list(range(1, len(everything) + 1)) == [each["id"] for each in everything]
    taken: set[tuple[int, int]] = set()
    for place in (each["gridPos"] for each in everything):
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert set() == cells & taken
        assert place["x"] + place["w"] <= 24
        taken |= cells


@EACH
def test_every_panel_says_what_it_shows(name: str) -> None:
    titles = [panel["title"] for panel in panels(name)]
    assert len(titles) == len(set(titles))
    for panel in panels(name):
        assert panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["targets"]


@EACH
def test_every_number_has_a_unit_and_colours(name: str) -> None:
    for panel in panels(name):
        fields = [panel["fieldConfig"]["defaults"]]
        if panel["type"] == "table":
            fields = [
                {each["id"]: each["value"] for each in override["properties"]}
                for override in panel["fieldConfig"]["overrides"]
                if override["matcher"]["options"] != "name"
            ]
            shown = panel["transformations"][1]["options"]["renameByName"].values()
            assert list(shown) == [
                each["matcher"]["options"]
                for each in panel["fieldConfig"]["overrides"]
                if each["matcher"]["options"] != "name"
            ]
        for field in fields:
            assert field["unit"] in UNITS
            assert field["unit"] not in WITHOUT_UNIT or field["mappings"] or field["unit"] == "string", panel["title"]
            assert field["thresholds"]["steps"][0]["value"] is None
            values = [step["value"] for step in field["thresholds"]["steps"][1:]]
            assert sorted(values) == values


@EACH
def test_every_variable_is_used_and_every_used_one_is_there(name: str) -> None:
    whole = FILES[name]
    known = {each["name"] for each in whole["templating"]["list"]}
    told = json.dumps([whole["panels"], [each.get("query") for each in variables(name)]])
    used = set(re.findall(r"\$\{?(\w+)", told)) - GRAFANA_S_OWN - {"__data", "__url_time_range"}
    assert known == used
    assert all(each["label"] and each["description"] for each in whole["templating"]["list"])


@EACH
def test_no_data_source_is_hard_coded(name: str) -> None:
    found = re.findall(r'"uid": "([^"]*)"', json.dumps(FILES[name]))
    assert {"${datasource}", FILES[name]["uid"]} == set(found)


@EACH
def test_every_query_asks_for_metrics_and_labels_that_exist(name: str) -> None:
    told = [*queries(name), *(each["query"]["query"] for each in variables(name))]
    for expr in told:
        assert asked(expr)
        assert set() == asked(expr) - SERIES.keys(), expr
        known = set().union(*(SERIES[each] for each in asked(expr))) | SCRAPED
        grouped = re.findall(r"\b(?:by|on|group_left) \(([^)]*)\)", expr)
        named = {label for group in grouped for label in re.split(r",\s*", group)}
        matched = set(re.findall(r'(\w+)(?:=~|!~|!=|=)"', expr))
        assert set() == (named | matched) - known, expr


@EACH
def test_every_query_keeps_to_what_was_chosen(name: str) -> None:
    """Credentials by namespace and name, the process by job and replica; a sum over the whole install says so."""
    for expr in queries(name):
        for metric, braces in re.findall(r"\b((?:kite|process)_\w+)(\{[^}]*\})?", expr):
            if metric.startswith("kite_credential_"):
                assert "$namespace" in braces, expr
                assert '$name"' in braces, expr
            elif name == "kite-operator-internals.json":
                assert "$job" in braces, expr
                assert "$instance" in braces, expr


@EACH
def test_a_counter_is_never_shown_bare_but_where_it_is_said(name: str) -> None:
    for panel in panels(name):
        for target in panel["targets"]:
            counted = re.findall(r"_(?:total|bucket)", target["expr"])
            windows = re.findall(r"_(?:total|bucket)(?:\{[^}]*\})?\[", target["expr"])
            if len(counted) != len(windows):
                assert "since the operator was started" in panel["description"], panel["title"]


def test_every_metric_is_on_a_dashboard() -> None:
    shown = {
        re.sub(r"_(bucket|sum|count)$", "", each) for name in FILES for expr in queries(name) for each in asked(expr)
    }
    there = {re.sub(r"_(bucket|sum|count)$", "", each) for each in SERIES}
    assert set() == there - shown


@EACH
def test_every_link_leads_somewhere(name: str) -> None:
    entries, uids = anchors(page("docs/troubleshooting.md")), {each["uid"] for each in FILES.values()}
    told = json.dumps(FILES[name])
    addresses = re.findall(r'"url": "([^"]+)"', told) + re.findall(r"Runbook: `([^`]+)`", told)
    assert "http" not in told
    for address in addresses:
        parts = urlsplit(address)
        if parts.path.startswith("/d/"):
            assert parts.path.removeprefix("/d/") in uids
        else:
            assert ("docs/troubleshooting.md", True) == (parts.path, parts.fragment in entries)
    siblings = {
        urlsplit(each["url"]).path.removeprefix("/d/") for each in FILES[name]["links"] if each["url"].startswith("/d/")
    }
    assert uids - {FILES[name]["uid"]} == siblings
