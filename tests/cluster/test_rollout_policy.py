"""deploy/rollout holds the operator's account to the stamp of workloads that consent, and nobody else to anything."""

import copy
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from kite_operator.act.rollout import MOST_TRIES
from kite_operator.cluster.api import Cluster, connect
from kite_operator.cluster.rollout import read_workload, restart
from kite_operator.model.errors import Conflict
from kite_operator.model.expiry import IST
from kite_operator.model.rollout import Stamp, Workload
from support.broker_fakes import NOW
from support.controlplane import ControlPlane, Kubectl, eventually, namespace_in
from support.documents import ROOT
from support.workloads import CONSENT, RESTARTED, VERSION, path, pods, workload
from support.world import Api

ACCOUNT = "system:serviceaccount:kite-operator:kite-operator"
OTHER = "somebody-else"
TOKEN_VERSION = "0123abcd." + "0f" * 16
EVERYTHING = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "Role",
    "metadata": {"name": "everything"},
    "rules": [{"apiGroups": ["apps"], "resources": ["*"], "verbs": ["*"]}],
}
STAMP = {VERSION: TOKEN_VERSION, RESTARTED: "2026-03-02T07:41:00+05:30"}
KINDS = ["Deployment", "StatefulSet", "DaemonSet"]
MERGE = "application/merge-patch+json"


def with_a_note(name: str) -> dict[str, Any]:
    """A pod template that carries an annotation of somebody else."""
    usual: dict[str, Any] = workload(name=name)["spec"]["template"]
    return {**usual, "metadata": {**usual["metadata"], "annotations": {"desk": "one"}}}


def template(**changes: object) -> dict[str, Any]:
    return {"spec": {"template": changes}}


def stamped(**annotations: str | None) -> dict[str, Any]:
    return template(metadata={"annotations": {**STAMP, **annotations}})


@dataclass(frozen=True, slots=True)
class Setup:
    """A namespace where the operator's account and somebody else have every right on workloads."""

    namespace: str
    admin: Api
    account: Api
    other: Api

    def make(self, kind: str = "Deployment", *, noted: bool = False, **changes: Any) -> str:
        name = f"t-{uuid.uuid4().hex[:8]}"
        if noted:
            changes["template"] = with_a_note(name)
        made = workload(kind, name, **changes)
        self.admin.create(path(self.namespace, kind), made)
        return name

    def patch(self, body: object, name: str, *, who: Api | None = None, kind: str = "Deployment") -> tuple[int, str]:
        status, answer = (who or self.account).call("PATCH", path(self.namespace, kind, name), body, MERGE)
        return status, answer.get("message", "") if isinstance(answer, dict) else str(answer)


@pytest.fixture(scope="module")
def desk(control_plane: ControlPlane, kubectl: Kubectl) -> Iterator[Setup]:
    with namespace_in(kubectl, f"rollout-policy-{uuid.uuid4().hex[:8]}") as namespace:
        kubectl("apply", "--namespace", namespace, "--filename", "-", input=yaml.safe_dump(EVERYTHING))
        users = ("--user", ACCOUNT, "--user", OTHER)
        kubectl("create", "rolebinding", "everything", "--role", "everything", *users, "--namespace", namespace)
        admin, account, other = (
            Api(file)
            for file in (
                control_plane.kubeconfig,
                control_plane.kubeconfig_for(ACCOUNT),
                control_plane.kubeconfig_for(OTHER),
            )
        )
        made = Setup(namespace, admin, account, other)
        kubectl("apply", "--kustomize", str(ROOT / "deploy" / "rollout"))
        try:
            probe = made.make()
            eventually(lambda: made.patch({"spec": {"replicas": 1}}, probe)[0] == 422, "the policy is in force")
            yield made
        finally:
            kubectl("delete", "--kustomize", str(ROOT / "deploy" / "rollout"), "--wait=false")
            for api in (admin, account, other):
                api.close()


async def stamp(cluster: Cluster, namespace: str, workload: Workload, mark: Stamp) -> None:
    """Restart it as it is by then: its controller writes its status in between."""
    for _ in range(MOST_TRIES):
        view = await read_workload(cluster, namespace, workload)
        assert view.trouble is None
        try:
            await restart(cluster, namespace, view, mark)
        except Conflict:
            continue
        return
    raise AssertionError("somebody changes it all the time")


@pytest.mark.parametrize("kind", KINDS)
async def test_the_operator_restarts_what_consents_twice_with_its_own_code(
    control_plane: ControlPlane, desk: Setup, kind: str
) -> None:
    name = desk.make(kind)
    before = desk.admin.get(path(desk.namespace, kind, name))["metadata"]["generation"]
    async with await connect(str(control_plane.kubeconfig_for(ACCOUNT)), timeout_seconds=10, connections=2) as cluster:
        for digit in ("1", "2"):
            mark = Stamp("0123abcd." + digit * 32, NOW.astimezone(IST))
            await stamp(cluster, desk.namespace, Workload(kind, name), mark)
            found = desk.admin.get(path(desk.namespace, kind, name))
            assert mark.version == pods(found)[VERSION]
    assert 2 == found["metadata"]["generation"] - before


def test_a_template_that_has_annotations_keeps_them(desk: Setup) -> None:
    name = desk.make(noted=True)
    assert (200, "") == desk.patch(stamped(), name)
    assert {"desk": "one", **STAMP} == pods(desk.admin.get(path(desk.namespace, "Deployment", name)))


REFUSED = [
    ("another image", template(spec={"containers": [{"name": "trader", "image": "registry.example/evil:1"}]})),
    (
        "another command",
        template(spec={"containers": [{"name": "trader", "image": "registry.example/trader:1", "command": ["sh"]}]}),
    ),
    ("another account for its pods", template(spec={"serviceAccountName": "admin"})),
    ("replicas", {"spec": {"replicas": 3}}),
    ("a field that was absent", {"spec": {"minReadySeconds": 3}}),
    ("a strategy", {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}}),
    ("a pause", {"spec": {"paused": True}}),
    ("another annotation of the pods", stamped(desk="one")),
    ("another annotation of the pods alone", template(metadata={"annotations": {"desk": "one"}})),
    ("a label of the pods", template(metadata={"labels": {"desk": "one"}, "annotations": STAMP})),
    ("an annotation of the workload", {"metadata": {"annotations": {"desk": "one"}}, **stamped()}),
    ("an annotation of the workload taken away", {"metadata": {"annotations": None}, **stamped()}),
    ("a label of the workload", {"metadata": {"labels": {"desk": "one"}}, **stamped()}),
    ("the end of its consent", {"metadata": {"annotations": {CONSENT: None}}, **stamped()}),
    ("its consent to another", {"metadata": {"annotations": {CONSENT: "beta"}}, **stamped()}),
    ("a finalizer", {"metadata": {"finalizers": ["desk.example/stays"]}, **stamped()}),
    (
        "an owner",
        {"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "x", "uid": "x"}]}, **stamped()},
    ),
    ("half a stamp", template(metadata={"annotations": {VERSION: TOKEN_VERSION}})),
    ("a stamp that carries something else", stamped(**{VERSION: "accesstoken0123456789abcdefghijk"})),
    ("a time that is none", stamped(**{RESTARTED: "x" * 200})),
    ("nothing at all", {}),
]


@pytest.mark.parametrize(("what", "body"), REFUSED, ids=[what for what, _ in REFUSED])
def test_the_account_may_do_nothing_else_to_a_workload(desk: Setup, what: str, body: dict[str, Any]) -> None:
    name = desk.make()
    status, message = desk.patch(body, name)
    assert (422, True) == (status, "kite-operator-rollout" in message), (what, message)
    assert "kite-operator m" in message
    assert 1 == desk.admin.get(path(desk.namespace, "Deployment", name))["metadata"]["generation"]


def test_the_account_may_not_take_away_what_the_pods_carry(desk: Setup) -> None:
    name = desk.make(noted=True)
    assert 422 == desk.patch(stamped(desk=None), name)[0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_workload_without_consent_is_not_restarted(desk: Setup, kind: str) -> None:
    name = desk.make(kind, consents_to="")
    status, message = desk.patch(stamped(), name, kind=kind)
    assert 422 == status
    assert "only workloads with the annotation kite-operator.dev/restart" in message
    consent = {"metadata": {"annotations": {CONSENT: "alpha"}}}
    assert 422 == desk.patch({**consent, **stamped()}, name, kind=kind)[0]


def test_the_account_may_not_make_scale_or_delete_workloads(desk: Setup) -> None:
    name, where = desk.make(), path(desk.namespace, "Deployment")
    scale = {"spec": {"replicas": 5}}
    answers = [
        desk.account.call("POST", where, workload(name="made-by-the-account")),
        desk.account.call("PATCH", f"{where}/{name}/scale", scale, MERGE),
        desk.account.call("DELETE", f"{where}/{name}"),
    ]
    assert [422] * 3 == [status for status, _ in answers]
    assert all("kite-operator may only restart" in answer["message"] for _, answer in answers)


@pytest.mark.parametrize(("what", "body"), REFUSED[:9], ids=[what for what, _ in REFUSED[:9]])
def test_other_users_are_not_affected(desk: Setup, what: str, body: dict[str, Any]) -> None:
    name = desk.make(consents_to="")
    assert 200 == desk.patch(copy.deepcopy(body), name, who=desk.other)[0], what
    assert 200 == desk.other.call("DELETE", path(desk.namespace, "Deployment", name))[0]
