"""Values that cannot be meant are refused before anything is installed, with words that help."""

from typing import Any

import pytest

from chart.values import read
from support.chart_values import LOGIN
from support.helm import CHART, Helm, HelmError

SCHEMA = {
    "a value that is not there": ({"replicas": 3}, "additional properties 'replicas' not allowed"),
    "a group's value that is not there": ({"image": {"name": "x"}}, "additional properties 'name' not allowed"),
    "a setting that is not there": ({"settings": {"logFormta": "json"}}, "additional properties 'logFormta'"),
    "a setting that has a value of its own": ({"settings": {"namespaces": "a"}}, "additional properties 'namespaces'"),
    "a word of none": ({"settings": {"logFormat": "xml"}}, "must be one of 'text', 'json'"),
    "a number out of bounds": ({"settings": {"callsPerSecond": 20}}, "maximum: got 20, want 10"),
    "a text for a number": ({"settings": {"workers": "many"}}, "at '/settings/workers'"),
    "one namespace that is no list": ({"namespaces": "desk"}, "at '/namespaces'"),
    "a namespace with capitals": ({"namespaces": ["Desk"]}, "at '/namespaces/0'"),
    "root": ({"runAs": {"user": 0}}, "at '/runAs/user'"),
    "a digest that is none": ({"image": {"digest": "latest"}}, "at '/image/digest'"),
    "a port that needs a privilege": ({"metrics": {"port": 80}}, "at '/metrics/port'"),
}
TEMPLATE = {
    "replicas without a Lease": ({"leaderElection": {"enabled": False}}, "needs leaderElection.enabled"),
    "reports in a namespaced install": (
        {"report": {"enabled": True}, "namespaces": ["desk"]},
        "leave namespaces empty",
    ),
    "a login page without an address": ({"login": {"enabled": True}}, "settings.loginPublicUrl is needed"),
    "a proxy's login page in a namespaced install": (
        {**LOGIN, "settings": {**LOGIN["settings"], "loginAuth": "proxy"}, "namespaces": ["desk"]},
        "or use passphrase",
    ),
    "an Ingress to nothing": ({"ingress": {"enabled": True}}, "set login.enabled: true"),
    "a route of no Gateway": ({**LOGIN, "httpRoute": {"enabled": True}}, "name the Gateway"),
    "a sandbox and Kite": (
        {"sandbox": {"enabled": True}, "settings": {"apiUrl": "https://api.kite.trade"}},
        "leave them out of settings",
    ),
    "two monitors": (
        {"monitoring": {"serviceMonitor": {"enabled": True}, "podMonitor": {"enabled": True}}},
        "enable one of them",
    ),
    "one port for two": ({**LOGIN, "login": {"enabled": True, "port": 8080}}, "must differ"),
    "a CRD that an upgrade would delete": ({"crds": {"enabled": False, "keep": False}}, "first upgrade with crds.keep"),
    "a label of the chart's own for everything": (
        {"commonLabels": {"app.kubernetes.io/part-of": "desk"}},
        "commonLabels: app.kubernetes.io/part-of is a label of the chart's own",
    ),
    "a label of the chart's own for the pods": (
        {"podLabels": {"app.kubernetes.io/component": "desk"}},
        "podLabels: app.kubernetes.io/component is a label of the chart's own",
    ),
    "a label of the chart's own for a monitor": (
        {"monitoring": {"serviceMonitor": {"labels": {"helm.sh/chart": "desk"}}}},
        "monitoring.serviceMonitor.labels: helm.sh/chart is a label of the chart's own",
    ),
    "restarts by the default account": (
        {"rollout": {"enabled": True}, "serviceAccount": {"create": False}},
        "not with the namespace's default ServiceAccount",
    ),
}
CASES = {**SCHEMA, **TEMPLATE}
SECTIONS = [each.path for each in read((CHART / "values.yaml").read_text()) if each.is_group] + [("settings",)]


@pytest.mark.parametrize(("values", "says"), [pytest.param(*case, id=name) for name, case in CASES.items()])
def test_it_is_refused_by_name(helm: Helm, values: dict[str, Any], says: str) -> None:
    with pytest.raises(HelmError) as refusal:
        helm.render(values)
    assert says in str(refusal.value)


@pytest.mark.parametrize("path", SECTIONS, ids=".".join)
def test_a_section_with_nothing_in_it_is_refused_by_name(helm: Helm, path: tuple[str, ...]) -> None:
    values: Any = None  # as in a file where every line below it is commented out
    for name in reversed(path):
        values = {name: values}
    with pytest.raises(HelmError) as refusal:
        helm.render(values)
    assert f": {'.'.join(path)}: is empty: write values below it" in str(refusal.value)


def test_every_template_is_checked_first() -> None:
    """Helm does not say in which order they are rendered."""
    begins = {path.name: path.read_text().split("}}")[0] for path in (CHART / "templates").glob("[!_]*")}
    assert {'include "kite-operator.checks" .'} == {text.strip("{- ") for text in begins.values()}
