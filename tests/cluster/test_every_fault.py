"""Every fault and every switch of the sandbox, at every place of every mode: a real operator, one row at a time.

The rows are in `support/fault_table.py`. All rows of a scene are played together, when the first of them is asked for;
only those that were selected are played.
"""

from collections.abc import Callable, Iterator

import pytest

from support.controlplane import ControlPlane, Kubectl
from support.fault_cases import Case, Plan
from support.fault_runs import Run, group_of_case, play
from support.fault_table import CASES
from support.sandbox import Sandbox

pytestmark = pytest.mark.timeout(600)
Played = Callable[[Case], Run]


@pytest.fixture(scope="module")
def played(
    control_plane: ControlPlane,
    crd: None,
    kubectl: Kubectl,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Played]:
    """What came of a case, with all the selected cases of its scene."""
    del crd  # it is asked for so that it is there
    calls = [getattr(item, "callspec", None) for item in request.session.items]
    chosen = {call.params["case"] for call in calls if call is not None and "case" in call.params}
    runs: dict[object, Run] = {}
    with Sandbox.start() as sandbox:

        def run_of(case: Case) -> Run:
            faults = group_of_case(case)
            if faults not in runs:
                folder = tmp_path_factory.mktemp("faults")
                together = [each for each in CASES if each in chosen and group_of_case(each) == faults]
                runs[faults] = play(control_plane, kubectl, sandbox, folder, together)
            return runs[faults]

        yield run_of


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_fault_has_its_reason_its_plan_and_no_other_effect(case: Case, played: Played) -> None:
    run = played(case)
    seen = run.seen[case.id]
    assert (case.reason, case.plan) == (seen.reason, seen.plan), seen.message
    assert 0.75 * case.waits - 1 <= seen.waits <= case.waits + 1
    assert case.reached == seen.reached
    assert case.holds == seen.holds
    assert case.events == seen.events
    truths = {
        "ready": "Ready",
        "blocked": "Blocked",
        "login_required": "LoginRequired",
        "authenticated": "Authenticated",
    }
    assert {gauge: float(seen.conditions[kind] == "True") for gauge, kind in truths.items()} == seen.gauges
    assert (case.plan is Plan.PERSON) <= bool(seen.gauges["login_required"])
    for sample in case.attempts:
        assert run.expected[sample] == run.counted.get(sample, 0.0), sample
    assert case.wrong_entries == seen.wrong_entries
    assert ("blocked=true" in case.cause) == seen.blocked_at_broker
