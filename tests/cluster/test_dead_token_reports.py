"""A consumer reports a dead token with its own ServiceAccount's token: real tokens, real rights, a real API server."""

import base64
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import yaml
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from kiteconnect.exceptions import TokenException

import kite_token
from devcluster.pki import Authority
from support.controlplane import ControlPlane, Kubectl, namespace_in
from support.documents import blocks, page, section
from support.mounted_secret import MountedSecret
from support.operators import OperatorProcess
from support.ports import free_port
from support.world import World

AUDIENCE = "kite-operator"


@dataclass(slots=True)
class Reporting:
    """A cluster-wide operator that takes reports, and ServiceAccounts to make them with."""

    world: World
    operator: OperatorProcess
    url: str

    def account(self, name: str = "trader", *, reads: Sequence[str] = ("alpha-token",), namespace: str = "") -> None:
        """A ServiceAccount that may get these Secrets of the credential's namespace; `*` is all of them."""
        where = namespace or self.world.namespace
        api = self.world.api
        api.create(f"/api/v1/namespaces/{where}/serviceaccounts", {"metadata": {"name": name}})
        if not reads:
            return
        rule = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}
        rules = [rule if "*" in reads else rule | {"resourceNames": list(reads)}]
        rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{self.world.namespace}"
        role = f"report-{name}"
        api.create(f"{rbac}/roles", {"metadata": {"name": role}, "rules": rules})
        binding = {
            "metadata": {"name": role},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": where}],
        }
        api.create(f"{rbac}/rolebindings", binding)

    def token(self, name: str = "trader", audience: str | None = AUDIENCE, namespace: str = "", **spec: Any) -> str:
        """A token of a ServiceAccount, as the kubelet projects it into a pod; without an audience, an ordinary one."""
        path = f"/api/v1/namespaces/{namespace or self.world.namespace}/serviceaccounts/{name}/token"
        wanted = {"audiences": [audience], **spec} if audience is not None else spec
        made = str(self.world.api.create(path, {"spec": wanted})["status"]["token"])
        self.world.secrets_made.append(made)
        return made

    def post(self, token: str | None, name: str = "alpha", namespace: str = "", **options: Any) -> requests.Response:
        """One report."""
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        path = f"/v1/namespaces/{namespace or self.world.namespace}/kitecredentials/{name}/dead-token"
        return requests.post(self.url + path, headers=headers, timeout=10, **options)

    def probes(self) -> int:
        """How often the broker was asked for the profile of the client."""
        return self.world.sandbox.all_counters().count("profile")


@pytest.fixture
def start(world: World) -> Callable[..., Reporting]:
    def run(*arguments: str, scheme: str = "http", **options: Any) -> Reporting:
        address = f"127.0.0.1:{free_port()}"
        started = world.operator("--namespaces", "", "--report-listen", address, *arguments, **options)
        return Reporting(world, started, f"{scheme}://{address}")

    return run


@pytest.fixture
def reporting(start: Callable[..., Reporting]) -> Reporting:
    """A credential whose token works, and a trader that may read its Secret."""
    made = start()
    made.world.alpha()
    made.world.wait("SessionActive")
    made.account()
    return made


def test_a_true_report_brings_a_new_token_within_seconds(reporting: Reporting) -> None:
    world, token = reporting.world, reporting.token()
    old = world.token()
    world.sandbox.master_logout("AB1234")
    world.clock.move(61)  # of the five minutes between two probes
    world.settle(0.3)
    assert old == world.token()
    assert 202 == reporting.post(token).status_code
    world.until(lambda: world.token() not in ("", old), "a new token")
    assert 2 == world.sandbox.counters("AB1234").count("login")
    world.until(lambda: "TokenDead" in world.events(), "told")
    assert 1 == reporting.operator.metric('kite_operator_dead_token_reports_total{result="accepted"}')
    assert f"token reported dead credential={world.namespace}/alpha" in world.logs()
    assert "lastHandledRefresh" not in world.status()


def test_the_documented_role_is_enough_for_a_pods_account(start: Callable[..., Reporting], kubectl: Kubectl) -> None:
    reporting = start()
    world = reporting.world
    world.alpha(target={"name": "alpha-kite-token"})
    world.wait("SessionActive")
    role, pod = blocks(section(page("docs/trading-pods.md"), "Report a dead token"), "yaml")
    kubectl("create", "serviceaccount", "trader", "--namespace", world.namespace)
    kubectl(
        *("apply", "--namespace", world.namespace, "--filename", "-"), input=role.replace("trading", world.namespace)
    )
    (source,) = yaml.safe_load(pod)["volumes"][0]["projected"]["sources"]
    wanted = source["serviceAccountToken"]
    token = reporting.token(audience=wanted["audience"], expirationSeconds=wanted["expirationSeconds"])
    (variable,) = yaml.safe_load(pod)["containers"][0]["env"]
    path = urlsplit(variable["value"]).path.replace("/trading/", f"/{world.namespace}/")
    answer = requests.post(reporting.url + path, headers={"Authorization": f"Bearer {token}"}, timeout=10)
    assert 202 == answer.status_code


def test_a_trading_pod_reports_by_itself_and_goes_on_with_the_new_token(
    reporting: Reporting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = reporting.world
    mounted = MountedSecret(tmp_path / "kite")
    mounted.publish(world.target() or {})
    (tmp_path / "token").write_text(reporting.token())
    monkeypatch.setenv("KITE_REPORT_DIR", str(tmp_path))
    path = f"/v1/namespaces/{world.namespace}/kitecredentials/alpha/dead-token"
    kite = kite_token.connect(mounted.folder, report_url=reporting.url + path, root=world.sandbox.api_url)
    kite.profile()
    old = world.token()
    world.sandbox.master_logout("AB1234")
    world.clock.move(61)
    with pytest.raises(TokenException):
        kite.profile()
    world.until(lambda: world.token() not in ("", old), "a new token")
    mounted.publish(world.target() or {})
    assert "AB1234" == kite.profile()["user_id"]
    kite.reqsession.close()


def test_a_report_within_the_minute_is_looked_into_at_its_end(reporting: Reporting) -> None:
    world = reporting.world
    old = world.token()
    world.sandbox.master_logout("AB1234")
    assert 202 == reporting.post(reporting.token()).status_code
    world.settle()
    assert old == world.token()
    world.clock.move(60)
    world.until(lambda: world.token() not in ("", old), "a new token")


def test_in_mode_manual_a_true_report_asks_a_person(start: Callable[..., Reporting]) -> None:
    reporting = start()
    world = reporting.world
    app = world.alpha(mode="Manual")
    world.wait("LoginRequired")
    world.grant(world.sandbox.request_token("AB1234", app.api_key))
    world.wait("SessionActive")
    reporting.account()
    world.sandbox.master_logout("AB1234")
    world.clock.move(61)
    assert 202 == reporting.post(reporting.token()).status_code
    world.wait("LoginRequired")
    assert "True" == world.condition("LoginRequired")[0]


def test_a_storm_of_false_reports_costs_one_question_a_minute(reporting: Reporting) -> None:
    world, token = reporting.world, reporting.token()
    before, live = reporting.probes(), world.token()
    for minute in range(1, 4):
        world.clock.move(60)
        deadline = time.monotonic() + 1.5
        statuses = set()
        while time.monotonic() < deadline:
            statuses.add(reporting.post(token).status_code)
        assert statuses <= {202, 429}
        world.until(lambda minute=minute: reporting.probes() == before + minute, "one more question")  # type: ignore[misc]  # bound at definition
    world.settle()
    assert (before + 3, 1) == (reporting.probes(), world.sandbox.counters("AB1234").count("login"))
    assert live == world.token()
    # The API server was asked twice for each half minute, not for each report.
    reviews = sum(
        reporting.operator.metric(
            f'kite_operator_kubernetes_requests_total{{code="201",resource="{kind}",verb="POST"}}'
        )
        or 0
        for kind in ("tokenreviews", "subjectaccessreviews")
    )
    assert 2 <= reviews <= 4


@pytest.mark.parametrize("audience", ["somebody-else", None])
def test_a_token_for_another_audience_is_nobodys(reporting: Reporting, audience: str | None) -> None:
    assert 401 == reporting.post(reporting.token(audience=audience)).status_code


def test_without_a_token_nobody_reports(reporting: Reporting) -> None:
    assert 401 == reporting.post(None).status_code
    assert 401 == reporting.post("bearer0123456789bearer0123456789").status_code


def test_a_token_whose_pod_is_gone_is_nobodys(reporting: Reporting) -> None:
    world = reporting.world
    world.secret("pod-like")
    uid = world.api.get(world.path("secrets", "pod-like"))["metadata"]["uid"]
    bound = {"apiVersion": "v1", "kind": "Secret", "name": "pod-like", "uid": uid}
    token = reporting.token(boundObjectRef=bound)
    world.api.delete(world.path("secrets", "pod-like"))
    assert 401 == reporting.post(token).status_code


def test_an_expired_token_is_nobodys(reporting: Reporting, control_plane: ControlPlane) -> None:
    token = reporting.token()
    key = control_plane.kubeconfig.parent / "keys" / "service-account.key"
    if not key.exists():
        pytest.skip("a cluster that was given keeps the key of its tokens to itself")
    assert 202 == reporting.post(resigned(token, key.read_bytes(), seconds_ago=0)).status_code
    assert 401 == reporting.post(resigned(token, key.read_bytes(), seconds_ago=60)).status_code


def resigned(token: str, key: bytes, *, seconds_ago: int) -> str:
    """The same token, that expired so long ago (in an hour for 0), signed with the API server's own key."""
    header, claims, _ = token.split(".")
    expires = {"exp": int(time.time()) + (-seconds_ago or 3600)}
    signed = f"{header}.{_encoded(json.dumps(json.loads(_decoded(claims)) | expires).encode())}"
    private = serialization.load_pem_private_key(key, None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    r, s = utils.decode_dss_signature(private.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{signed}.{_encoded(r.to_bytes(32) + s.to_bytes(32))}"


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def test_who_may_not_read_the_secret_learns_nothing(reporting: Reporting) -> None:
    reporting.account("stranger", reads=["beta-token"])
    reporting.account("auditor", reads=["*"])
    before, stranger = reporting.probes(), reporting.token("stranger")
    reporting.world.clock.move(61)
    present, absent = reporting.post(stranger), reporting.post(stranger, "nobody")
    assert (403, 403, present.content) == (present.status_code, absent.status_code, absent.content)
    assert 404 == reporting.post(reporting.token("auditor"), "nobody").status_code
    assert 403 == reporting.post(reporting.token(), "nobody").status_code
    reporting.world.settle(0.3)
    assert before == reporting.probes()


def test_an_account_of_another_namespace_needs_the_right_in_this_one(reporting: Reporting, kubectl: Kubectl) -> None:
    with namespace_in(kubectl, f"{reporting.world.namespace}-elsewhere") as elsewhere:
        reporting.account("trader", reads=(), namespace=elsewhere)
        reporting.account("friend", namespace=elsewhere)
        assert 403 == reporting.post(reporting.token(namespace=elsewhere)).status_code
        assert 202 == reporting.post(reporting.token("friend", namespace=elsewhere)).status_code
        # The name of a credential means nothing in another namespace.
        assert 403 == reporting.post(reporting.token(), namespace=elsewhere).status_code


def test_it_is_served_over_tls_when_asked_for(world: World, start: Callable[..., Reporting]) -> None:
    authority = Authority.create("desk")
    pair = authority.issue("kite-operator", server_names=("127.0.0.1",))
    files = [world.folder / name for name in ("tls.crt", "tls.key", "ca.crt")]
    for file, content in zip(files, (pair.certificate, pair.key, authority.pem), strict=True):
        file.write_bytes(content)
    reporting = start("--report-tls-cert", str(files[0]), "--report-tls-key", str(files[1]), scheme="https")
    world.alpha()
    world.wait("SessionActive")
    reporting.account()
    assert 202 == reporting.post(reporting.token(), verify=str(files[2])).status_code


def test_a_false_report_of_a_suspended_credential_asks_nobody(reporting: Reporting) -> None:
    world = reporting.world
    world.api.patch(world.path("kitecredentials", "alpha"), {"spec": {"suspend": True}})
    world.wait("Suspended")
    before = reporting.probes()
    world.clock.move(61)
    assert 202 == reporting.post(reporting.token()).status_code
    world.settle()
    assert before == reporting.probes()


def test_a_replica_that_stands_by_sends_the_report_elsewhere(world: World, start: Callable[..., Reporting]) -> None:
    working = start("--leader-lease", "kite-operator-leader")
    standing_by = start("--leader-lease", "kite-operator-leader")
    world.alpha()
    world.wait("SessionActive")
    working.account()
    old, token = world.token(), working.token()
    world.sandbox.master_logout("AB1234")
    world.clock.move(61)
    answer = standing_by.post(token)
    assert (503, "1") == (answer.status_code, answer.headers["Retry-After"])
    world.settle(0.3)
    assert old == world.token()
    assert 202 == working.post(token).status_code
    world.until(lambda: world.token() not in ("", old), "a new token")


def test_it_is_off_by_default_and_refused_with_namespaces(world: World) -> None:
    started = world.operator()
    status, _ = started.get(f"/v1/namespaces/{world.namespace}/kitecredentials/alpha/dead-token")
    assert 404 == status
    refused = world.operator("--report-listen", f"127.0.0.1:{free_port()}", wait=False)
    assert 0 != refused.process.wait(timeout=20)
    assert "--report-listen: not with --namespaces" in refused.log.read_text()
