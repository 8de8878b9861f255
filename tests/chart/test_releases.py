"""Install, upgrade, roll back and uninstall: a real Helm on a real API server, pods held to the restricted standard."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.controlplane import Kubectl, eventually
from support.helm import CHART, Helm, HelmError
from support.releases import CRD, Release

CREDENTIAL = """\
apiVersion: kite-operator.dev/v1alpha1
kind: KiteCredential
metadata: {name: alpha, namespace: desk}
spec:
  clientID: AB1234
  appSecretRef: {name: alpha-app}
  redirectURL: https://alpha.example/callback
  login: {mode: Manual}
  target: {name: alpha-token}
"""
LEFT = "serviceaccounts,services,deployments,roles,rolebindings,networkpolicies,poddisruptionbudgets,secrets"
EVERYTHING: dict[str, Any] = {
    "login": {"enabled": True},
    "settings": {"loginPublicUrl": "https://login.example.com"},
    "ingress": {"enabled": True},
    "report": {"enabled": True},
    "rollout": {"enabled": True},
    "sandbox": {"enabled": True},
}


def columns(kubectl: Kubectl) -> list[str]:
    crd = yaml.safe_load(kubectl("get", CRD, "--output=yaml").stdout)
    return [each["name"] for each in crd["spec"]["versions"][0]["additionalPrinterColumns"]]


def older_chart(folder: Path) -> Path:
    """The chart as it might have been a release ago: its CRD had no column Next."""
    chart = folder / "kite-operator"
    shutil.copytree(CHART, chart)
    file = chart / "files" / "kitecredentials.yaml"
    crd = yaml.safe_load(file.read_text())
    version = crd["spec"]["versions"][0]
    version["additionalPrinterColumns"] = [
        each for each in version["additionalPrinterColumns"] if each["name"] != "Next"
    ]
    file.write_text(yaml.safe_dump(crd))
    return chart


@pytest.mark.timeout(240)
def test_a_release_lives_and_leaves_what_people_have_made(helm: Helm, kubectl: Kubectl, tmp_path: Path) -> None:
    kubectl("delete", CRD, "--ignore-not-found")  # another test's
    release = Release.prepare(helm, kubectl, "kite-operator")
    kubectl("create", "namespace", "desk")

    release.install(chart=older_chart(tmp_path))
    kubectl("wait", "--for=condition=Established", "--timeout=60s", CRD)
    assert "Next" not in columns(kubectl)
    eventually(lambda: len(release.pods()) == 2, "the API server has let two pods in")
    kubectl("apply", "--filename", "-", input=CREDENTIAL)

    release.upgrade({"replicaCount": 3, "settings": {"logFormat": "json"}})
    assert "--log-format=json" in release.args()
    assert "Next" in columns(kubectl)  # the CRD is upgraded with the rest
    eventually(lambda: len([pod for pod in release.pods() if "--log-format=json" in str(pod)]) >= 1, "a new pod")

    release.rollback()
    assert "--log-format=json" not in release.args()
    assert 2 == release.get("deployment/kite-operator")["spec"]["replicas"]
    assert "Next" not in columns(kubectl)

    release.upgrade()
    release.upgrade({"crds": {"enabled": False}}, chart=tmp_path / "kite-operator")  # a way back that keeps the new CRD
    assert "Next" in columns(kubectl)
    kubectl("get", "kitecredential/alpha", "--namespace=desk")

    release.uninstall()
    assert [] == release.get(LEFT, "--selector=app.kubernetes.io/instance=kite-operator")["items"]
    wide = "clusterroles,clusterrolebindings,validatingadmissionpolicies"
    assert [] == release.get(wide, "--selector=app.kubernetes.io/instance=kite-operator")["items"]
    credential = kubectl("get", "kitecredential/alpha", "--namespace=desk", "--output=name").stdout
    assert "kitecredential.kite-operator.dev/alpha\n" == credential

    release.install()  # a release of that name takes the CRD up again
    release.uninstall()
    other = Release.prepare(helm, kubectl, "elsewhere", "second")
    with pytest.raises(HelmError, match="invalid ownership metadata"):
        other.install()
    other.install(None, "--take-ownership")
    other.uninstall()

    # Nothing holds anything up: all is gone as fast as the API server is.
    kubectl("delete", CRD, "--timeout=30s")
    kubectl("delete", "namespace", "desk", "kite-operator", "elsewhere", "--timeout=60s")


def test_a_crd_that_kubectl_has_applied_is_taken_over_and_changes_with_the_chart(
    helm: Helm, kubectl: Kubectl, tmp_path: Path
) -> None:
    kubectl("delete", CRD, "--ignore-not-found")
    kubectl("apply", "--server-side", "--kustomize", str(CHART.parents[1] / "deploy" / "crd"))
    release = Release.prepare(helm, kubectl, "taken")
    with pytest.raises(HelmError, match="cannot be imported into the current release"):
        release.install()
    release.install(None, "--take-ownership")
    older = older_chart(tmp_path)
    if release.helm.run("version", "--short").startswith(
        "v4"
    ):  # it applies on the server's side, where kubectl has a say
        with pytest.raises(HelmError, match='conflict with "kubectl"'):
            release.upgrade(chart=older)
        release.upgrade(None, "--force-conflicts", chart=older)
    else:
        release.upgrade(chart=older)
    assert "Next" not in columns(kubectl)
    release.upgrade()  # from now on by itself
    assert "Next" in columns(kubectl)
    release.uninstall()
    kubectl("delete", CRD)


def test_a_crd_that_is_not_to_be_kept_goes_with_the_value_unless_it_was_kept_before(
    helm: Helm, kubectl: Kubectl
) -> None:
    kubectl("delete", CRD, "--ignore-not-found")
    release = Release.prepare(helm, kubectl, "unkept")
    release.install({"crds": {"keep": False}})
    with pytest.raises(HelmError, match="first upgrade with"):
        release.upgrade({"crds": {"enabled": False, "keep": False}})
    release.upgrade({"crds": {"enabled": False}})  # in one step, and with it every KiteCredential
    kubectl("wait", "--for=delete", CRD, "--timeout=60s")  # the API server deletes what is of its kind first
    release.upgrade({"crds": {"keep": False}})
    release.upgrade()
    release.upgrade({"crds": {"enabled": False}})
    assert "kitecredentials" in kubectl("get", "crd", "--output=name").stdout
    release.uninstall()
    kubectl("delete", CRD, "--timeout=30s")


def test_everything_at_once_is_admitted(helm: Helm, kubectl: Kubectl) -> None:
    release = Release.prepare(helm, kubectl, "everything")
    release.install({**EVERYTHING, "crds": {"enabled": False}})
    eventually(lambda: len(release.pods()) == 2, "the API server has let the operator's pods in")
    sandbox = "--selector=app.kubernetes.io/component=sandbox"
    eventually(lambda: len(release.get("pods", sandbox)["items"]) == 1, "and the sandbox's")
    release.uninstall()


def test_a_pod_that_may_more_is_not_admitted_there(helm: Helm, kubectl: Kubectl) -> None:
    """Or the tests above would say nothing."""
    release = Release.prepare(helm, kubectl, "strict")
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "root"},
        "spec": {"containers": [{"name": "root", "image": "x"}]},
    }
    refused = kubectl("create", "--namespace=strict", "--filename=-", input=yaml.safe_dump(pod), check=False)
    assert "violates PodSecurity" in refused.stderr
    assert [] == release.pods()


def test_a_namespaced_release_has_rights_in_its_namespaces_alone(helm: Helm, kubectl: Kubectl) -> None:
    for name in ("desk-one", "desk-two", "desk-three"):
        kubectl("create", "namespace", name)
    release = Release.prepare(helm, kubectl, "narrow")
    values = {"namespaces": ["desk-one", "desk-two"], "crds": {"enabled": False}, "rbac": {"aggregate": False}}
    manifest = list(helm.render(values, namespace="narrow"))
    assert [] == [each["kind"] for each in manifest if "namespace" not in each["metadata"]]
    release.install(values)
    account = "system:serviceaccount:narrow:kite-operator"

    def may(verb: str, resource: str, namespace: str) -> bool:
        asked = kubectl("auth", "can-i", verb, resource, "--as", account, "--namespace", namespace, check=False)
        return asked.stdout.strip() == "yes"

    assert [True, True, False, False] == [
        may("list", "secrets", name) for name in ("desk-one", "desk-two", "desk-three", "narrow")
    ]
    assert [True, False] == [may("get", "leases.coordination.k8s.io", name) for name in ("narrow", "desk-one")]
    everywhere = kubectl("auth", "can-i", "list", "secrets", "--as", account, "--all-namespaces", check=False)
    assert "no" == everywhere.stdout.strip()
    for name in ("desk-one", "desk-three"):
        kubectl("create", "secret", "generic", "alpha-app", "--from-literal=api_key=made-up", "--namespace", name)
    read = ("get", "secret/alpha-app", "--as", account, "--output=name", "--namespace")
    assert "secret/alpha-app\n" == kubectl(*read, "desk-one").stdout
    assert "Forbidden" in kubectl(*read, "desk-three", check=False).stderr
    release.uninstall()


def test_two_releases_of_one_name_share_an_account_namespace_and_a_desk(helm: Helm, kubectl: Kubectl) -> None:
    for name in ("shared-ledger", "shared-desk"):
        kubectl("create", "namespace", name)
    values = {
        "namespaces": ["shared-desk"],
        "accountNamespace": "shared-ledger",
        "crds": {"enabled": False},
        "rbac": {"aggregate": False},
    }
    releases = [Release.prepare(helm, kubectl, name) for name in ("ops-one", "ops-two")]
    for each in releases:
        each.install({**values, "settings": {"className": each.namespace}})
    leases = {next(arg for arg in each.args() if arg.startswith("--leader-lease=")) for each in releases}
    assert {"--leader-lease=ops-one.kite-operator", "--leader-lease=ops-two.kite-operator"} == leases
    releases[0].uninstall()
    account = "system:serviceaccount:ops-two:kite-operator"
    asked = kubectl("auth", "can-i", "list", "secrets", "--as", account, "--namespace=shared-desk", check=False)
    assert "yes" == asked.stdout.strip()  # the rights of the one that stays
    releases[1].uninstall()


def test_people_get_rights_by_the_clusters_own_roles(helm: Helm, kubectl: Kubectl) -> None:
    kubectl("apply", "--server-side", "--force-conflicts", "--kustomize", str(CHART.parents[1] / "deploy" / "crd"))
    release = Release.prepare(helm, kubectl, "people")
    release.install({"crds": {"enabled": False}})
    for role in ("view", "edit"):
        kubectl("create", "rolebinding", role, "--namespace=people", f"--clusterrole={role}", f"--user={role}er")

    def may(user: str, verb: str) -> bool:
        asked = kubectl(
            "auth", "can-i", verb, "kitecredentials.kite-operator.dev", "--as", user, "--namespace=people", check=False
        )
        return asked.stdout.strip() == "yes"

    eventually(lambda: may("editer", "create"), "the controller has put the rights together")
    assert [True, False] == [may("viewer", verb) for verb in ("list", "create")]
    assert [True, True, True] == [may("editer", verb) for verb in ("get", "patch", "delete")]
    status = kubectl(
        "auth",
        "can-i",
        "patch",
        "kitecredentials.kite-operator.dev",
        "--subresource=status",
        "--as",
        "editer",
        "--namespace=people",
        check=False,
    )
    assert "no" == status.stdout.strip()
    release.uninstall()
