"""The two images together, as the chart has them run: from a KiteCredential to a Secret, on a real API server."""

import base64
import json
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from devcluster.resolve import Resolver
from support.container import Container, Spec
from support.controlplane import ControlPlane, Kubectl, Options
from support.helm import Helm, Manifest, arguments, one
from support.image_runner import Runner
from support.operators import OperatorProcess, TestClock
from support.ports import free_port
from support.releases import Release
from support.sandbox import Sandbox
from support.world import Api, World

SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


@pytest.fixture(scope="module")
def kubectl() -> Iterator[Kubectl]:
    """Of a cluster that is new, since a chart installs what belongs to the whole of it."""
    with ControlPlane.start(Options(controllers=True, kubeconfig=None)) as plane:
        yield Kubectl(plane)


@pytest.fixture
def release(kubectl: Kubectl, tmp_path: Path) -> Release:
    helm = Helm(Resolver().resolve(["helm"])["helm"], tmp_path / "helm")
    return Release.prepare(helm, kubectl, f"kite-{uuid.uuid4().hex[:8]}")


def spec_of(deployment: Manifest, given: list[str], folders: Mapping[str, Path], **environment: str) -> Spec:
    """What a kubelet makes of the one container of a Deployment; `folders` are the volumes that hold something."""
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    empty = {each["name"] for each in pod["volumes"] if "emptyDir" in each}
    mounts: dict[str, Path | None] = {
        each["mountPath"]: None if each["name"] in empty else folders[each["name"]]
        for each in container["volumeMounts"]
    }
    if pod["automountServiceAccountToken"]:
        mounts[SERVICE_ACCOUNT] = folders["service-account"]
    security = {**pod["securityContext"], **container["securityContext"]}
    return Spec(given, container.get("command", ()), environment, mounts, security)


@pytest.fixture
def fake_kite(sandbox_container: Runner, release: Release, tmp_path: Path) -> Iterator[Sandbox]:
    """The sandbox's image, with the arguments of the chart but for the addresses: all pods here share a network."""
    seed = {"accounts": [{"client_id": "CD5678"}]}
    manifests = release.helm.render({"sandbox": {"enabled": True, "seed": seed}}, namespace=release.namespace)
    folder = tmp_path / "seed"
    folder.mkdir()
    secret = one(manifests, "Secret", "kite-operator-sandbox-seed")
    (folder / "seed.json").write_bytes(base64.b64decode(secret["data"]["seed.json"]))
    deployment = one(manifests, "Deployment", "kite-operator-sandbox")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    ports = [f"--{name}-port={free_port()}" for name in ("api", "login", "admin")]
    (seeded,) = [each for each in container["args"] if each.startswith("--seed=")]
    spec = spec_of(deployment, ["--host=127.0.0.1", *ports, seeded], {"seed": folder})
    started = sandbox_container.start(spec, stdout=subprocess.PIPE)
    try:
        assert started.process.stdout is not None
        sandbox = Sandbox(started.process, json.loads(started.process.stdout.readline()))
        assert 0 == sandbox.counters("CD5678").wrong_passwords  # the seeded account is there
        yield sandbox
    finally:
        started.remove()
        started.process.communicate()


@pytest.fixture
def world(kubectl: Kubectl, release: Release, fake_kite: Sandbox, tmp_path: Path) -> Iterator[World]:
    del release  # it is asked for so that it is there
    namespace = f"desk-{uuid.uuid4().hex[:8]}"
    kubectl("create", "namespace", namespace)
    admin = kubectl.control_plane.kubeconfig
    made = World(Api(admin), namespace, fake_kite, TestClock(tmp_path / "clock", fake_kite), admin, tmp_path)
    try:
        yield made
        made.assert_nothing_leaked(made.token())
    finally:
        made.close()


def service_account(release: Release, folder: Path) -> dict[str, str]:
    """What a kubelet puts into a pod for its ServiceAccount, and the variables that say where the API server is."""
    folder.mkdir()
    config = yaml.safe_load(release.kubectl.control_plane.kubeconfig.read_text())
    cluster = config["clusters"][0]["cluster"]
    made = release.kubectl("create", "token", "kite-operator", "--namespace", release.namespace)
    (folder / "token").write_text(made.stdout.strip())
    (folder / "namespace").write_text(release.namespace)
    (folder / "ca.crt").write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
    address = urlsplit(cluster["server"])
    return {"KUBERNETES_SERVICE_HOST": str(address.hostname), "KUBERNETES_SERVICE_PORT": str(address.port)}


def start(operator: Runner, release: Release, world: World) -> tuple[Container, OperatorProcess, Manifest]:
    """Install the chart, and run the container of its Deployment."""
    values: dict[str, Any] = {"namespaces": [world.namespace]}
    release.install(values)
    manifests = release.helm.render(values, namespace=release.namespace)
    port = free_port()
    given = arguments(manifests) | {
        "listen": f"127.0.0.1:{port}",
        "api_url": world.sandbox.api_url,
        "login_url": world.sandbox.login_url,
    }
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
    deployment = one(manifests, "Deployment", "kite-operator")
    folder = world.folder / "service-account"
    environment = service_account(release, folder)
    spec = spec_of(deployment, ["run", *flags], {"service-account": folder}, **environment)
    log = world.folder / "operator.log"
    with log.open("ab") as output:
        container = operator.start(spec, stdout=output, stderr=output)
    process = OperatorProcess(container.process, port, log)  # type: ignore[arg-type]  # nothing is read from its pipes
    world.operators.append(process)
    return container, process, deployment


def test_the_chart_s_container_makes_a_credential_ready_and_stops_when_it_is_told_to(
    operator: Runner, release: Release, world: World
) -> None:
    container, process, deployment = start(operator, release, world)
    try:
        process.wait_ready()
        world.alpha()
        world.wait("SessionActive", within=60)
        assert world.sandbox.is_alive(world.token())
        assert 1 == world.sandbox.counters("AB1234").count("login")
        assert [] == list(Path(f"/proc/{container.pid}/root/tmp").iterdir())  # the only place that it could write to
        children = Path(f"/proc/{container.pid}/task/{container.pid}/children")
        assert "" == children.read_text()  # whom process 1 would have to reap
        lease = f"/apis/coordination.k8s.io/v1/namespaces/{release.namespace}/leases/kite-operator"
        assert world.api.get(lease)["spec"]["holderIdentity"]
        grace = deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        assert 0 == container.stop(within=grace)
        assert not world.api.get(lease)["spec"]["holderIdentity"]  # given back: the other replica need not wait
    finally:
        container.remove()
