"""What Argo CD and Flux say of a KiteCredential with the health checks of deploy/gitops, by the libraries they use."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from devcluster.resolve import Resolver

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "gitops"
ARGO_KEY = "resource.customizations.health.kite-operator.dev_KiteCredential"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`kstatus` is what Flux says without its health check expressions."""

    argo: str
    argo_message: str
    kstatus: str
    flux: str


def lua() -> str:
    """Argo CD's health check."""
    return str(yaml.safe_load((FOLDER / "argocd-health.yaml").read_text())["data"][ARGO_KEY])


def judge(objects: Sequence[Mapping[str, Any]]) -> list[Verdict]:
    """A verdict on each object, in order."""
    program = Resolver().resolve(["gitops-health"])["gitops-health"]
    (check,) = yaml.safe_load((FOLDER / "flux-health.yaml").read_text())["healthCheckExprs"]
    expressions = {name: check[name] for name in ("current", "failed", "inProgress") if name in check}
    question = json.dumps({"lua": lua(), "expressions": expressions, "objects": list(objects)})
    asked = subprocess.run([program], input=question, capture_output=True, text=True, check=True, timeout=60)  # noqa: S603 - our own program
    return [
        Verdict(each["argo"], each["argoMessage"], each["kstatus"], each["flux"]) for each in json.loads(asked.stdout)
    ]
