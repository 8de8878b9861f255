"""Plays cases, many at once: one operator for each mode and kind of place, and what was seen of each case kept."""

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from support.controlplane import ControlPlane, Kubectl, namespace_in
from support.fault_cases import At, Case, Mode, Seen
from support.fault_scene import AFTERNOON, MORNING, Scene
from support.operators import TestClock
from support.sandbox import Sandbox
from support.world import Api, World

ARGUMENTS = ("--broker-timeout-seconds", "5", "--workers", "80")
"""Faults that are slower than the client wait for 8 seconds; none waits for the worker of another."""
PROBED = AFTERNOON + timedelta(seconds=301)
NEXT_WINDOW = AFTERNOON + timedelta(seconds=30)


@dataclass(slots=True)
class Run:
    """What was seen of the cases of one scene: `counted` are the attempts by the metric, `expected` by the table."""

    seen: dict[str, Seen] = field(default_factory=dict)
    counted: dict[str, float] = field(default_factory=dict)
    expected: Counter[str] = field(default_factory=Counter)


def scene_of(case: Case) -> tuple[Mode, str]:
    """Which cases are played together."""
    if case.at is At.PROBE:
        return case.mode, "a published token is probed"
    return case.mode, "a session is fetched"


def play(plane: ControlPlane, kubectl: Kubectl, sandbox: Sandbox, folder: Path, cases: Iterable[Case]) -> Run:
    """Play cases of one scene."""
    chosen = list(cases)
    with _scene(plane, kubectl, sandbox, folder, chosen[0].mode) as scene:
        scene.stand_still(AFTERNOON)
        scene.add(chosen)
        scene.world.operator(*ARGUMENTS)
        if chosen[0].at is At.PROBE:
            seen = _probed(scene)
        elif scene.mode is Mode.REFRESH_TOKEN:
            seen = _renewed(scene)
        else:
            seen = _fetched(scene)
        counted = scene.attempts()
        scene.world.assert_nothing_leaked(*(subject.token for subject in scene.subjects))
        expected = _attempts(scene)
    return Run(seen, counted, expected)


@contextmanager
def _scene(plane: ControlPlane, kubectl: Kubectl, sandbox: Sandbox, folder: Path, mode: Mode) -> Iterator[Scene]:
    sandbox.reset()
    with namespace_in(kubectl, f"test-{uuid.uuid4().hex[:12]}") as namespace:
        clock = TestClock.at_start(sandbox, folder)
        world = World(Api(plane.kubeconfig), namespace, sandbox, clock, plane.kubeconfig, folder)
        try:
            yield Scene(world, mode)
        finally:
            world.close()


def _expected(scene: Scene) -> dict[str, str]:
    return {subject.name: subject.case.reason for subject in scene.subjects}


def _attempts(scene: Scene) -> Counter[str]:
    return Counter(sample for subject in scene.subjects for sample in subject.case.attempts)


def _fetched(scene: Scene) -> dict[str, Seen]:
    """The first session, by the operator's login or by a person's; a refused code is seen after its second try."""
    later = {s.name for s in scene.subjects if "preflight 2" in s.case.reached}
    for subject in scene.subjects:
        scene.trouble(subject)
        scene.apply(subject)
    if scene.mode is Mode.MANUAL:
        scene.wait({subject.name: "LoginRequired" for subject in scene.subjects})
        for subject in scene.subjects:
            scene.log_in_by_hand(subject)
    scene.wait({name: reason for name, reason in _expected(scene).items() if name not in later})
    seen = scene.look()
    if later:
        scene.suspend(s for s in scene.subjects if s.name not in later)
        scene.stand_still(NEXT_WINDOW)
        scene.wait({name: reason for name, reason in _expected(scene).items() if name in later})
        latest = scene.look()
        seen |= {s.case.id: latest[s.case.id] for s in scene.subjects if s.name in later}
    return seen


def _publish_first(scene: Scene) -> None:
    """Every subject has a token that works."""
    for subject in scene.subjects:
        scene.apply(subject)
    if scene.mode is not Mode.TOTP:
        scene.wait({subject.name: "LoginRequired" for subject in scene.subjects})
        for subject in scene.subjects:
            scene.log_in_by_hand(subject)
    scene.wait_published()


def _probed(scene: Scene) -> dict[str, Seen]:
    """A token that was published is probed at its next time."""
    _publish_first(scene)
    for subject in scene.subjects:
        scene.trouble(subject)
    scene.stand_still(PROBED)
    scene.wait(_expected(scene), _attempts(scene))
    return scene.look()


def _renewed(scene: Scene) -> dict[str, Seen]:
    """The next morning: the token of the day before is dead, and is renewed."""
    _publish_first(scene)
    for subject in scene.subjects:
        if subject.case.at is At.PROOF:
            scene.arm(subject, "dead_token", times=1)
        scene.trouble(subject)
    scene.stand_still(MORNING)
    scene.wait(_expected(scene), _attempts(scene))
    return scene.look()
