"""The commands of docs/install.md do what it says, typed as they stand there."""

import os
from pathlib import Path

import pytest
import yaml

from kite_operator import __version__
from support.controlplane import Kubectl, eventually
from support.documents import ROOT, blocks, page, section
from support.helm import CHART, Helm, one
from support.terminal import Terminal

PAGE = page("docs/install.md")
NOT_HERE = ("docker ", "buildah ", "make image", "rollout status")
"""What needs a registry, or a node."""


@pytest.fixture
def terminal(helm: Helm, kubectl: Kubectl) -> Terminal:
    environment = {**os.environ, **kubectl.control_plane.environment}
    environment["PATH"] = f"{helm.program.parent}:{environment['PATH']}"
    environment |= {f"HELM_{kind}_HOME": str(helm.folder / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")}
    return Terminal(PAGE, environment, NOT_HERE)


@pytest.mark.timeout(240)
def test_from_the_install_to_the_last_trace(terminal: Terminal, kubectl: Kubectl) -> None:
    assert "STATUS: deployed" in terminal.type_in("With Helm", number=0)
    terminal.type_in("With Helm", number=1)
    pods = ("get", "pods", "--namespace=kite-operator", "--output=name")
    eventually(lambda: 2 == len(kubectl(*pods).stdout.split()), "two pods, in a namespace held to the standard")
    assert "STATUS: deployed" in terminal.type_in("Upgrade", number=0)
    image = ("--namespace=kite-operator", "--output=jsonpath={.spec.template.spec.containers[0].image}")
    found = kubectl("get", "deployment/kite-operator", *image).stdout
    assert found.startswith("registry.example.com/kite-operator:")  # the values given before are kept
    by_digest = f"registry.example.com/kite-operator@sha256:{'1' * 64}"
    for number in (1, 0):  # the digest is kept too, until another is given
        terminal.type_in("Upgrade", number=number)
        assert by_digest == kubectl("get", "deployment/kite-operator", *image).stdout
    assert "Rollback was a success" in terminal.type_in("Roll back")
    assert "uninstalled" in terminal.type_in("Uninstall", number=0)
    assert "kitecredentials" in kubectl("get", "crd", "--output=name").stdout
    terminal.type_in("Uninstall", number=1)
    assert "kitecredentials" not in kubectl("get", "crd", "--output=name").stdout


@pytest.mark.usefixtures("prometheus_operator")
def test_an_uninstall_with_kubectl_leaves_namespace_and_crd_alone(
    terminal: Terminal, kubectl: Kubectl, tmp_path: Path
) -> None:
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(_everything(tmp_path)))
    kubectl("apply", "--kustomize", str(tmp_path))
    kubectl("apply", "--filename", str(ROOT / "deploy" / "overlays" / "sandbox" / "sandbox.yaml"))
    assert set() != _installed(kubectl)
    terminal.type_in("With kustomize", number=1)
    terminal.type_in("With kustomize", number=2)
    assert set() == _installed(kubectl)
    assert "kitecredentials" in kubectl("get", "crd", "--output=name").stdout
    assert "namespace/kite-operator" in kubectl("get", "namespaces", "--output=name").stdout
    terminal.type_in("Uninstall", number=1)  # for the other tests


def _everything(folder: Path) -> dict[str, object]:
    """The overlay with monitoring, and every component."""
    deploy = os.path.relpath(ROOT / "deploy", folder)
    parts = sorted((ROOT / "deploy" / "components").iterdir())
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [f"{deploy}/overlays/monitoring"],
        "components": [f"{deploy}/components/{each.name}" for each in parts],
    }


def _installed(kubectl: Kubectl) -> set[str]:
    """What bears the operator's name, of every kind that the manifests have, but for the namespace and the CRD."""
    named = (
        "clusterroles,clusterrolebindings,deployments,roles,rolebindings,serviceaccounts,services,secrets,configmaps"
    )
    more = "networkpolicies,poddisruptionbudgets,validatingadmissionpolicies,validatingadmissionpolicybindings"
    monitors = "servicemonitors,prometheusrules"
    found = kubectl("get", f"{named},{more},{monitors}", "--all-namespaces", "--output=name").stdout.split()
    return {each for each in found if "kite" in each}


def test_each_namespace_is_told_its_client_ids_before_it_is_required(terminal: Terminal, kubectl: Kubectl) -> None:
    kubectl("create", "namespace", "desk-one")
    terminal.type_in("Before you rely on it")
    annotation = "--output=jsonpath={.metadata.annotations.kite-operator\\.dev/client-ids}"
    assert "AB1234" == kubectl("get", "namespace", "desk-one", annotation).stdout


def test_the_kustomization_of_ones_own_has_image_and_setting(kubectl: Kubectl, tmp_path: Path) -> None:
    own = yaml.safe_load(blocks(section(PAGE, "With kustomize"), "yaml")[0])
    # The test reads no other machine: the overlay of this checkout instead of the address.
    for kind in ("resources", "components"):
        (address,) = own[kind]
        folder = ROOT / address.rpartition("//")[2].partition("?")[0]
        own[kind] = [os.path.relpath(folder, tmp_path)]
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(own))
    built = kubectl("kustomize", str(tmp_path)).stdout
    (container,) = next(
        each["spec"]["template"]["spec"]["containers"]
        for each in yaml.safe_load_all(built)
        if each["kind"] == "Deployment"
    )
    assert f"registry.example.com/kite-operator:{__version__}" == container["image"]
    assert ["--allow-rollout-restarts=true", "--log-format=json"] == container["args"][-2:]


def test_the_values_that_the_page_shows_are_values_of_the_chart(helm: Helm) -> None:
    for text in blocks(section(PAGE, "With Helm"), "yaml"):
        helm.run("template", "kite-operator", str(CHART), values=yaml.safe_load(text))


def test_the_values_of_the_quick_start_give_a_login_page_behind_an_ingress(helm: Helm) -> None:
    values, credential = (yaml.safe_load(text) for text in blocks(page("docs/quickstart.md"), "yaml"))
    ingress = one(helm.render(values), "Ingress")
    assert "traefik" == ingress["spec"]["ingressClassName"]
    assert [{"hosts": ["kite-login.example.com"], "secretName": "kite-login-tls"}] == ingress["spec"]["tls"]
    assert f"{values['settings']['loginPublicUrl']}/callback" == credential["spec"]["redirectURL"]
