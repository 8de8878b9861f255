"""The rules in the three forms in which people load them."""

from collections.abc import Mapping
from string import Template
from typing import Any

import yaml

from alerts.catalogue import Alert, Group
from alerts.limits import duration

RUNBOOK = ""
"""Where users have published docs/troubleshooting.md; empty means that nothing is linked to."""
PAGE = "docs/troubleshooting.md"
COMPONENT = "kite-operator"
DATASOURCE = "prometheus"
FOLDER = "kite-operator"

_WHO = {"credential": "{{ $labels.namespace }}/{{ $labels.name }}", "operator": "{{ $labels.instance }}"}
_REASON = (
    "{{ with printf \"kite_credential_info{namespace='%s',name='%s'}\" $labels.namespace $labels.name | query }}"
    '{{ . | first | label "reason" }}{{ else }}unknown{{ end }}'
)
_NO_REASON = "as kubectl get kitecred shows it"
"""Grafana's templates cannot query."""

Document = dict[str, Any]


def runbook_entry(name: str, base: str = PAGE) -> str:
    """Return where the runbook has its entry for an alert: the anchor is the alert's name, as GitHub makes it."""
    return f"{base}#{name.lower()}"


def prometheus(groups: tuple[Group, ...], base: str = RUNBOOK) -> Document:
    """A rule file of Prometheus."""
    return {"groups": [_group(group, base) for group in groups]}


def prometheus_rule(groups: tuple[Group, ...], base: str = RUNBOOK) -> Document:
    """The same for the prometheus-operator."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": COMPONENT, "labels": {"app.kubernetes.io/name": COMPONENT}},
        "spec": prometheus(groups, base),
    }


def grafana(groups: tuple[Group, ...], base: str = RUNBOOK, datasource: str = DATASOURCE) -> Document:
    """Alert rules for Grafana's file provisioning, evaluated by Grafana."""
    return {
        "apiVersion": 1,
        "groups": [
            {
                "orgId": 1,
                "name": group.name,
                "folder": FOLDER,
                "interval": duration(group.interval),
                "rules": [_grafana_rule(alert, base, datasource) for alert in group.alerts],
            }
            for group in groups
        ],
    }


def grafana_expr(alert: Alert) -> str:
    """1 for what fires: the value of the rule itself may well be 0, and a threshold would not see it."""
    return f"(\n{alert.expr}\n) * 0 + 1"


def text(document: Mapping[str, Any], note: str) -> str:
    """The document as YAML under a comment."""
    return f"# {note}\n" + yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)


def _group(group: Group, base: str) -> Document:
    return {
        "name": group.name,
        "interval": duration(group.interval),
        "rules": [_rule(each, base) for each in group.alerts],
    }


def _rule(alert: Alert, base: str) -> Document:
    return {
        "alert": alert.name,
        "expr": alert.expr,
        "for": duration(alert.waits),
        "labels": _labels(alert),
        "annotations": _annotations(alert, base, _REASON),
    }


def _labels(alert: Alert) -> dict[str, str]:
    return {"severity": alert.severity, "component": COMPONENT}


def _annotations(alert: Alert, base: str, reason: str) -> dict[str, str]:
    texts = {"summary": alert.summary, "description": alert.description}
    filled = {name: Template(each).substitute(_WHO, reason=reason) for name, each in texts.items()}
    link = {"runbook_url": runbook_entry(alert.name, base)} if base else {}
    return filled | {"runbook": runbook_entry(alert.name)} | link


def _grafana_rule(alert: Alert, base: str, datasource: str) -> Document:
    query = {"refId": "A", "expr": grafana_expr(alert), "instant": True, "range": False}
    fires = {"type": "gt", "params": [0]}
    threshold = {"refId": "B", "type": "threshold", "expression": "A", "conditions": [{"evaluator": fires}]}
    span = {"from": 600, "to": 0}
    return {
        "uid": alert.name.lower(),
        "title": alert.name,
        "condition": "B",
        "data": [
            {"refId": "A", "relativeTimeRange": span, "datasourceUid": datasource, "model": query},
            {"refId": "B", "relativeTimeRange": span, "datasourceUid": "__expr__", "model": threshold},
        ],
        # No data is no alert: KiteOperatorAbsent looks for exactly that.
        "noDataState": "OK",
        "execErrState": "Error",
        "for": duration(alert.waits),
        "labels": _labels(alert),
        "annotations": _annotations(alert, base, _NO_REASON),
        "isPaused": False,
    }


class _Dumper(yaml.SafeDumper):
    """Several lines as a block, and nothing by reference."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)
