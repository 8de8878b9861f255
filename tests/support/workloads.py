"""Workloads of trading pods as a test makes them; their pods need not run."""

from collections.abc import Mapping
from typing import Any

CONSENT = "kite-operator.dev/restart"
VERSION = "kite-operator.dev/token-version"
RESTARTED = "kite-operator.dev/restarted-at"
PLURALS = {"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets"}


def path(namespace: str, kind: str, name: str = "") -> str:
    """Where the API server has it."""
    return f"/apis/apps/v1/namespaces/{namespace}/{PLURALS[kind]}" + (f"/{name}" if name else "")


def workload(
    kind: str = "Deployment", name: str = "trader", consents_to: str = "alpha", **spec: object
) -> dict[str, Any]:
    """A workload of no pods that consents to a credential, unless its name is empty; `spec` adds top-level fields."""
    annotations = {CONSENT: consents_to} if consents_to else {}
    usual: dict[str, Any] = {
        "selector": {"matchLabels": {"app": name}},
        "template": {
            "metadata": {"labels": {"app": name}},
            "spec": {"containers": [{"name": "trader", "image": "registry.example/trader:1"}]},
        },
    }
    if kind != "DaemonSet":
        usual["replicas"] = 0
    if kind == "StatefulSet":
        usual["serviceName"] = name
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "annotations": annotations},
        "spec": {**usual, **spec},
    }


def pods(found: Mapping[str, Any]) -> dict[str, str]:
    """The annotations of a workload's pod template."""
    return dict(found["spec"]["template"]["metadata"].get("annotations") or {})
