"""The operator's own account, with the documented rights and no others: the whole cluster suite runs under it."""

import functools
from pathlib import Path
from typing import Any

import yaml

from devcluster import ControlPlane
from devcluster.errors import UsageError
from support.controlplane import Kubectl
from support.documents import blocks, page

ACCOUNT = "system:serviceaccount:kite-operator-tests:kite-operator"
_ACCOUNTS = "tested-operator-accounts"
DOCUMENTED: dict[str, dict[str, Any]] = {
    role["metadata"]["name"]: role for role in map(yaml.safe_load, blocks(page("docs/security.md"), "yaml"))
}
"""The roles of docs/security.md by name; tests/chart proves that the chart gives the same."""


@functools.cache
def operator_kubeconfig(control_plane: ControlPlane) -> Path:
    """Of an account that may do in every namespace what an operator with all features on may do.

    In a cluster that was given there is no authority to make one with: there it is the administrator's.
    """
    try:
        made = control_plane.kubeconfig_for(
            ACCOUNT, ("system:serviceaccounts", "system:serviceaccounts:kite-operator-tests")
        )
    except UsageError:
        return control_plane.kubeconfig
    watched = ("kite-operator", "kite-operator-rollout", "kite-operator-reports")
    everything = [rule for name in watched for rule in DOCUMENTED[name]["rules"]]
    kubectl = Kubectl(control_plane)
    for name, rules in (("tested-operator", everything), (_ACCOUNTS, DOCUMENTED["kite-operator-accounts"]["rules"])):
        role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name}}
        kubectl("apply", "--filename=-", input=yaml.safe_dump({**role, "rules": rules}))
    kubectl("create", "clusterrolebinding", "tested-operator", "--clusterrole=tested-operator", f"--user={ACCOUNT}")
    return made


def accounts_binding() -> dict[str, Any]:
    """What lets the operator keep its account Leases in a namespace."""
    return {
        "metadata": {"name": _ACCOUNTS},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": _ACCOUNTS},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": ACCOUNT}],
    }
