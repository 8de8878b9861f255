"""Observers that fail (audit log, metrics, spans): the ledger and the Secret are written all the same."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kite_operator import spans
from kite_operator.audit_log import AuditLog, audited, set_up_audit
from kite_operator.model.account import AttemptOutcome
from kite_operator.model.errors import Step
from kite_operator.model.reasons import Reason
from support.acting import Stage, is_staged
from support.broker_fakes import happy_answers, leaks, login_page, refusal
from support.facts import PASSWORD

WRONG = refusal(403, "UserException")
Observe = Callable[[str, str, float], None]


def _fails(_step: str, _outcome: str, _seconds: float) -> None:
    raise RuntimeError(PASSWORD)


@pytest.fixture
def unwritable(tmp_path: Path) -> Iterator[Observe]:
    """Yield the observer of an audit log that was moved away with its folder."""
    folder = tmp_path / "audit"
    folder.mkdir()
    set_up_audit(str(folder / "audit.jsonl"))
    (folder / "audit.jsonl").unlink()
    folder.rmdir()
    yield audited(lambda _step, _outcome, _seconds: None, AuditLog("pod-1", lambda: None))
    set_up_audit("")


@pytest.fixture(params=["audit log", "metrics"])
def observe(request: pytest.FixtureRequest, unwritable: Observe) -> Observe:
    return unwritable if request.param == "audit log" else _fails


def staged_with(observe: Observe, script: list[object]) -> Stage:
    stage = Stage(script)  # type: ignore[arg-type]  # answers
    stage.services = replace(stage.services, observe=observe)
    return stage


async def test_a_wrong_password_is_recorded_as_wrong_and_sent_once(observe: Observe) -> None:
    stage = staged_with(observe, [login_page(), WRONG, login_page(), WRONG])
    first = await stage.log_in(stage.context())
    ledger = await stage.ledger()
    assert (Reason.PASSWORD_REJECTED, None) == (first.reason, ledger.lock)
    assert [AttemptOutcome.WRONG] == [each.outcome for each in ledger.attempts]
    again = await stage.log_in(stage.context(account=ledger))
    assert ("refused", Reason.PASSWORD_REJECTED) == (again.result, again.reason)
    assert 1 == sum(request.step is Step.PASSWORD for request in stage.transport.sent)


async def test_a_good_login_is_staged_with_a_clean_ledger(observe: Observe) -> None:
    stage = staged_with(observe, [*happy_answers()])
    outcome = await stage.log_in(stage.context())
    ledger = await stage.ledger()
    assert ("staged", (), None, True) == (outcome.result, ledger.attempts, ledger.lock, is_staged(stage))


async def test_an_observers_error_is_logged_by_kind_only(caplog: pytest.LogCaptureFixture) -> None:
    stage = staged_with(_fails, [*happy_answers()])
    await stage.log_in(stage.context())
    assert ("observer failed error=RuntimeError" in caplog.text, []) == (True, leaks(caplog.text))


class _Broken:
    """Spans that cannot be begun, or not be ended."""

    def __init__(self, *, begins: bool) -> None:
        self.begins = begins

    def begin(self, _beginning: spans.Beginning) -> "_Broken":
        if not self.begins:
            raise RuntimeError("no span")
        return self

    @property
    def ids(self) -> dict[str, str]:
        raise RuntimeError("no ids")

    def end(self, _at: object, _attributes: spans.Attributes, _problem: str) -> None:
        raise RuntimeError("no end")


@pytest.mark.parametrize("begins", [True, False])
async def test_spans_that_fail_cost_spans_only(begins: bool) -> None:  # noqa: FBT001 - a parameter of the test
    stage = staged_with(spans.traced_steps(lambda _step, _outcome, _seconds: None), [*happy_answers()])
    context = stage.context()
    one_reconcile = spans.one_reconcile(_Broken(begins=begins), stage.clock.now, context.credential.key)
    with one_reconcile, spans.action("login", "d1", "LoginInProgress"):
        outcome = await stage.log_in(context)
    assert ("staged", True) == (outcome.result, is_staged(stage))
