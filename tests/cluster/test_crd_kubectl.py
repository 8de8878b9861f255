"""What a person with kubectl sees of a KiteCredential."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from support.controlplane import ControlPlane, Kubectl
from support.kitecredential import KiteCredentials, credential

pytestmark = pytest.mark.usefixtures("crd")

DEPLOY = Path(__file__).parents[2] / "deploy"


@pytest.fixture
def credentials(control_plane: ControlPlane, namespace: str) -> Iterator[KiteCredentials]:
    api = KiteCredentials(control_plane.kubeconfig, namespace)
    yield api
    api.close()


def table(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_the_columns_show_the_state_and_a_time_to_come(
    credentials: KiteCredentials, kubectl: Kubectl, namespace: str
) -> None:
    credentials.create(credential())
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "SessionActive",
        "message": "",
        "lastTransitionTime": "2026-03-02T07:35:10+05:30",
    }
    times = {"expiresTime": "2099-03-03T06:00:00+05:30", "nextRefreshTime": "2099-03-03T07:35:00+05:30"}
    credentials.patch_status("alpha", {"status": {"conditions": [ready], **times}})

    header, row = table(kubectl("get", "kitecred", "--namespace", namespace).stdout)

    assert header == ["NAME", "READY", "MODE", "CLIENT", "EXPIRES", "NEXT", "REASON", "AGE"]
    assert row[:-1] == ["alpha", "True", "Manual", "AB1234", *times.values(), "SessionActive"]


@pytest.mark.parametrize("name", ["kitecredentials", "kitecredential", "kitecred", "kite"])
def test_kubectl_knows_it_as(credentials: KiteCredentials, kubectl: Kubectl, namespace: str, name: str) -> None:
    credentials.create(credential())

    assert kubectl("get", name, "--namespace", namespace, "--output", "name").stdout.split() == [
        "kitecredential.kite-operator.dev/alpha"
    ]


def test_explain_describes_a_field(kubectl: Kubectl) -> None:
    text = " ".join(kubectl("explain", "kitecredentials.spec.schedule.at").stdout.split())

    assert "FIELD: at <string>" in text
    assert "When the daily refresh starts, HH:MM Indian time" in text


@pytest.mark.parametrize("sample", ["manual", "refresh-token", "totp"])
def test_a_sample_can_be_applied(kubectl: Kubectl, namespace: str, sample: str) -> None:
    path = DEPLOY / f"samples/{sample}.yaml"

    applied = kubectl("apply", "--dry-run=server", "--namespace", namespace, "--filename", str(path))

    assert "kitecredential.kite-operator.dev/" in applied.stdout


def test_the_kustomization_holds_the_crd_alone(kubectl: Kubectl) -> None:
    built = yaml.safe_load_all(kubectl("kustomize", str(DEPLOY / "crd")).stdout)

    assert [document["metadata"]["name"] for document in built] == ["kitecredentials.kite-operator.dev"]


def test_the_refusal_of_a_bad_credential_reads_as_a_sentence(
    credentials: KiteCredentials, kubectl: Kubectl, namespace: str
) -> None:
    credentials.create(credential())
    patch = json.dumps({"spec": {"clientID": "CD5678"}})

    refused = kubectl("patch", "kitecred", "alpha", "--namespace", namespace, "--type=merge", "-p", patch, check=False)

    assert refused.returncode == 1
    assert refused.stderr.strip() == (
        'The KiteCredential "alpha" is invalid: spec.clientID: Invalid value: "CD5678": clientID cannot change: create '
        "a new KiteCredential for another client"
    )
