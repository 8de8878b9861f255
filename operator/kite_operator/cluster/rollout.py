"""Workloads of trading pods: read, and restarted by a stamp in the pod template, like `kubectl rollout restart`.

Nothing else of them is ever written. The admission policy in deploy/rollout enforces this.
"""

from dataclasses import replace
from typing import Any

from kite_operator.cluster.api import Cluster, Manifest, workload_path
from kite_operator.decide.rollout import Finding, WorkloadView
from kite_operator.model.errors import ClusterError, ClusterUnavailable, Conflict, NotFound
from kite_operator.model.expiry import parse_rfc3339, rfc3339
from kite_operator.model.resource import GROUP
from kite_operator.model.rollout import Stamp, Workload

CONSENT_ANNOTATION = f"{GROUP}/restart"
"""Annotation on the workload itself: the name of the KiteCredential that may restart it."""
VERSION_ANNOTATION = f"{GROUP}/token-version"
RESTARTED_ANNOTATION = f"{GROUP}/restarted-at"
BY_HAND_ANNOTATION = "kubectl.kubernetes.io/restartedAt"
"""Annotation that `kubectl rollout restart` leaves."""


async def read_workload(cluster: Cluster, namespace: str, workload: Workload) -> WorkloadView:
    """Return the workload as it is; an error is reported in the view and never raised."""
    try:
        manifest = await cluster.get(workload_path(namespace, workload.kind, workload.name))
    except ClusterError as error:
        return with_problem(WorkloadView(workload), error)
    return view_workload(workload, manifest)


def with_problem(view: WorkloadView, error: ClusterError) -> WorkloadView:
    """Return the same workload with the API server's error."""
    refusal = f"{error.what} (HTTP {error.status})"
    if isinstance(error, NotFound):
        return replace(view, trouble=Finding.NOT_FOUND, refusal=refusal)
    passes = isinstance(error, (ClusterUnavailable, Conflict))
    return replace(view, trouble=Finding.UNAVAILABLE if passes else Finding.REFUSED, refusal=refusal)


def view_workload(workload: Workload, manifest: Manifest) -> WorkloadView:
    """Return a workload as the rules see it."""
    metadata, spec = manifest["metadata"], manifest.get("spec") or {}
    pods = ((spec.get("template") or {}).get("metadata") or {}).get("annotations") or {}
    return WorkloadView(
        workload,
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        created=parse_rfc3339(metadata.get("creationTimestamp") or ""),
        consents_to=(metadata.get("annotations") or {}).get(CONSENT_ANNOTATION, ""),
        paused=bool(spec.get("paused")),
        held_back=_held_back(spec.get("updateStrategy") or {}),
        stamp=_stamp(pods),
        by_hand=parse_rfc3339(pods.get(BY_HAND_ANNOTATION, "")),
    )


def _held_back(strategy: Manifest) -> str:
    """Return the reason why Kubernetes does not replace pods of a restarted StatefulSet or DaemonSet."""
    if strategy.get("type") == "OnDelete":
        return "its update strategy is OnDelete: a pod restarts only when you delete it"
    partition = (strategy.get("rollingUpdate") or {}).get("partition") or 0
    return f"its update strategy has partition {partition}: pods with a lower number stay as they are" * bool(partition)


def _stamp(annotations: Manifest) -> Stamp | None:
    version, at = annotations.get(VERSION_ANNOTATION, ""), parse_rfc3339(annotations.get(RESTARTED_ANNOTATION, ""))
    return Stamp(version, at) if version and at is not None else None


async def restart(cluster: Cluster, namespace: str, view: WorkloadView, mark: Stamp) -> None:
    """Stamp the pod template; Conflict when the workload has changed since it was read."""
    stamp = {VERSION_ANNOTATION: mark.version, RESTARTED_ANNOTATION: rfc3339(mark.at)}
    patch: dict[str, Any] = {
        "metadata": {"uid": view.uid, "resourceVersion": view.resource_version},
        "spec": {"template": {"metadata": {"annotations": stamp}}},
    }
    await cluster.merge_patch(workload_path(namespace, view.workload.kind, view.workload.name), patch)
