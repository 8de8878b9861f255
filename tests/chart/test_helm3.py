"""Helm 3 makes the same of the chart as Helm 4, and its releases live as long."""

from typing import Any

import pytest

from devcluster.resolve import Resolver
from support.chart_values import MATRIX
from support.controlplane import Kubectl, eventually
from support.helm import CHART, RELEASE, Helm
from support.releases import CRD, Release


@pytest.fixture(scope="module")
def helm3(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    made = Helm(Resolver().resolve(["helm3"])["helm3"], tmp_path_factory.mktemp("helm3"))
    assert made.run("version", "--short").startswith("v3.")
    return made


@pytest.mark.parametrize("values", [pytest.param(values, id=name) for name, values in MATRIX.items()])
def test_it_renders_the_same(helm: Helm, helm3: Helm, values: dict[str, Any]) -> None:
    assert helm.render(values) == helm3.render(values)


def test_lint_finds_nothing(helm3: Helm) -> None:
    said = helm3.run("lint", "--strict", str(CHART), values={})
    assert "0 chart(s) failed" in said
    assert "[WARNING]" not in said


@pytest.mark.timeout(240)
def test_a_release_of_helm_3_lives_and_can_be_gone_on_with_by_helm_4(helm: Helm, helm3: Helm, kubectl: Kubectl) -> None:
    release = Release.prepare(helm3, kubectl, "third")
    release.install()
    eventually(lambda: len(release.pods()) == 2, "the API server has let two pods in")
    release.upgrade({"settings": {"logFormat": "json"}})
    assert "--log-format=json" in release.args()
    release.rollback()
    assert "--log-format=json" not in release.args()

    successor = Release(helm, kubectl, "third", RELEASE)
    successor.upgrade({"settings": {"logFormat": "json"}})
    assert "--log-format=json" in release.args()
    successor.rollback()

    release.uninstall()
    assert CRD.partition("/")[2] in kubectl("get", "crd", "--output=name").stdout
    left = "deployments,roles,rolebindings,serviceaccounts"
    assert [] == release.get(left, "--selector=app.kubernetes.io/instance=kite-operator")["items"]
    kubectl("delete", CRD, "--timeout=30s")
