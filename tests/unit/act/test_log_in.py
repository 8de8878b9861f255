"""A login while other processes act at its steps: its submissions, its staged session, and the release of the lock."""

from dataclasses import replace
from functools import partial

import pytest

from kite_operator.act.ledger import begin_login
from kite_operator.act.login import LedgerGate
from kite_operator.decide import budget
from kite_operator.decide.locks import RETRY_AFTER
from kite_operator.decide.observed import UsableApp
from kite_operator.decide.plan import Login
from kite_operator.model.account import AttemptLedger, AttemptOutcome
from kite_operator.model.errors import Conflict, ReservationLost, ReservationRefused, Step
from kite_operator.model.reasons import Reason
from support.acting import LEASE, STATE, Stage, is_staged
from support.broker_fakes import happy_answers, login_page, password_accepted, refusal
from support.facts import APP, CLIENT_ID, FACTORS, OTHER, VERSIONS, account, claim, leaks, session

STEPS = ["before-password-send", "after-password-answer", "before-totp-send", "after-totp-answer", "after-exchange"]
LOGIN = Login(Reason.LOGIN_IN_PROGRESS, "", UsableApp(APP, VERSIONS), FACTORS)
WRONG = refusal(403, "UserException")
WRONG_CODE = refusal(403, "TwoFAException")


async def test_a_login_ends_with_a_staged_session_a_clean_ledger_and_no_lock() -> None:
    stage = Stage(happy_answers())
    outcome = await stage.log_in(stage.context())
    ledger = await stage.ledger()
    assert ("staged", (), None) == (outcome.result, ledger.attempts, ledger.lock)
    assert [("key-v1", 1)] == [(entry.app, entry.count) for entry in ledger.logins]
    assert is_staged(stage)


async def test_every_submission_is_recorded_before_it_is_sent() -> None:
    stage = Stage(happy_answers())
    seen: dict[str, list[tuple[Step, AttemptOutcome]]] = {}

    async def observe_step(step: str) -> None:
        seen[step] = [(each.step, each.outcome) for each in (await stage.ledger()).attempts]

    for step in ("before-password-send", "before-totp-send"):
        stage.at[step] = partial(observe_step, step)
    await stage.log_in(stage.context())
    assert {
        "before-password-send": [(Step.PASSWORD, AttemptOutcome.PENDING)],
        "before-totp-send": [(Step.TOTP, AttemptOutcome.PENDING)],
    } == seen


async def test_a_wrong_password_is_recorded_and_never_submitted_again() -> None:
    stage = Stage([login_page(), WRONG, login_page()])
    first = await stage.log_in(stage.context())
    assert (Reason.PASSWORD_REJECTED, None) == (first.reason, (await stage.ledger()).lock)
    again = await stage.log_in(stage.context(account=await stage.ledger()))
    assert ("refused", Reason.PASSWORD_REJECTED) == (again.result, again.reason)
    assert [Step.PASSWORD] == [request.step for request in stage.transport.sent if request.step is not Step.PREFLIGHT]


async def test_a_wrong_code_is_recorded_with_its_window_and_the_lock_is_released() -> None:
    stage = Stage([login_page(), password_accepted(), WRONG_CODE])
    outcome = await stage.log_in(stage.context())
    ledger = await stage.ledger()
    [attempt] = ledger.attempts
    assert (Reason.TOTP_REJECTED, AttemptOutcome.WRONG, None) == (outcome.reason, attempt.outcome, ledger.lock)
    assert ledger.last_window == attempt.window
    assert not is_staged(stage)


@pytest.mark.parametrize("step", STEPS[:2])
async def test_a_process_that_lost_the_lock_does_not_go_on_to_the_code(step: str) -> None:
    stage = Stage(happy_answers())
    stage.at[step] = stage.somebody_else_locks
    with pytest.raises(ReservationLost):
        await stage.log_in(stage.context())
    assert [Step.PREFLIGHT, Step.PASSWORD] == [request.step for request in stage.transport.sent]


@pytest.mark.parametrize("step", STEPS[2:])
async def test_a_process_that_lost_the_lock_stages_nothing_and_leaves_the_others_lock_alone(step: str) -> None:
    stage = Stage(happy_answers())
    stage.at[step] = stage.somebody_else_locks
    with pytest.raises(ReservationLost):
        await stage.log_in(stage.context())
    ledger = await stage.ledger()
    assert not is_staged(stage)
    assert "of-another" == (ledger.lock.id if ledger.lock else "")
    assert () == ledger.attempts


async def test_an_answer_that_comes_after_the_lease_was_lost_stages_nothing() -> None:
    stage = Stage(happy_answers())

    async def lose() -> None:
        del stage.cluster.objects[LEASE]

    stage.at["after-exchange"] = lose
    with pytest.raises(ReservationLost):
        await stage.log_in(stage.context())
    assert not is_staged(stage)


async def test_a_session_that_another_process_staged_meanwhile_is_not_overwritten() -> None:
    stage = Stage(happy_answers())

    async def stage_another() -> None:
        stage.cluster.put(STATE, {"metadata": {"name": "alpha-kite-state"}, "data": {"session": "theirs"}})

    stage.at["after-exchange"] = stage_another
    with pytest.raises(Conflict):
        await stage.log_in(stage.context())
    assert {"session": "theirs"} == stage.cluster.objects[STATE]["data"]


async def test_another_clients_session_is_not_staged_and_blocks_until_an_input_changes() -> None:
    stage = Stage(happy_answers())
    stage.exchanged = replace(session(stage.clock.now()), user_id="ZZ9999")
    outcome = await stage.log_in(stage.context())
    ledger = await stage.ledger()
    assert (Reason.WRONG_ACCOUNT, None) == (outcome.reason, ledger.lock)
    assert [(Reason.WRONG_ACCOUNT, {"login": "login-v1", "app": "app-v1"})] == [
        (each.reason, dict(each.inputs)) for each in ledger.rejections
    ]
    assert not is_staged(stage)


async def test_a_process_that_was_frozen_before_the_send_does_not_send() -> None:
    stage = Stage(happy_answers())

    async def freeze() -> None:
        stage.clock.boot += 11

    stage.at["before-password-send"] = freeze
    with pytest.raises(ReservationLost):
        await stage.log_in(stage.context())
    assert [Step.PREFLIGHT] == [request.step for request in stage.transport.sent]
    assert () == (await stage.ledger()).attempts


async def test_while_another_process_logs_in_nothing_is_sent() -> None:
    stage = Stage(happy_answers())
    await stage.accounts.change(
        CLIENT_ID,
        lambda ledger: begin_login(stage.services, stage.context(), LOGIN.app, ledger, "of-another"),
        seed=AttemptLedger(CLIENT_ID),
    )
    outcome = await stage.log_in(stage.context())
    assert ("refused", Reason.LOGIN_IN_PROGRESS) == (outcome.result, outcome.reason)
    assert stage.clock.now() + RETRY_AFTER == outcome.retry_at
    assert Step.PASSWORD not in {request.step for request in stage.transport.sent}
    lock = (await stage.ledger()).lock
    assert "of-another" == (lock.id if lock else "")


async def test_a_claim_of_another_credential_is_respected() -> None:
    stage = Stage(happy_answers())
    theirs = account(claims=(claim(OTHER),))
    outcome = await stage.log_in(stage.context(account=theirs))
    assert ("refused", Reason.CONFLICT) == (outcome.result, outcome.reason)
    assert LEASE not in stage.cluster.objects


async def test_a_block_that_status_remembers_outlives_its_lost_lease() -> None:
    stage = Stage(happy_answers())
    remembered = budget.settle(
        account(),
        LedgerGate(stage.services, stage.context(), LOGIN)._attempt(Step.PASSWORD),
        AttemptOutcome.WRONG,
        stage.clock.now(),
    )
    outcome = await stage.log_in(stage.context(account=remembered))
    assert ("refused", Reason.PASSWORD_REJECTED) == (outcome.result, outcome.reason)


async def test_a_gate_settles_only_what_it_has_reserved() -> None:
    stage = Stage()
    gate = LedgerGate(stage.services, stage.context(), LOGIN)
    with pytest.raises(ReservationLost):
        await gate.settle(Step.PASSWORD, AttemptOutcome.WRONG)
    with pytest.raises(ReservationLost):
        gate.check()
    await gate.reserve_password(None)
    with pytest.raises(ReservationLost):
        await gate.settle(Step.TOTP, AttemptOutcome.ACCEPTED)


async def test_a_code_is_not_reserved_without_the_lock() -> None:
    stage = Stage()
    gate = LedgerGate(stage.services, stage.context(), LOGIN)
    with pytest.raises((ReservationLost, ReservationRefused)):
        await gate.reserve_code()
    assert LEASE not in stage.cluster.objects


async def test_the_lease_never_holds_a_secret() -> None:
    stage = Stage(happy_answers())
    await stage.log_in(stage.context())
    assert [] == list(leaks(str(stage.cluster.objects[LEASE])))
