"""kill -9 of kube-apiserver and etcd in the middle of a refresh (P3), on a control plane of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.controlplane import ControlPlane, Kubectl, Options, namespace_in
from support.operators import TestClock
from support.sandbox import Sandbox
from support.world import Api, World

CRD_FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "crd"


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """With real fsync: what is acknowledged must survive the crash."""
    with ControlPlane.start(Options(fsync=True)) as started:
        kubectl = Kubectl(started)
        kubectl("apply", "--server-side", "--kustomize", str(CRD_FOLDER))
        kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd/kitecredentials.kite-operator.dev")
        yield started


@pytest.fixture
def crashing(plane: ControlPlane, sandbox: Sandbox, tmp_path: Path) -> Iterator[World]:
    clock = TestClock.at_start(sandbox, tmp_path)
    with namespace_in(Kubectl(plane), f"crash-{tmp_path.name[-20:].replace('_', '-').strip('-').lower()}") as name:
        world = World(Api(plane.kubeconfig), name, sandbox, clock, plane.kubeconfig, tmp_path)
        try:
            yield world
            world.assert_nothing_leaked(world.token())
        finally:
            world.close()


@pytest.mark.parametrize(
    ("component", "step"),
    [
        ("kube-apiserver", "login"),
        ("kube-apiserver", "twofa"),
        ("kube-apiserver", "session_token"),
        ("kube-apiserver", "profile"),
        ("etcd", "twofa"),
        ("etcd", "session_token"),
    ],
)
def test_a_crash_of_the_control_plane_in_the_middle_of_a_login_is_survived(
    plane: ControlPlane, crashing: World, component: str, step: str
) -> None:
    world = crashing
    world.operator("--kubernetes-timeout-seconds", "3")
    hold = world.sandbox.hold(step, client_id="AB1234", when="after", times=1)
    world.alpha()
    world.sandbox.wait_held(hold)
    plane.kill(component)
    world.sandbox.release(hold)
    world.settle(0.3)
    plane.restart(component)
    world.until(lambda: world.api.call("GET", "/readyz")[0] == 200, "ready")
    in_flight_ends(world)
    world.clock.move(100)
    world.until(lambda: _settled(world), "in order", within=60)
    counters = world.sandbox.counters("AB1234")
    assert 0 == counters.wrong_entries
    assert counters.count("login") <= 2


def in_flight_ends(world: World) -> None:
    """No jump of the clock between a code and its submission: requests that hang end with their timeout of 3 s."""
    for _ in range(7):
        if world.condition()[1] == "SessionActive":
            return
        world.settle(0.5)


def _settled(world: World) -> bool:
    """In order, or waiting for its backoff: then time passes."""
    if world.condition()[1] == "SessionActive" and world.sandbox.is_alive(world.token()):
        return True
    world.clock.move(30)
    world.settle(0.5)
    return False


@pytest.mark.parametrize("component", ["kube-apiserver", "etcd"])
def test_no_login_happens_while_the_published_token_works(plane: ControlPlane, crashing: World, component: str) -> None:
    world = crashing
    started = world.operator("--kubernetes-timeout-seconds", "3")
    world.alpha()
    world.wait("SessionActive")
    token = world.token()
    plane.kill(component)
    world.clock.move(301)
    world.settle(2)
    plane.restart(component)
    world.until(lambda: world.api.call("GET", "/readyz")[0] == 200, "ready")
    world.clock.move(301)
    world.settle(1)
    assert (token, 1) == (world.token(), world.sandbox.counters("AB1234").count("login"))
    assert started.process.poll() is None
    # It still hears of what is new.
    world.alpha("beta", "CD5678")
    world.clock.move(301)
    world.until(lambda: world.condition(name="beta")[1] == "SessionActive", "the new credential", within=60)
