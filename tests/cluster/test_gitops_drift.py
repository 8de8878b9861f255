"""What a GitOps tool has applied stays as it is in Git, whatever the operator does; what it makes is not the tool's."""

import json
from typing import Any

import pytest
import yaml

from support.controlplane import Kubectl
from support.gitops import ARGO_KEY, FOLDER, lua
from support.world import REDIRECT_URL, World

TRACKED = {
    "labels": {
        "app.kubernetes.io/instance": "desk",
        "argocd.argoproj.io/instance": "desk",
        "kustomize.toolkit.fluxcd.io/name": "desk",
        "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
    },
    "annotations": {"argocd.argoproj.io/tracking-id": "desk:kite-operator.dev/KiteCredential:desk/alpha"},
}


def in_git(world: World) -> str:
    """The manifest, as it is kept in Git and labelled by both tools."""
    spec = {
        "clientID": "AB1234",
        "appSecretRef": {"name": "alpha-app"},
        "redirectURL": REDIRECT_URL,
        "login": {"mode": "TOTP", "totp": {"secretRef": {"name": "alpha-login"}}},
        "target": {"name": "alpha-token", "labels": {"desk": "a"}},
    }
    return yaml.safe_dump(
        {
            "apiVersion": "kite-operator.dev/v1alpha1",
            "kind": "KiteCredential",
            "metadata": {"name": "alpha", "namespace": world.namespace, **TRACKED},
            "spec": spec,
        }
    )


def of_the_tool(world: World) -> str:
    """A Secret that the tool has applied too, and that is pruned when it is gone from Git."""
    metadata = {"name": "former", "namespace": world.namespace, "labels": TRACKED["labels"]}
    return yaml.safe_dump({"apiVersion": "v1", "kind": "Secret", "metadata": metadata})


SERVER_SIDE = ("--server-side", "--field-manager=argocd-controller")
CLIENT_SIDE: tuple[str, ...] = ()


def a_day_of_work(world: World) -> None:
    """A first token, a refresh by hand, the next morning's login, drift that is healed, and a restart."""
    world.operator()
    world.wait("SessionActive")
    first = world.token()
    world.annotate(refresh="by-hand")
    world.until(lambda: world.status().get("lastHandledRefresh") == "by-hand", "refreshed")
    world.clock.move(86400)
    world.until(lambda: world.token() not in ("", first) and world.condition()[1] == "SessionActive", "the next token")
    world.api.patch(world.path("secrets", "alpha-token"), {"metadata": {"labels": {"desk": "b"}}})
    world.until(lambda: "TargetDrifted" in world.events(), "healed")
    world.operators[-1].kill()
    world.operator()
    world.annotate(refresh="after-the-restart")
    world.until(lambda: world.status().get("lastHandledRefresh") == "after-the-restart", "at work again")


@pytest.mark.parametrize("way", [SERVER_SIDE, CLIENT_SIDE], ids=["server-side", "client-side"])
def test_a_day_of_work_leaves_no_difference_and_applying_again_changes_nothing(
    world: World, kubectl: Kubectl, way: tuple[str, ...]
) -> None:
    app, account = world.broker()
    world.sources(app, account)
    manifest = in_git(world)
    kubectl("apply", *way, "--filename", "-", input=manifest)
    a_day_of_work(world)
    before = world.api.get(world.path("kitecredentials", "alpha"))
    assert "" == kubectl("diff", *way, "--filename", "-", input=manifest).stdout
    kubectl("apply", *way, "--filename", "-", input=manifest)
    after = world.api.get(world.path("kitecredentials", "alpha"))
    assert (1, before["metadata"]["resourceVersion"]) == (
        after["metadata"]["generation"],
        after["metadata"]["resourceVersion"],
    )
    assert yaml.safe_load(manifest)["spec"] == after["spec"]
    assert before["metadata"].get("finalizers") is None


def test_the_operator_owns_the_status_and_nothing_else(world: World, kubectl: Kubectl) -> None:
    app, account = world.broker()
    world.sources(app, account)
    kubectl("apply", *SERVER_SIDE, "--filename", "-", input=in_git(world))
    world.operator()
    world.wait("SessionActive")
    fields = world.api.get(world.path("kitecredentials", "alpha"))["metadata"]["managedFields"]
    owned = {(each["manager"], each.get("subresource", "")): sorted(each["fieldsV1"]) for each in fields}
    assert ["f:metadata", "f:spec"] == owned.pop(("argocd-controller", ""))
    assert [["f:status"]] == list(owned.values())
    assert ["status"] == [subresource for _, subresource in owned]


def test_what_the_operator_makes_bears_no_mark_of_the_tools_and_is_not_pruned(world: World, kubectl: Kubectl) -> None:
    app, account = world.broker()
    world.sources(app, account)
    manifest, pruned_from_git = in_git(world), of_the_tool(world)
    kubectl("apply", "--filename", "-", input=f"{manifest}---\n{pruned_from_git}")
    world.operator()
    world.wait("SessionActive")
    made: list[dict[str, Any]] = [world.api.get(world.path("secrets", n)) for n in ("alpha-token", "alpha-kite-state")]
    for secret in made:
        shown = json.dumps({key: secret["metadata"].get(key) for key in ("labels", "annotations")})
        assert not [mark for mark in ("argocd", "fluxcd", "/instance") if mark in shown]
        assert "kite-operator" == secret["metadata"]["labels"]["app.kubernetes.io/managed-by"]
        (owner,) = secret["metadata"]["ownerReferences"]
        assert ("KiteCredential", "alpha", True) == (owner["kind"], owner["name"], owner["controller"])
    pruned = kubectl(
        *("apply", "--prune", "--selector", "app.kubernetes.io/instance=desk", "--prune-allowlist", "core/v1/Secret"),
        *("--namespace", world.namespace, "--filename", "-"),
        input=manifest,
    ).stdout.splitlines()
    assert ["secret/former pruned"] == [line for line in pruned if "pruned" in line]
    assert made == [world.api.get(world.path("secrets", n)) for n in ("alpha-token", "alpha-kite-state")]


def test_argo_cds_own_settings_take_the_health_check_as_the_page_says(kubectl: Kubectl, namespace: str) -> None:
    kubectl(
        "create", "configmap", "argocd-cm", "--namespace", namespace, "--from-literal=url=https://argocd.example.com"
    )
    patch = str(FOLDER / "argocd-health.yaml")
    kubectl("patch", "configmap", "argocd-cm", "--namespace", namespace, "--patch-file", patch)
    stored = json.loads(kubectl("get", "configmap", "argocd-cm", "--namespace", namespace, "--output=json").stdout)
    assert {"url": "https://argocd.example.com", ARGO_KEY: lua()} == stored["data"]
