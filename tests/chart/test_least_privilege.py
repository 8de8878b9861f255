"""What the chart grants is what the operator uses, no more and no less: told by the API server's audit log.

The operator runs with the arguments of the chart's Deployment and a token of the chart's ServiceAccount.
"""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from kite_operator.model.account import AttemptLedger, dump
from kite_operator.model.expiry import IST
from support.audit import Grant, asked_by, granted_to
from support.controlplane import Kubectl
from support.helm import Helm, Values, arguments
from support.operators import OperatorProcess, TestClock
from support.ports import free_port
from support.releases import Release
from support.sandbox import Sandbox
from support.workloads import PLURALS, path, workload
from support.world import Api, World

CRD_FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "crd"
LISTENERS = {"metrics": "listen", "login": "login_listen", "report": "report_listen"}


@pytest.fixture(scope="module")
def crd(kubectl: Kubectl) -> None:
    kubectl("apply", "--server-side", "--kustomize", str(CRD_FOLDER))
    kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd/kitecredentials.kite-operator.dev")


@pytest.fixture
def world(kubectl: Kubectl, crd: None, sandbox: Sandbox, tmp_path: Path) -> Iterator[World]:
    """A namespace of a desk; the operator is not there yet."""
    del crd  # it is asked for so that it is there
    namespace = f"desk-{uuid.uuid4().hex[:8]}"
    kubectl("create", "namespace", namespace)
    admin = kubectl.control_plane.kubeconfig
    made = World(Api(admin), namespace, sandbox, TestClock.at_start(sandbox, tmp_path), admin, tmp_path)
    try:
        yield made
        made.assert_nothing_leaked(made.token())
    finally:
        made.close()


@dataclass(slots=True)
class Installed:
    """A release of the chart whose one pod is a process of this test."""

    release: Release
    world: World
    operator: OperatorProcess
    ports: dict[str, int]
    granted: set[Grant]

    @classmethod
    def start(cls, release: Release, world: World, values: Values) -> "Installed":
        """Install, and run what the Deployment says with what the ServiceAccount may do."""
        whole = {**values, "crds": {"enabled": False}}
        release.install(whole)
        manifests = release.helm.render(whole, namespace=release.namespace)
        ports = {name: free_port() for name in LISTENERS}
        given = arguments(manifests)
        for name, setting in LISTENERS.items():
            if setting in given:
                given[setting] = f"127.0.0.1:{ports[name]}"
        given["listen"] = f"127.0.0.1:{ports['metrics']}"
        flags = [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
        kubeconfig = _kubeconfig(release, world.folder)
        operator = OperatorProcess.start(kubeconfig, world.clock, world.folder / "operator.log", *flags, wait=False)
        operator.port = ports["metrics"]
        world.operators.append(operator)
        operator.wait_ready()
        return cls(release, world, operator, ports, granted_to("kite-operator", manifests))

    def used(self, log: Path) -> set[Grant]:
        """The grants that a request was made by; no request may be there that none of them is for."""
        self.operator.stop()
        made = asked_by(f"system:serviceaccount:{self.release.namespace}:kite-operator", log)
        assert [] == [each for each in made if not each.allowed]
        assert [] == [each for each in made if not any(grant.covers(each) for grant in self.granted)]
        return {grant for grant in self.granted if any(grant.covers(each) for each in made)}


def _kubeconfig(release: Release, folder: Path) -> Path:
    """The administrator's, with a token of the ServiceAccount in the place of the certificate."""
    config = yaml.safe_load(release.kubectl.control_plane.kubeconfig.read_text())
    made = release.kubectl("create", "token", "kite-operator", "--namespace", release.namespace)
    config["users"][0]["user"] = {"token": made.stdout.strip()}
    file = folder / "serviceaccount.kubeconfig"
    file.write_text(json.dumps(config))
    return file


def a_day_at_the_desk(world: World, accounts: str) -> None:
    """A login of each kind, a Secret that somebody deletes, an account that nobody uses any more, a new day."""
    lease = f"/apis/coordination.k8s.io/v1/namespaces/{accounts}/leases"
    world.alpha()
    world.wait("SessionActive")
    bravo = world.alpha("bravo", "CD5678", "Manual")
    world.wait("LoginRequired", name="bravo")
    world.grant(world.sandbox.request_token("CD5678", bravo.api_key), credential="bravo")
    world.wait("SessionActive", name="bravo")
    for _ in range(2):  # what is told again is counted on the same Event
        world.api.delete(world.path("secrets", "alpha-token"))
        world.until(lambda: world.token() != "", "the derived Secret is restored")
        world.settle(0.3)
    world.until(lambda: world.api.find(f"{lease}/kite-account-zz0000") is None, "an old Lease is collected")


def a_forgotten_account(api: Api, accounts: str) -> None:
    """A Lease of an account that has had no credential for years."""
    metadata = {
        "name": "kite-account-zz0000",
        "labels": {"kite-operator.dev/account": "ZZ0000"},
        "annotations": {"kite-operator.dev/account": dump(AttemptLedger("ZZ0000"))},
    }
    lease: dict[str, Any] = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": metadata,
        "spec": {"renewTime": "2020-01-01T00:00:00.000000Z"},
    }
    api.create(f"/apis/coordination.k8s.io/v1/namespaces/{accounts}/leases", lease)


def restarts(world: World) -> None:
    """A new token for workloads that read it once, out of market hours."""
    for kind in PLURALS:
        world.api.create(path(world.namespace, kind), workload(kind, consents_to="charlie"))
    now = datetime.fromtimestamp(world.clock.now(), UTC).astimezone(IST)
    at = now.replace(hour=17, minute=0, second=0, microsecond=0)
    world.clock.move(((at if at > now else at + timedelta(days=1)) - now).total_seconds())
    wanted = [{"kind": kind, "name": "trader"} for kind in PLURALS]
    world.alpha("charlie", "EF9012", rollout={"restart": wanted})
    world.until(lambda: bool((world.status("charlie").get("rollout") or {}).get("tokenVersion")), "they were looked at")
    world.sandbox.master_logout("EF9012")
    world.clock.move(301)

    def results() -> list[str]:
        return [each.get("result", "") for each in (world.status("charlie").get("rollout") or {}).get("workloads", ())]

    world.until(lambda: results() == ["Restarted"] * 3, "they are restarted, past the chart's admission policy")


def a_report(installed: Installed, kubectl: Kubectl) -> None:
    """A consumer without the right to read the Secret tells of its token."""
    namespace = installed.world.namespace
    token = kubectl("create", "token", "default", "--namespace", namespace, "--audience", "kite-operator").stdout
    answer = requests.post(
        f"http://127.0.0.1:{installed.ports['report']}/v1/namespaces/{namespace}/kitecredentials/alpha/dead-token",
        headers={"Authorization": f"Bearer {token.strip()}"},
        timeout=10,
    )
    assert 403 == answer.status_code


def test_a_namespaced_install_uses_all_that_it_has_and_asks_for_nothing_of_the_cluster(
    helm: Helm, kubectl: Kubectl, world: World, audit_log: Path
) -> None:
    release = Release.prepare(helm, kubectl, "narrow")
    a_forgotten_account(world.api, "narrow")
    installed = Installed.start(release, world, {"namespaces": [world.namespace]})
    a_day_at_the_desk(world, "narrow")
    assert installed.granted == installed.used(audit_log)
    asked = asked_by("system:serviceaccount:narrow:kite-operator", audit_log)
    assert {world.namespace, "narrow"} == {each.namespace for each in asked}


def test_a_namespaced_install_with_restarts_and_accounts_elsewhere(
    helm: Helm, kubectl: Kubectl, world: World, audit_log: Path
) -> None:
    kubectl("create", "namespace", "ledger")
    release = Release.prepare(helm, kubectl, "restarting")
    a_forgotten_account(world.api, "ledger")
    values = {
        "namespaces": [world.namespace],
        "accountNamespace": "ledger",
        "rollout": {"enabled": True},
        "settings": {"namespaceClientIds": "off"},
    }
    installed = Installed.start(release, world, values)
    a_day_at_the_desk(world, "ledger")
    restarts(world)
    assert installed.granted == installed.used(audit_log)


def test_a_cluster_wide_install_with_everything_on(helm: Helm, kubectl: Kubectl, world: World, audit_log: Path) -> None:
    release = Release.prepare(helm, kubectl, "wide")
    a_forgotten_account(world.api, "wide")
    values = {"report": {"enabled": True}, "rollout": {"enabled": True}}
    installed = Installed.start(release, world, values)
    world.secret("somebody-elses", password="hands off")
    a_day_at_the_desk(world, "wide")
    restarts(world)
    a_report(installed, kubectl)
    assert installed.granted == installed.used(audit_log)
    assert set() == _read_by_name(audit_log, "wide") & {"somebody-elses", "kite-login-passphrase"}


def test_a_login_page_behind_a_proxy_asks_who_may(helm: Helm, kubectl: Kubectl, world: World, audit_log: Path) -> None:
    release = Release.prepare(helm, kubectl, "paged")
    a_forgotten_account(world.api, "paged")
    settings = {
        "loginPublicUrl": "https://login.example.com",
        "loginAuth": "proxy",
        "loginTrustedProxies": ["127.0.0.1/32"],
    }
    installed = Installed.start(release, world, {"login": {"enabled": True}, "settings": settings})
    a_day_at_the_desk(world, "paged")
    page = f"http://127.0.0.1:{installed.ports['login']}/login/{world.namespace}/alpha"
    headers = {"X-Forwarded-User": "ravi", "Host": "login.example.com"}
    assert 404 == requests.get(page, headers=headers, timeout=10).status_code
    assert installed.granted == installed.used(audit_log)


def _read_by_name(log: Path, namespace: str) -> set[str]:
    """The Secrets that the release's account has got."""
    user = f"system:serviceaccount:{namespace}:kite-operator"
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    return {
        each["objectRef"]["name"]
        for each in entries
        if each["user"]["username"] == user
        and (each.get("objectRef") or {}).get("resource") == "secrets"
        and each["verb"] == "get"
    }
