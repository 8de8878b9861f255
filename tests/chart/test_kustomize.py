"""The manifests of deploy/ are the chart's, and kubectl applies them to a real API server."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from chart.__main__ import one_file
from chart.manifests import COMPONENTS, FILES, LOGIN_PAGE, VARIANTS, made, without_helm
from support.controlplane import ControlPlane, Kubectl, eventually
from support.helm import CHART, Helm, Manifest

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
ADDED = [
    ("cluster", ["login-page"]),
    ("cluster", ["reports"]),
    ("cluster", ["rollout-restarts"]),
    ("cluster", ["login-page", "reports", "rollout-restarts"]),
    ("namespaced", ["login-page", "rollout-restarts"]),
]
COMPOSED = pytest.mark.parametrize(
    ("overlay", "components"), [pytest.param(*each, id=f"{each[0]}+{'+'.join(each[1])}") for each in ADDED]
)


def built(kubectl: Kubectl, folder: Path) -> list[Manifest]:
    return [each for each in yaml.safe_load_all(kubectl("kustomize", str(folder)).stdout) if each]


def composed(folder: Path, overlay: str, components: list[str]) -> Path:
    """A kustomization as people write it: an overlay, what is added to it, and the address of the login page."""
    whole: dict[str, Any] = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [os.path.relpath(DEPLOY / "overlays" / overlay, folder)],
        "components": [os.path.relpath(DEPLOY / "components" / each, folder) for each in components],
    }
    if "login-page" in components:
        address = {"op": "add", "path": "/spec/template/spec/containers/0/args/-"}
        patch = [{**address, "value": f"--login-public-url={LOGIN_PAGE}"}]
        whole["patches"] = [{"target": {"kind": "Deployment", "name": "kite-operator"}, "patch": yaml.safe_dump(patch)}]
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(whole))
    return folder


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
                container["ports"].sort(key=lambda port: port["name"])
        if each["kind"] in ("ClusterRole", "Role"):
            each["rules"].sort(key=json.dumps)
        if each["kind"] == "NetworkPolicy":
            each["spec"]["ingress"].sort(key=json.dumps)
        found[each["kind"], metadata["name"], metadata.get("namespace", "")] = (labels, each)
    return found


def without_namespace(manifest: Any) -> Any:
    """The chart knows its namespace, and asks for its own operator; an overlay may still be given another one."""
    return json.loads(json.dumps(manifest).replace(r"{namespace=\"kite-operator\"}", ""))


def assert_same(chart: dict[tuple[str, str, str], Any], overlay: dict[tuple[str, str, str], Any]) -> None:
    """But for the namespace, which Helm makes with an option of its own."""
    del overlay["Namespace", "kite-operator", ""]
    for key, (labels, each) in chart.items():
        if key[0] in ("CustomResourceDefinition", "PrometheusRule"):
            labels.clear()  # these are not Helm's alone
            overlay[key][0].clear()
        assert (labels, without_namespace(each)) == overlay.pop(key)
    assert {} == overlay


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_overlay_is_what_the_chart_makes(helm: Helm, kubectl: Kubectl, variant: str) -> None:
    chart = comparable(helm.render(VARIANTS[variant]))
    assert_same(chart, comparable(built(kubectl, DEPLOY / "overlays" / variant)))


@COMPOSED
def test_an_overlay_with_components_is_what_the_chart_makes(
    helm: Helm, kubectl: Kubectl, tmp_path: Path, overlay: str, components: list[str]
) -> None:
    values: dict[str, Any] = dict(VARIANTS[overlay])
    for each in components:
        values |= COMPONENTS[each]
    assert_same(comparable(helm.render(values)), comparable(built(kubectl, composed(tmp_path, overlay, components))))


@pytest.mark.parametrize("variant", VARIANTS)
def test_crd_and_namespace_outlive_the_application_or_kustomization_that_brought_them(
    kubectl: Kubectl, variant: str
) -> None:
    said = {each["kind"]: each["metadata"].get("annotations") for each in built(kubectl, DEPLOY / "overlays" / variant)}
    to_stay = {
        "argocd.argoproj.io/sync-options": "Prune=false,Delete=false",
        "kustomize.toolkit.fluxcd.io/prune": "disabled",
    }
    assert [to_stay, to_stay] == [said["CustomResourceDefinition"], said["Namespace"]]
    others = [notes for kind, notes in said.items() if kind not in ("CustomResourceDefinition", "Namespace")]
    assert not any(to_stay.keys() & (notes or {}).keys() for notes in others)


def test_the_dashboards_have_the_label_that_grafana_looks_for(kubectl: Kubectl) -> None:
    maps = [each for each in built(kubectl, DEPLOY / "overlays" / "monitoring") if each["kind"] == "ConfigMap"]
    assert {"kite-operator"} == {each["metadata"]["namespace"] for each in maps}
    assert {"1"} == {each["metadata"]["labels"]["grafana_dashboard"] for each in maps}
    files = {path.name for path in (DEPLOY / "monitoring" / "grafana" / "dashboards").glob("*.json")}
    assert files == {name for each in maps for name in each["data"]}


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


@COMPOSED
def test_kubectl_applies_what_is_composed(
    kubectl: Kubectl, tmp_path: Path, overlay: str, components: list[str]
) -> None:
    kubectl("apply", "--filename=-", input="{apiVersion: v1, kind: Namespace, metadata: {name: trading}}")
    folder = str(composed(tmp_path, overlay, components))
    kubectl("apply", "--validate=strict", "--kustomize", folder)
    assert "" == kubectl("diff", "--kustomize", folder).stdout


@pytest.mark.usefixtures("prometheus_operator")
def test_kubectl_applies_the_one_with_monitoring(kubectl: Kubectl) -> None:
    overlay = str(DEPLOY / "overlays" / "monitoring")
    kubectl("apply", "--validate=strict", "--kustomize", overlay)
    assert "" == kubectl("diff", "--kustomize", overlay).stdout
    found = kubectl("get", "configmaps", "--namespace=kite-operator", "--selector=grafana_dashboard=1", "--output=name")
    assert 3 == len(found.stdout.split())


def test_the_install_in_one_file_is_applied_by_itself(kubectl: Kubectl) -> None:
    text = one_file(kubectl.control_plane.kubectl)
    kubectl("apply", "--validate=strict", "--server-side", "--force-conflicts", "--filename=-", input=text)
    kinds = {each["kind"] for each in yaml.safe_load_all(text)}
    assert {"Namespace", "CustomResourceDefinition", "ClusterRole", "Deployment"} <= kinds


def test_kubectl_applies_the_one_for_a_namespace(plane: ControlPlane, kubectl: Kubectl) -> None:
    del plane
    kubectl("apply", "--filename=-", input="{apiVersion: v1, kind: Namespace, metadata: {name: trading}}")
    kubectl("apply", "--kustomize", str(DEPLOY / "overlays" / "namespaced"))
    account = "system:serviceaccount:kite-operator:kite-operator"
    asked = kubectl("auth", "can-i", "watch", "secrets", "--as", account, "--namespace=trading", check=False)
    assert "yes" == asked.stdout.strip()


def _pods(kubectl: Kubectl) -> int:
    selector = "--selector=app.kubernetes.io/component=operator"
    return len(kubectl("get", "pods", "--namespace=kite-operator", selector, "--output=name").stdout.split())
