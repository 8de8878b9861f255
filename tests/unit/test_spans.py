"""Spans of a trace: their nesting, durations and results."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from kite_operator import correlation, spans
from kite_operator.model.errors import ReservationLost, ReservationRefused, TransientBrokerError
from kite_operator.model.errors import Step as BrokerStep
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Key
from support.broker_fakes import FakeClock

ALPHA = Key("desk", "alpha")


@dataclass
class Recorded:
    beginning: spans.Beginning
    attributes: dict[str, str | int] = field(default_factory=dict)
    ended: datetime | None = None
    problem: str = ""

    @property
    def ids(self) -> dict[str, str]:
        return {"trace_id": "7" * 32, "span_id": self.beginning.name}

    def end(self, at: datetime, attributes: spans.Attributes, problem: str) -> None:
        assert self.ended is None, "a span ends once"
        self.ended, self.problem = at, problem
        self.attributes |= attributes

    @property
    def seconds(self) -> float:
        assert self.ended is not None, f"{self.beginning.name} has not ended"
        return (self.ended - self.beginning.at).total_seconds()

    def path(self) -> str:
        within = self.beginning.within
        return f"{within.path()}/{self.beginning.name}" if isinstance(within, Recorded) else self.beginning.name


@dataclass
class Notebook:
    found: list[Recorded] = field(default_factory=list)

    def begin(self, beginning: spans.Beginning) -> Recorded:
        made = Recorded(beginning, dict(beginning.attributes))
        self.found.append(made)
        return made

    def problems(self) -> list[tuple[str, str]]:
        return [(each.path(), each.problem) for each in self.found]


@pytest.fixture
def notebook() -> Notebook:
    return Notebook()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


async def test_a_refresh_is_one_trace_of_its_actions_and_their_steps(notebook: Notebook, clock: FakeClock) -> None:
    step = spans.traced_steps(lambda _step, _outcome, _seconds: None)
    request = spans.traced_requests(lambda _verb, _resource, _status, _seconds: None)
    with spans.one_reconcile(notebook, clock.now, ALPHA):
        await clock.sleep(1)
        with spans.action("login", "d1", "LoginInProgress") as outcome:
            with spans.step("ledger"):
                await clock.sleep(2)
                request("PUT", "leases", 200, 0.5)
            await clock.sleep(4)
            step("password", "success", 3.0)
            outcome.result, outcome.reason = "staged", "SessionUnproven"
        with spans.action("prove", "d2", "SessionUnproven"):
            pass
        spans.waits("SessionActive")
    assert [
        ("reconcile", ""),
        ("reconcile/login", ""),
        ("reconcile/login/ledger", ""),
        ("reconcile/login/ledger/PUT leases", ""),
        ("reconcile/login/password", ""),
        ("reconcile/prove", ""),
    ] == notebook.problems()
    assert [7.0, 6.0, 2.0, 0.5, 3.0, 0.0] == [each.seconds for each in notebook.found]
    assert [False, False, False, True, True, False] == [each.beginning.remote for each in notebook.found]
    whole, login = notebook.found[:2]
    assert {"kite.namespace": "desk", "kite.name": "alpha", "kite.reason": "SessionActive"} == whole.attributes
    assert {
        "kite.action": "login",
        "kite.decision": "d1",
        "kite.why": "LoginInProgress",
        "kite.result": "staged",
        "kite.reason": "SessionUnproven",
    } == login.attributes


def test_only_log_lines_within_a_span_have_its_ids(notebook: Notebook, clock: FakeClock) -> None:
    with spans.one_reconcile(notebook, clock.now, ALPHA):
        assert {} == correlation.fields()
        with spans.action("login", "d1", "LoginInProgress"):
            assert {"trace_id": "7" * 32, "span_id": "login"} == correlation.fields()
            with spans.step("ledger"):
                assert "ledger" == correlation.fields()["span_id"]
            assert "login" == correlation.fields()["span_id"]
    assert {} == correlation.fields()


def test_a_reconcile_that_only_waits_leaves_no_span(notebook: Notebook, clock: FakeClock) -> None:
    with spans.one_reconcile(notebook, clock.now, ALPHA):
        spans.traced_requests(lambda *_: None)("GET", "secrets", 200, 0.1)
        with spans.step("ledger"):
            spans.waits("SessionActive")
    assert [] == notebook.found


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (
            TransientBrokerError(Reason.BROKER_UNAVAILABLE, "made-up text", step=BrokerStep.PASSWORD),
            "BrokerUnavailable",
        ),
        (ReservationRefused(Reason.PASSWORD_REJECTED, "made-up text"), "PasswordRejected"),
        (ReservationLost("made-up text"), "ReservationLost"),
        (ValueError("made-up text"), "ValueError"),
        (asyncio.CancelledError("made-up text"), "aborted"),
    ],
    ids=lambda each: each if isinstance(each, str) else type(each).__name__,
)
def test_an_exception_is_recorded_by_its_code_never_by_its_text(
    notebook: Notebook, clock: FakeClock, error: BaseException, problem: str
) -> None:
    with pytest.raises(type(error)), spans.one_reconcile(notebook, clock.now, ALPHA), spans.action("login", "d1", "x"):
        raise error
    assert [("reconcile", ""), ("reconcile/login", problem)] == notebook.problems()
    assert "made-up text" not in repr(notebook)


def test_a_call_to_the_broker_that_failed_has_its_reason(notebook: Notebook, clock: FakeClock) -> None:
    seen: list[tuple[str, str, float]] = []
    observe = spans.traced_steps(lambda *each: seen.append(each))
    with spans.one_reconcile(notebook, clock.now, ALPHA), spans.action("login", "d1", "x") as outcome:
        observe("password", "PasswordRejected", 1.0)
        outcome.result, outcome.reason, outcome.failed = "rejected", "PasswordRejected", True
    assert [("reconcile/login", "PasswordRejected"), ("reconcile/login/password", "PasswordRejected")] == (
        notebook.problems()[1:]
    )
    assert [("password", "PasswordRejected", 1.0)] == seen


@pytest.mark.parametrize(("status", "problem"), [(200, ""), (404, ""), (409, ""), (503, "HTTP 503"), (0, "no answer")])
def test_a_request_to_the_api_server_without_a_usable_answer_has_failed(
    notebook: Notebook, clock: FakeClock, status: int, problem: str
) -> None:
    with spans.one_reconcile(notebook, clock.now, ALPHA), spans.action("probe", "d1", "x"):
        spans.traced_requests(lambda *_: None)("GET", "secrets", status, 0.1)
    assert ("reconcile/probe/GET secrets", problem) == notebook.problems()[-1]


async def test_credentials_that_are_reconciled_at_once_do_not_mix(notebook: Notebook, clock: FakeClock) -> None:
    async def one(name: str) -> None:
        with spans.one_reconcile(notebook, clock.now, Key("desk", name)), spans.action(name, name, "x"):
            await asyncio.sleep(0)
            with spans.step(f"of-{name}"):
                await asyncio.sleep(0)

    await asyncio.gather(one("a"), one("b"))
    steps = [each.path() for each in notebook.found if each.beginning.name.startswith("of-")]
    assert {"reconcile/a/of-a", "reconcile/b/of-b"} == set(steps)


async def test_a_task_that_outlives_a_reconcile_is_no_part_of_it(notebook: Notebook, clock: FakeClock) -> None:
    go_on = asyncio.Event()

    async def reminder() -> None:
        await go_on.wait()
        spans.traced_requests(lambda *_: None)("GET", "secrets", 200, 0.1)

    with spans.one_reconcile(notebook, clock.now, ALPHA), spans.action("probe", "d1", "x"):
        task = asyncio.create_task(reminder())
    go_on.set()
    await task
    assert ["reconcile", "reconcile/probe"] == [each.path() for each in notebook.found]


def test_without_a_tracer_nothing_is_recorded() -> None:
    with (
        spans.one_reconcile(None, FakeClock().now, ALPHA),
        spans.action("login", "d1", "x") as outcome,
        spans.step("ledger"),
    ):
        outcome.result = "staged"
        spans.waits("SessionActive")
        spans.traced_steps(lambda *_: None)("password", "success", 1.0)
        assert spans._place.get() is None
