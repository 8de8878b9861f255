"""The manifests of deploy/ are the chart's, and kubectl applies them to a real API server."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from chart.manifests import FILES, VARIANTS, made, without_helm
from support.controlplane import ControlPlane, Kubectl, eventually
from support.helm import CHART, Helm, Manifest

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"


def built(kubectl: Kubectl, variant: str) -> list[Manifest]:
    text = kubectl("kustomize", str(DEPLOY / "overlays" / variant)).stdout
    return [each for each in yaml.safe_load_all(text) if each]


def comparable(manifests: list[Manifest]) -> dict[tuple[str, str, str], Any]:
    """By what names them; what Helm says of itself is left out, and so is the order of arguments."""
    found = {}
    for each in without_helm(manifests):
        metadata = each["metadata"]
        labels = {k: v for k, v in metadata.pop("labels", {}).items() if k.startswith("app.kubernetes.io/instance")}
        metadata.pop("annotations", None)
        if each["kind"] == "Deployment":
            for container in each["spec"]["template"]["spec"]["containers"]:
                container["args"].sort()
        found[each["kind"], metadata["name"], metadata.get("namespace", "")] = (labels, each)
    return found


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_overlay_is_what_the_chart_makes(helm: Helm, kubectl: Kubectl, variant: str) -> None:
    chart = comparable(helm.render(VARIANTS[variant]))
    overlay = comparable(built(kubectl, variant))
    del overlay["Namespace", "kite-operator", ""]
    for key, (labels, each) in chart.items():
        if key[0] in ("CustomResourceDefinition", "PrometheusRule"):
            labels.clear()  # these are not Helm's alone
            overlay[key][0].clear()
        assert (labels, each) == overlay.pop(key)
    assert {} == overlay


def test_the_made_files_are_as_make_manifest_would_write_them(helm: Helm) -> None:
    expected = dict(made(helm.program, CHART, DEPLOY))
    assert set(FILES) == {str(path.relative_to(DEPLOY)) for path in expected}
    assert expected == {path: path.read_text() for path in expected}


@pytest.mark.parametrize("variant", ["cluster", "sandbox"])
def test_kubectl_applies_it_and_its_pods_are_let_in(kubectl: Kubectl, variant: str) -> None:
    overlay = str(DEPLOY / "overlays" / variant)
    kubectl("apply", "--kustomize", overlay)
    eventually(lambda: _pods(kubectl) >= 2, "two pods under the restricted standard")
    assert "" == kubectl("diff", "--kustomize", overlay).stdout  # nothing drifts: GitOps tools would never rest


def test_kubectl_applies_the_one_for_a_namespace(plane: ControlPlane, kubectl: Kubectl) -> None:
    del plane
    kubectl("create", "namespace", "trading")
    kubectl("apply", "--kustomize", str(DEPLOY / "overlays" / "namespaced"))
    account = "system:serviceaccount:kite-operator:kite-operator"
    asked = kubectl("auth", "can-i", "watch", "secrets", "--as", account, "--namespace=trading", check=False)
    assert "yes" == asked.stdout.strip()


def _pods(kubectl: Kubectl) -> int:
    selector = "--selector=app.kubernetes.io/component=operator"
    return len(kubectl("get", "pods", "--namespace=kite-operator", selector, "--output=name").stdout.split())
