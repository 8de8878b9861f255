"""What each stolen thing opens, and where that ends: the claims of docs/threat-model.md, tried by the thief."""

import base64
import json
from typing import Any

import pytest
import yaml
from kiteconnect import KiteConnect
from kiteconnect.exceptions import KiteException

from support.controlplane import ControlPlane, Kubectl, namespace_in
from support.documents import blocks, page
from support.workloads import path, workload
from support.world import Api, World

ROLES = {role["metadata"]["name"]: role for role in map(yaml.safe_load, blocks(page("docs/security.md"), "yaml"))}


def decoded(secret: dict[str, Any]) -> str:
    """All that somebody sees who may read this Secret."""
    data = {key: base64.b64decode(value).decode() for key, value in (secret.get("data") or {}).items()}
    return json.dumps([secret["metadata"], data])


def bind(kubectl: Kubectl, world: World, role: dict[str, Any], user: str) -> None:
    name = role["metadata"]["name"]
    kubectl("apply", "--namespace", world.namespace, "--filename", "-", input=yaml.safe_dump(role))
    kubectl("create", "rolebinding", name, "--namespace", world.namespace, "--role", name, "--user", user)


def test_what_the_operator_writes_holds_a_session_and_neither_factor_nor_the_apps_secret(world: World) -> None:
    world.operator()
    world.alpha(target={"name": "alpha-token", "format": ["keys", "env", "file", "json"]})
    world.wait("SessionActive")
    written = [decoded(world.api.get(world.path("secrets", name))) for name in ("alpha-token", "alpha-kite-state")]
    written.append(str(world.api.get(world.path("leases", "kite-account-ab1234"))))
    assert [True, True, False] == [world.token() in text for text in written]
    assert 3 == len(world.secrets_made)
    assert [] == [secret for secret in world.secrets_made for text in written if secret in text]


def test_a_stolen_token_trades_as_the_app_does_until_it_is_revoked_and_brings_no_other(world: World) -> None:
    world.operator()
    app = world.alpha()
    world.wait("SessionActive")
    thief = KiteConnect(app.api_key, access_token=world.token(), root=world.sandbox.api_url)
    assert "AB1234" == thief.profile()["user_id"]
    with pytest.raises(KiteException):
        thief.renew_access_token(world.token(), "no-secret-at-hand")
    assert world.sandbox.is_alive(world.token())
    world.annotate(revoke="leaked")
    world.until(lambda: not world.sandbox.is_alive(world.token()), "revoked")
    with pytest.raises(KiteException):
        thief.profile()


def test_a_stolen_redirect_is_worth_nothing_without_the_app_secret_nor_after_its_use(world: World) -> None:
    world.operator()
    app = world.alpha(mode="Manual")
    world.wait("LoginRequired")
    request_token = world.sandbox.request_token("AB1234", app.api_key)
    thief = KiteConnect(app.api_key, root=world.sandbox.api_url)
    with pytest.raises(KiteException):
        thief.generate_session(request_token, api_secret="a-guess-at-the-secret")
    world.grant(request_token)
    world.wait("SessionActive")
    with pytest.raises(KiteException):
        thief.generate_session(request_token, api_secret=app.api_secret)
    assert world.sandbox.is_alive(world.token())
    world.assert_nothing_leaked(request_token)


def test_who_may_only_look_at_credentials_and_events_finds_no_secret(
    control_plane: ControlPlane, kubectl: Kubectl, world: World
) -> None:
    world.operator()
    app = world.alpha()
    world.wait("SessionActive")
    look = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "look"},
        "rules": [
            {"apiGroups": ["kite-operator.dev"], "resources": ["*"], "verbs": ["get", "list"]},
            {"apiGroups": [""], "resources": ["events"], "verbs": ["get", "list"]},
        ],
    }
    bind(kubectl, world, look, "onlooker")
    onlooker = Api(control_plane.kubeconfig_for("onlooker"))
    try:
        shown = [onlooker.call("GET", world.path(plural)) for plural in ("kitecredentials", "events")]
        assert [200, 200] == [status for status, _ in shown]
        assert "AB1234" in str(shown)
        secrets = [*world.secrets_made, world.token(), app.api_key]
        assert [] == [secret for secret in secrets if secret in str(shown)]
        assert 403 == onlooker.call("GET", world.path("secrets", "alpha-token"))[0]
    finally:
        onlooker.close()


def test_a_credential_that_names_somebody_elses_secret_shows_nothing_of_it(world: World) -> None:
    world.operator()
    app, account = world.broker()
    world.sources(app, account)
    private = "a-private-text-of-somebody-else"
    world.secret("private", diary=private, api_key=f"{private}\n{private}")
    world.credential(appSecretRef={"name": "private"})
    world.wait("AppSecretInvalid")
    world.settle()
    world.assert_nothing_leaked(private)
    assert world.target() is None
    assert private not in str(world.api.get(world.path("leases"))["items"])


def test_the_operators_account_reaches_the_watched_namespace_and_no_further(
    control_plane: ControlPlane, kubectl: Kubectl, world: World
) -> None:
    user = f"thief-of-{world.namespace}"
    for name in ("kite-operator", "kite-operator-accounts", "kite-operator-rollout"):
        bind(kubectl, world, ROLES[name], user)
    world.operator()
    world.alpha()
    world.wait("SessionActive")
    world.api.create(path(world.namespace, "Deployment"), workload())
    thief = Api(control_plane.kubeconfig_for(user))
    here, core = world.namespace, f"/api/v1/namespaces/{world.namespace}"
    try:
        # What it gives: every Secret of the namespaces that the operator watches.
        assert 200 == thief.call("GET", f"{core}/secrets/alpha-login")[0]
        with namespace_in(kubectl, f"{here}-next") as other:
            kubectl("create", "secret", "generic", "private", "--from-literal=a=b", "--namespace", other)
            refused: list[tuple[str, str, object]] = [
                ("GET", f"/api/v1/namespaces/{other}/secrets/private", None),
                ("GET", "/api/v1/secrets", None),
                ("GET", f"/apis/kite-operator.dev/v1alpha1/namespaces/{other}/kitecredentials", None),
                ("PATCH", world.path("kitecredentials", "alpha"), {"spec": {"suspend": True}}),
                ("DELETE", world.path("kitecredentials", "alpha"), None),
                ("POST", f"{core}/pods", {"metadata": {"name": "p"}, "spec": {}}),
                ("GET", f"{core}/configmaps", None),
                ("POST", f"{core}/serviceaccounts/default/token", {"spec": {}}),
                ("POST", f"/apis/rbac.authorization.k8s.io/v1/namespaces/{here}/rolebindings", {}),
                ("POST", path(here, "Deployment"), workload(name="another")),
                ("DELETE", path(here, "Deployment", "trader"), None),
                ("PATCH", f"{path(here, 'Deployment', 'trader')}/scale", {"spec": {"replicas": 9}}),
            ]
            kind = "application/merge-patch+json"
            answers = [
                (verb, where, thief.call(verb, where, body, kind if verb == "PATCH" else "application/json")[0])
                for verb, where, body in refused
            ]
        assert [] == [answer for answer in answers if answer[2] != 403]
    finally:
        thief.close()
