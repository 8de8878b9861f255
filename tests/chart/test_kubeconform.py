"""kubeconform finds nothing in what the chart makes, by the schemas of the running API server, read strictly."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from devcluster.resolve import Resolver
from support.chart_values import MATRIX
from support.controlplane import Kubectl
from support.helm import Helm, Manifest

FOREIGN = "ServiceMonitor,PodMonitor,PrometheusRule,HTTPRoute"
"""Kinds of other projects, which the API server does not know."""
_LOOSE = {
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"type": ["string", "integer"]},
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"type": ["string", "number"]},
}


@pytest.fixture(scope="module")
def schemas(kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file for each kind that the API server serves, in which unknown fields are wrong."""
    folder = tmp_path_factory.mktemp("schemas")
    definitions = json.loads(kubectl("get", "--raw=/openapi/v2").stdout)["definitions"]
    definitions.update(_LOOSE)
    kinds = [(each, name) for name, body in definitions.items() for each in body.get(_KINDS, ()) if each["version"]]
    for each in definitions.values():
        if "properties" in each and "x-kubernetes-preserve-unknown-fields" not in each:
            each.setdefault("additionalProperties", False)
    (folder / "_all.json").write_text(json.dumps({"definitions": definitions}))
    for kind, name in kinds:
        group = "-".join(part for part in (kind["group"].partition(".")[0], kind["version"]) if part)
        path = folder / f"{kind['kind'].lower()}-{group}.json"
        path.write_text(json.dumps({"$ref": f"_all.json#/definitions/{name}"}))
    return folder


_KINDS = "x-kubernetes-group-version-kind"


def conform(schemas: Path, manifests: list[Manifest]) -> dict[str, Any]:
    """kubeconform's report."""
    program = Resolver().resolve(["kubeconform"])["kubeconform"]
    location = f"{schemas}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
    command = [str(program), "-output=json", "-summary", f"-schema-location={location}", f"-skip={FOREIGN}", "-"]
    done = subprocess.run(  # noqa: S603 - the resolved program
        command, input=yaml.safe_dump_all(manifests), capture_output=True, text=True, check=False, timeout=120
    )
    assert done.stdout, done.stderr
    return dict(json.loads(done.stdout))


def test_every_manifest_of_every_case_is_right(helm: Helm, schemas: Path) -> None:
    everything = [each for values in MATRIX.values() for each in helm.render(values)]
    distinct = list({json.dumps(each, sort_keys=True): each for each in everything}.values())
    report = conform(schemas, distinct)
    assert not report.get("resources")
    assert 0 == report["summary"]["invalid"] + report["summary"]["errors"]
    skipped = {each["kind"] for each in distinct} & set(FOREIGN.split(","))
    assert report["summary"]["valid"] >= len(distinct) - 10
    assert set(FOREIGN.split(",")) == skipped


def test_a_field_that_does_not_exist_is_found(helm: Helm, schemas: Path) -> None:
    manifests = helm.render()
    for each in manifests:
        if each["kind"] == "Deployment":
            each["spec"]["template"]["spec"]["containers"][0]["liveness"] = {}
    assert 1 == conform(schemas, manifests)["summary"]["invalid"]
