"""What every cluster test can ask for: a control plane, the CRD in it, a fresh namespace, kubectl.

The control plane starts with the first test that wants it, in 4 to 5 seconds (some minutes where its programs must be
built first), and is shared by the whole session: a test keeps to its own namespace, and one that kills components
starts a control plane of its own.
"""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.controlplane import ControlPlane, Kubectl, Options, eventually
from support.operators import TestClock
from support.rights import accounts_binding, operator_kubeconfig
from support.sandbox import Sandbox
from support.suite_audit import trail_of
from support.world import Api, World

CRD_FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "crd"


@pytest.fixture(scope="session")
def control_plane(pytestconfig: pytest.Config) -> Iterator[ControlPlane]:
    arguments = trail_of(pytestconfig).arguments()
    with ControlPlane.start(Options(controllers=True, api_server_arguments=arguments)) as plane:
        yield plane


@pytest.fixture(scope="session")
def kubectl(control_plane: ControlPlane) -> Kubectl:
    return Kubectl(control_plane)


@pytest.fixture(scope="session")
def crd(kubectl: Kubectl) -> None:
    kubectl("apply", "--server-side", "--force-conflicts", "--kustomize", str(CRD_FOLDER))
    kubectl(
        "wait",
        "--for=condition=Established",
        "--timeout=60s",
        "customresourcedefinition/kitecredentials.kite-operator.dev",
    )
    # kubectl keeps what it knows of the API: from before the CRD, unless it is asked anew.
    names = ("api-resources", "--api-group=kite-operator.dev", "--output=name")
    eventually(lambda: bool(kubectl(*names, check=False).stdout), "kubectl knows the resource")


@pytest.fixture(scope="session")
def administrator(control_plane: ControlPlane) -> Iterator[Api]:
    """The API server, asked over one connection: a kubectl costs a tenth of a second of a processor."""
    api = Api(control_plane.kubeconfig)
    yield api
    api.close()


@pytest.fixture
def namespace(administrator: Api) -> Iterator[str]:
    """A namespace that is new now, and whose deletion has begun (not ended) afterwards."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    administrator.create("/api/v1/namespaces", {"metadata": {"name": name}})
    yield name
    administrator.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture
def broker(request: pytest.FixtureRequest, sandbox: Sandbox) -> Sandbox:
    """The sandbox, in the world that a test with `BOTH_WORLDS` is about, or else in that of the option --relogin."""
    sandbox.switch(relogin=getattr(request, "param", request.config.getoption("--relogin")))
    return sandbox


@pytest.fixture
def world(control_plane: ControlPlane, crd: None, namespace: str, broker: Sandbox, tmp_path: Path) -> Iterator[World]:
    del crd  # it is asked for so that it is there
    sandbox = broker
    clock = TestClock.at_start(sandbox, tmp_path)
    api = Api(control_plane.kubeconfig)
    made = World(api, namespace, sandbox, clock, operator_kubeconfig(control_plane), tmp_path)
    api.create(f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings", accounts_binding())
    try:
        yield made
        made.assert_nothing_leaked(made.token())
    finally:
        made.close()
