"""P8: the operator reads no Secret that no KiteCredential names, told by the API server's own audit log."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from support.controlplane import ControlPlane, Kubectl, Options, namespace_in
from support.operators import OperatorProcess, TestClock
from support.sandbox import Sandbox
from support.world import Api, World

CRD_FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "crd"
POLICY = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "Metadata"}]}


@pytest.fixture
def audited(sandbox: Sandbox, tmp_path: Path) -> Iterator[tuple[World, Path, Path]]:
    """A world whose API server writes down every request, the log, and the kubeconfig of another user."""
    policy, log = tmp_path / "policy.json", tmp_path / "audit.log"
    policy.write_text(json.dumps(POLICY))
    arguments = (f"--audit-policy-file={policy}", f"--audit-log-path={log}")
    with ControlPlane.start(Options(api_server_arguments=arguments)) as plane:
        kubectl = Kubectl(plane)
        kubectl("apply", "--server-side", "--kustomize", str(CRD_FOLDER))
        kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd/kitecredentials.kite-operator.dev")
        kubectl("create", "namespace", "kite-operator")
        with namespace_in(kubectl, "trading") as namespace:
            api = Api(plane.kubeconfig)
            world = World(api, namespace, sandbox, TestClock.at_start(sandbox, tmp_path), plane.kubeconfig, tmp_path)
            try:
                yield world, log, plane.kubeconfig_for("the-operator", ("system:masters",))
            finally:
                world.close()


def test_a_cluster_wide_operator_reads_only_what_is_named(audited: tuple[World, Path, Path]) -> None:
    world, log, kubeconfig = audited
    world.secret("somebody-elses", password="hands off")
    clock = world.clock
    started = OperatorProcess.start(kubeconfig, clock, world.folder / "wide.log")
    world.operators.append(started)
    world.secret("alpha-notify", urls="slack://made-up\n")
    app = world.alpha(mode="Manual", notifySecretRef={"name": "alpha-notify"})
    world.wait("LoginRequired")
    world.grant(world.sandbox.request_token("AB1234", app.api_key))
    world.wait("SessionActive")
    world.alpha("beta", "CD5678")
    world.wait("SessionActive", name="beta")
    started.stop()

    requests = [json.loads(line) for line in log.read_text().splitlines()]
    mine = [each for each in requests if each["user"]["username"] == "the-operator"]
    secrets = [each for each in mine if (each.get("objectRef") or {}).get("resource") == "secrets"]
    named = {
        (each["objectRef"].get("namespace"), each["objectRef"].get("name")) for each in secrets if _is_single(each)
    }
    own = {("trading", f"{name}{suffix}") for name in ("alpha", "beta") for suffix in ("-app", "-token", "-kite-state")}
    notify = {each["auditID"] for each in secrets if each["objectRef"].get("name") == "alpha-notify"}
    assert 1 == len(notify), "it is read to be checked after the credential was made, and then not again"
    allowed = own | {
        ("trading", "alpha-notify"),
        ("trading", "beta-login"),
        ("trading", "login-1"),
        ("kite-operator", "kite-operator-keys"),
    }
    assert named <= allowed
    wide = [each for each in secrets if each["verb"] in ("list", "watch")]
    assert wide
    for each in wide:
        selector = parse_qs(urlsplit(each["requestURI"]).query).get("labelSelector", [""])[0]
        assert selector.startswith("kite-operator.dev/role")


def _is_single(request: dict[str, object]) -> bool:
    return request["verb"] in ("get", "update", "patch", "delete")
