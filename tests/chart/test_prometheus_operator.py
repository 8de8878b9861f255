"""What the prometheus-operator is given, by its own CRDs on a real API server: nothing is refused, nothing dropped."""

from pathlib import Path

import pytest
import yaml

from support.controlplane import Kubectl, namespace_in
from support.helm import Helm, Manifest, of_kind

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
GROUP = "monitoring.coreos.com"
PLURALS = {"ServiceMonitor": "servicemonitors", "PodMonitor": "podmonitors", "PrometheusRule": "prometheusrules"}
LABELS = {"release": "prometheus"}
SCRAPED = {"enabled": True, "interval": "15s", "labels": LABELS}
CHART = {
    "chart": {"serviceMonitor": SCRAPED, "prometheusRule": {"enabled": True, "labels": LABELS}},
    "chart with a PodMonitor": {"podMonitor": SCRAPED},
}
SOURCES = {
    "chart": {"PrometheusRule", "ServiceMonitor"},
    "chart with a PodMonitor": {"PodMonitor"},
    "overlays/monitoring": {"PrometheusRule", "ServiceMonitor"},
    "monitoring/prometheus-operator": {"PrometheusRule", "ServiceMonitor"},
}


def manifests(source: str, helm: Helm, kubectl: Kubectl) -> list[Manifest]:
    if source in CHART:
        found = helm.render({"monitoring": CHART[source]})
    else:
        found = [each for each in yaml.safe_load_all(kubectl("kustomize", str(DEPLOY / source)).stdout) if each]
    return of_kind(found, *PLURALS)


def create(kubectl: Kubectl, namespace: str, manifest: Manifest) -> str:
    """What kubectl says to it; empty when it is taken."""
    manifest["metadata"]["namespace"] = namespace
    text = yaml.safe_dump(manifest)
    return kubectl("create", "--validate=strict", "--filename=-", input=text, check=False).stderr


@pytest.mark.usefixtures("prometheus_operator")
@pytest.mark.parametrize("source", SOURCES)
def test_it_is_taken_as_it_is(source: str, helm: Helm, kubectl: Kubectl) -> None:
    given = manifests(source, helm, kubectl)
    assert SOURCES[source] == {each["kind"] for each in given}
    with namespace_in(kubectl, f"monitoring-{sorted(SOURCES).index(source)}") as namespace:
        for each in given:
            assert "" == create(kubectl, namespace, each)
            path = f"/apis/{GROUP}/v1/namespaces/{namespace}/{PLURALS[each['kind']]}/{each['metadata']['name']}"
            stored = yaml.safe_load(kubectl("get", f"--raw={path}").stdout)
            assert each["spec"] == stored["spec"]


WRONG = {
    "a field that is not there": ("ServiceMonitor", ("endpoints", 0, "honourLabels"), True),
    "a time that is none": ("ServiceMonitor", ("endpoints", 0, "interval"), "half a minute"),
    "a `for` that is none": ("PrometheusRule", ("groups", 0, "rules", 0, "for"), "soon"),
    "a port that is no name": ("PodMonitor", ("podMetricsEndpoints", 0, "port"), 8080),
}


@pytest.mark.usefixtures("prometheus_operator")
@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_refused(what: str, helm: Helm, kubectl: Kubectl) -> None:
    kind, path, value = WRONG[what]
    [manifest] = of_kind([each for source in CHART for each in manifests(source, helm, kubectl)], kind)
    place = manifest["spec"]
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert str(path[-1]) in create(kubectl, "default", manifest)
