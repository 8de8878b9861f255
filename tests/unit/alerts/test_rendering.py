"""The three forms say the same, carry no more labels than they should, ask only for what exists, and are in step."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts import render
from alerts.__main__ import MONITORING, files, main
from alerts.catalogue import CRITICAL, WARNING, Alert, catalogue
from alerts.limits import Limits, duration
from kite_operator.record.metrics import Metrics
from support.facts import NOON

GROUPS = catalogue()
ALERTS = [alert for group in GROUPS for alert in group.alerts]
NAMED = [alert.name for alert in ALERTS]
by_alert = pytest.mark.parametrize("alert", ALERTS, ids=NAMED)


def loaded(name: str) -> Any:
    return yaml.safe_load((MONITORING / name).read_text())


def rules(groups: list[Any]) -> dict[str, Any]:
    return {rule.get("alert", rule.get("title")): rule for group in groups for rule in group["rules"]}


PLAIN = rules(loaded("prometheus/rules.yaml")["groups"])
GRAFANA = rules(loaded("grafana/alerting/rules.yaml")["groups"])


# In step.


def test_what_is_in_the_repository_is_what_the_source_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == main(["--check"])
    assert ("", "") == capsys.readouterr()


def test_a_file_that_is_out_of_step_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("alerts.__main__.MONITORING", tmp_path)
    assert 1 == main(["--check"])
    assert 0 == main(["--into", str(tmp_path)])
    (tmp_path / "prometheus" / "rules.yaml").write_text("groups: []\n")
    capsys.readouterr()
    assert 1 == main(["--check"])
    told = capsys.readouterr().err
    assert ["deploy/monitoring/prometheus/rules.yaml"] == re.findall(r"deploy/\S+", told)
    assert "make alerts" in told


def test_links_and_data_source_are_the_user_s_to_set() -> None:
    made = files("https://wiki.example/kite", "my-prometheus")
    assert all("https://wiki.example/kite#kitetokennotready" in text for text in made.values())
    sources = {
        query["datasourceUid"]
        for rule in rules(yaml.safe_load(made["grafana/alerting/rules.yaml"])["groups"]).values()
        for query in rule["data"]
    }
    assert {"my-prometheus", "__expr__"} == sources


def test_without_a_published_runbook_its_entry_is_named_and_nothing_is_linked_to() -> None:
    for text in files().values():
        assert "runbook: docs/troubleshooting.md#kitetokennotready" in text
        assert not re.search("https?://|runbook_url", text)


# The same in each.


def test_the_prometheus_operator_gets_the_plain_rules() -> None:
    rule = loaded("prometheus-operator/prometheusrule.yaml")
    assert ("monitoring.coreos.com/v1", "PrometheusRule") == (rule["apiVersion"], rule["kind"])
    assert loaded("prometheus/rules.yaml")["groups"] == rule["spec"]["groups"]


@by_alert
def test_grafana_has_the_same_labels_waits_and_links(alert: Alert) -> None:
    plain, grafana = PLAIN[alert.name], GRAFANA[alert.name]
    for each in ("labels", "for"):
        assert plain[each] == grafana[each]
    for each in ("summary", "runbook"):
        assert plain["annotations"][each] == grafana["annotations"][each]


@by_alert
def test_grafana_asks_the_same_question_and_fires_when_there_is_an_answer(alert: Alert) -> None:
    rule = GRAFANA[alert.name]
    query, threshold = (each["model"] for each in rule["data"])
    assert alert.expr in query["expr"]
    assert query["expr"].endswith(") * 0 + 1")
    assert ("B", "A", [0]) == (
        rule["condition"],
        threshold["expression"],
        threshold["conditions"][0]["evaluator"]["params"],
    )
    assert ("OK", "Error") == (rule["noDataState"], rule["execErrState"])


def test_grafana_s_uids_are_short_and_there_is_one_for_each() -> None:
    uids = [rule["uid"] for rule in GRAFANA.values()]
    assert len(uids) == len(set(uids)) == len(ALERTS)
    assert all(re.fullmatch(r"[a-z0-9_-]{1,40}", uid) for uid in uids)


@by_alert
def test_grafana_s_templates_do_not_query(alert: Alert) -> None:
    assert "query" not in str(GRAFANA[alert.name]["annotations"])


def test_the_example_of_a_policy_sends_to_contact_points_that_there_are_by_labels_that_alerts_have() -> None:
    points = {each["name"] for each in loaded("grafana/alerting/contact-points.yaml")["contactPoints"]}
    (tree,) = loaded("grafana/alerting/policies.yaml")["policies"]
    assert points == {tree["receiver"], *(route["receiver"] for route in tree["routes"])}
    matched = {
        (name, value) for route in tree["routes"] for name, _, value in route["object_matchers"] if name == "severity"
    }
    assert {("severity", CRITICAL), ("severity", WARNING)} == matched


# Labels.


@by_alert
def test_an_alert_has_a_severity_and_a_component_and_no_other_label_of_its_own(alert: Alert) -> None:
    labels = PLAIN[alert.name]["labels"]
    assert {"severity", "component"} == set(labels)
    assert labels["severity"] in (CRITICAL, WARNING)


@by_alert
def test_nothing_is_asked_with_labels_that_change_with_the_pod(alert: Alert) -> None:
    grouped = {label.strip() for group in re.findall(r"\bby \(([^)]*)\)", alert.expr) for label in group.split(",")}
    assert set(alert.about) == grouped
    assert not re.search(r"\b(without|ignoring|group_left|pod|container)\b", alert.expr)


@by_alert
def test_what_is_told_names_only_labels_that_the_alert_has(alert: Alert) -> None:
    told = " ".join(PLAIN[alert.name]["annotations"].values())
    assert set(re.findall(r"\$labels\.(\w+)", told)) <= set(alert.about)


@by_alert
def test_it_asks_for_metrics_that_exist(alert: Alert) -> None:
    known = {sample.name for family in Metrics(lambda: NOON).registry.collect() for sample in family.samples}
    known |= {family.name for family in Metrics(lambda: NOON).registry.collect()}
    known |= {"kite_operator_kubernetes_requests_total"}
    asked = set(re.findall(r"\bkite_\w+", alert.expr))
    assert asked
    assert set() == asked - known


# Texts and times.


@by_alert
def test_a_summary_is_one_short_line_and_a_description_a_few_sentences(alert: Alert) -> None:
    assert len(alert.summary) < 100
    assert not alert.summary.endswith(".")
    assert alert.description.endswith(".")


@pytest.mark.parametrize(
    ("seconds", "told"), [(30, "30s"), (60, "1m"), (90, "90s"), (3600, "1h"), (86_400, "1d"), (0, "0s")]
)
def test_a_duration_is_written_as_prometheus_writes_it(seconds: int, told: str) -> None:
    assert told == duration(seconds)


def test_shorter_limits_give_the_same_alerts_with_shorter_times() -> None:
    short = catalogue(Limits(prompt=2, patient=3, settled=4, lasting=5, bridge=6, now="(time() + 7)"))
    assert NAMED == [alert.name for group in short for alert in group.alerts]
    assert {2, 3, 4, 5} == {alert.waits for group in short for alert in group.alerts}
    assert not any("time()" in alert.expr.replace("(time() + 7)", "") for group in short for alert in group.alerts)


def test_the_text_of_a_rule_file_says_who_wrote_it() -> None:
    assert render.text({"groups": []}, "Written by hand.").startswith("# Written by hand.\n")
