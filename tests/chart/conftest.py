"""What the chart's tests can ask for: Helm, and for each module a fresh control plane with an audit log."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from devcluster.resolve import Resolver
from support.controlplane import ControlPlane, Kubectl, Options
from support.gomodule import PROMETHEUS_OPERATOR, unpacked
from support.helm import Helm

_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    return Helm(Resolver().resolve(["helm"])["helm"], tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="module")
def audit_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the module's API server writes down every request."""
    return tmp_path_factory.mktemp("audit") / "audit.log"


@pytest.fixture(scope="module")
def plane(audit_log: Path) -> Iterator[ControlPlane]:
    """A cluster that is new, since a chart installs what belongs to the whole of it."""
    policy = audit_log.with_name("policy.json")
    policy.write_text(json.dumps(_POLICY))
    arguments = (f"--audit-policy-file={policy}", f"--audit-log-path={audit_log}")
    with ControlPlane.start(Options(controllers=True, kubeconfig=None, api_server_arguments=arguments)) as started:
        yield started


@pytest.fixture(scope="module")
def kubectl(plane: ControlPlane) -> Kubectl:
    return Kubectl(plane)


@pytest.fixture(scope="module")
def prometheus_operator(kubectl: Kubectl) -> None:
    """Its CRDs, as it publishes them."""
    folder = unpacked(PROMETHEUS_OPERATOR) / "example" / "prometheus-operator-crd"
    names = [f"{plural}.monitoring.coreos.com" for plural in ("servicemonitors", "podmonitors", "prometheusrules")]
    files = [f"--filename={folder}/monitoring.coreos.com_{each.partition('.')[0]}.yaml" for each in names]
    kubectl("apply", "--server-side", *files)
    kubectl("wait", "--for=condition=Established", "--timeout=60s", *(f"crd/{each}" for each in names))
