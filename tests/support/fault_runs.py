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
from support.fault_subjects import AFTERNOON, CLIENT_SECONDS, MORNING, FaultRun
from support.operators import TestClock
from support.sandbox import Sandbox
from support.world import Api, World

ARGUMENTS = ("--broker-timeout-seconds", str(CLIENT_SECONDS), "--workers", "24")
"""An answer that is slower than the client waits for no worker of another credential. More workers at once take so
long for a login on a busy machine that its reservation runs out before it is sent, and it is begun again."""
PROBED = AFTERNOON + timedelta(seconds=301)
NEXT_WINDOW = AFTERNOON + timedelta(seconds=30)


@dataclass(slots=True)
class Run:
    """What was seen of the cases of one scene: `counted` are the attempts by the metric, `expected` by the table."""

    seen: dict[str, Seen] = field(default_factory=dict)
    counted: dict[str, float] = field(default_factory=dict)
    expected: Counter[str] = field(default_factory=Counter)


def group_of_case(case: Case) -> tuple[Mode, str]:
    """Which cases are played together."""
    if case.at is At.PROBE:
        return case.mode, "a published token is probed"
    return case.mode, "a session is fetched"


def play(plane: ControlPlane, kubectl: Kubectl, sandbox: Sandbox, folder: Path, cases: Iterable[Case]) -> Run:
    """Play cases of one scene."""
    chosen = list(cases)
    with _fault_run(plane, kubectl, sandbox, folder, chosen[0].mode) as faults:
        faults.stand_still(AFTERNOON)
        faults.add(chosen)
        faults.world.operator(*ARGUMENTS)
        if chosen[0].at is At.PROBE:
            seen = _probed(faults)
        elif faults.mode is Mode.REFRESH_TOKEN:
            seen = _renewed(faults)
        else:
            seen = _fetched(faults)
        counted = faults.attempts()
        faults.world.assert_nothing_leaked(*(subject.token for subject in faults.subjects))
        expected = _attempts(faults)
    return Run(seen, counted, expected)


@contextmanager
def _fault_run(plane: ControlPlane, kubectl: Kubectl, sandbox: Sandbox, folder: Path, mode: Mode) -> Iterator[FaultRun]:
    sandbox.reset()
    with namespace_in(kubectl, f"test-{uuid.uuid4().hex[:12]}") as namespace:
        clock = TestClock.at_start(sandbox, folder)
        world = World(Api(plane.kubeconfig), namespace, sandbox, clock, plane.kubeconfig, folder)
        try:
            yield FaultRun(world, mode)
        finally:
            world.close()


def _expected(faults: FaultRun) -> dict[str, str]:
    return {subject.name: subject.case.reason for subject in faults.subjects}


def _attempts(faults: FaultRun) -> Counter[str]:
    return Counter(sample for subject in faults.subjects for sample in subject.case.attempts)


def _fetched(faults: FaultRun) -> dict[str, Seen]:
    """The first session, by the operator's login or by a person's; a refused code is seen after its second try."""
    later = {s.name for s in faults.subjects if "preflight 2" in s.case.reached}
    for subject in faults.subjects:
        faults.trouble(subject)
        faults.apply(subject)
    if faults.mode is Mode.MANUAL:
        faults.wait({subject.name: "LoginRequired" for subject in faults.subjects})
        for subject in faults.subjects:
            faults.log_in_by_hand(subject)
    faults.wait({name: reason for name, reason in _expected(faults).items() if name not in later})
    seen = faults.look()
    if later:
        faults.suspend(s for s in faults.subjects if s.name not in later)
        faults.stand_still(NEXT_WINDOW)
        faults.wait({name: reason for name, reason in _expected(faults).items() if name in later})
        latest = faults.look()
        seen |= {s.case.id: latest[s.case.id] for s in faults.subjects if s.name in later}
    return seen


def _publish_first(faults: FaultRun) -> None:
    """Every subject has a token that works."""
    for subject in faults.subjects:
        faults.apply(subject)
    if faults.mode is not Mode.TOTP:
        faults.wait({subject.name: "LoginRequired" for subject in faults.subjects})
        for subject in faults.subjects:
            faults.log_in_by_hand(subject)
    faults.wait_published()


def _probed(faults: FaultRun) -> dict[str, Seen]:
    """A token that was published is probed at its next time."""
    _publish_first(faults)
    for subject in faults.subjects:
        faults.trouble(subject)
    faults.stand_still(PROBED)
    faults.wait(_expected(faults), _attempts(faults))
    return faults.look()


def _renewed(faults: FaultRun) -> dict[str, Seen]:
    """The next morning: the token of the day before is dead, and is renewed."""
    _publish_first(faults)
    for subject in faults.subjects:
        if subject.case.at is At.PROOF:
            faults.arm(subject, "dead_token", times=1)
        faults.trouble(subject)
    faults.stand_still(MORNING)
    faults.wait(_expected(faults), _attempts(faults))
    return faults.look()
