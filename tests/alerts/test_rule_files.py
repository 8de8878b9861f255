"""Prometheus' own tools accept every file that is shipped; Grafana's questions fire when Prometheus' do."""

import re
from pathlib import Path

import pytest
import yaml

from alerts.__main__ import MONITORING
from alerts.catalogue import catalogue
from alerts.render import grafana_expr
from kite_operator.record.exposition import exposition
from support.alert_facts import nobody_came
from support.controlplane import Kubectl
from support.crowd import crowd
from support.documents import blocks, page
from support.promtool import Replica, at, record, run


@pytest.mark.parametrize("form", ["prometheus", "prometheus-operator", "grafana"])
def test_promtool_accepts_the_rules(form: str, tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    if form == "grafana":
        rules = [{"alert": alert.name, "expr": grafana_expr(alert)} for group in catalogue() for alert in group.alerts]
        groups = [{"name": "grafana", "rules": rules}]
    elif form == "prometheus":
        groups = yaml.safe_load((MONITORING / "prometheus" / "rules.yaml").read_text())["groups"]
    else:
        groups = yaml.safe_load((MONITORING / form / "prometheusrule.yaml").read_text())["spec"]["groups"]
    file.write_text(yaml.safe_dump({"groups": groups}))
    code, output = run("promtool", "check", "rules", "--lint=all", "--lint-fatal", str(file))
    number = sum(len(group.alerts) for group in catalogue())
    assert (0, [str(number)]) == (code, re.findall(r"SUCCESS: (\d+) rules", output)), output


NOT_A_UNIT = 'kite_operator_trading_days_credentials use base unit "seconds" instead of "days"\n'
"""A number of credentials; `days` is part of what they ask for."""


def test_promtool_finds_nothing_against_the_names_units_types_and_texts_of_the_metrics() -> None:
    metrics = crowd(3)
    metrics.observe_step("password", "success", 0.1)
    metrics.observe_request("GET", "secrets", 200, 0.1)
    metrics.count_error("TimeoutError")
    metrics.count_report("checked")
    metrics.count_login_page("opened")
    code, said = run("promtool", "check", "metrics", given=exposition(metrics, "text/plain")[0].decode())
    assert (3, NOT_A_UNIT) == (code, said)


def test_promtool_accepts_the_example_of_a_configuration() -> None:
    code, output = run("promtool", "check", "config", str(MONITORING / "prometheus" / "prometheus.yaml"))
    assert code == 0, output


def test_promtool_accepts_what_it_knows_of_the_scrape_job_for_kubernetes(tmp_path: Path) -> None:
    # Debian's promtool is built without kubernetes_sd_configs.
    [job] = [yaml.safe_load(each) for each in blocks(page("docs/monitoring.md"), "yaml") if "scrape_configs" in each]
    assert ["kubernetes_sd_configs"] == [name for name in job["scrape_configs"][0] if name.endswith("_sd_configs")]
    del job["scrape_configs"][0]["kubernetes_sd_configs"]
    file = tmp_path / "prometheus.yaml"
    file.write_text(yaml.safe_dump(job))
    code, output = run("promtool", "check", "config", str(file))
    assert code == 0, output


def test_amtool_accepts_the_example_of_routes() -> None:
    code, output = run("amtool", "check-config", str(MONITORING / "prometheus" / "alertmanager.yaml"))
    assert code == 0, output


@pytest.mark.parametrize(
    ("severity", "component", "receiver"),
    [
        ("critical", "kite-operator", "on-call"),
        ("warning", "kite-operator", "office-hours"),
        ("critical", "something-else", "office-hours"),
    ],
)
def test_the_example_sends_what_is_critical_to_who_is_on_call(severity: str, component: str, receiver: str) -> None:
    example = str(MONITORING / "prometheus" / "alertmanager.yaml")
    labels = (f"severity={severity}", f"component={component}")
    code, output = run("amtool", "config", "routes", "test", f"--config.file={example}", *labels)
    assert (0, receiver) == (code, output.splitlines()[0])


def test_what_grafana_asks_is_one_where_the_rule_s_own_value_is_zero(tmp_path: Path) -> None:
    alert = next(each for group in catalogue() for each in group.alerts if each.name == "KiteTokenNotReady")
    recorded = record(tmp_path, at("08:30"), at("09:00"), Replica(lambda now: [nobody_came(now)]))
    moment = f"{round((at('08:46') - at('05:30')).total_seconds())}s"
    labels = '{namespace="desk", name="alpha"}'
    recorded.ask(
        [
            {"expr": alert.expr, "eval_time": moment, "exp_samples": [{"labels": labels, "value": 0}]},
            {"expr": grafana_expr(alert), "eval_time": moment, "exp_samples": [{"labels": labels, "value": 1}]},
        ]
    )


def test_kubectl_builds_what_the_prometheus_operator_is_given(kubectl: Kubectl) -> None:
    built = kubectl("kustomize", str(MONITORING / "prometheus-operator")).stdout
    assert ["PrometheusRule", "Service", "ServiceMonitor"] == sorted(each["kind"] for each in yaml.safe_load_all(built))
