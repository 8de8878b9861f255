"""Releases of the chart on a control plane, and what became of them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.controlplane import Kubectl
from support.helm import CHART, RELEASE, Helm, Values

RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"
CRD = "customresourcedefinition/kitecredentials.kite-operator.dev"


@dataclass(frozen=True, slots=True)
class Release:
    """One release in a namespace of its own, which holds its pods to the restricted standard."""

    helm: Helm
    kubectl: Kubectl
    namespace: str
    name: str = RELEASE

    @classmethod
    def prepare(cls, helm: Helm, kubectl: Kubectl, namespace: str, name: str = RELEASE) -> "Release":
        """The namespace, and nothing in it yet."""
        kubectl("create", "namespace", namespace)
        kubectl("label", "namespace", namespace, RESTRICTED)
        return cls(helm, kubectl, namespace, name)

    def install(self, values: Values | None = None, *more: str, chart: Path = CHART) -> str:
        """`helm install`."""
        return self._helm("install", self.name, str(chart), *more, values=values or {})

    def upgrade(self, values: Values | None = None, *more: str, chart: Path = CHART) -> str:
        """`helm upgrade`, with these values and no former ones."""
        return self._helm("upgrade", self.name, str(chart), "--reset-values", *more, values=values or {})

    def rollback(self) -> str:
        """`helm rollback` to the revision before."""
        return self._helm("rollback", self.name)

    def uninstall(self) -> str:
        """`helm uninstall`."""
        return self._helm("uninstall", self.name)

    def _helm(self, command: str, *arguments: str, values: Values | None = None) -> str:
        environment = {"KUBECONFIG": str(self.kubectl.control_plane.kubeconfig)}
        return self.helm.run(command, *arguments, "--namespace", self.namespace, values=values, environment=environment)

    def get(self, what: str, *more: str) -> Any:
        """An object, or a list of objects, as kubectl gets it in the release's namespace."""
        return json.loads(self.kubectl("get", what, "--namespace", self.namespace, "--output=json", *more).stdout)

    def pods(self) -> list[dict[str, Any]]:
        """The pods that the API server has let in; nobody runs them, for there is no node."""
        return list(self.get("pods", "--selector=app.kubernetes.io/name=kite-operator")["items"])

    def args(self) -> list[str]:
        """The operator's arguments in the Deployment."""
        (container,) = self.get(f"deployment/{self.name}")["spec"]["template"]["spec"]["containers"]
        return list(container["args"])
