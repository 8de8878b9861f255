"""An API server that is away just after the broker's answer: the answer is recorded all the same (P1, P3)."""

import pytest

from kite_operator.act.pending_writes import write_pending
from kite_operator.broker.verdicts import SUBMISSIONS, answer_lost
from kite_operator.cluster.account import ledger_of
from kite_operator.cluster.state import parse_state
from kite_operator.decide import budget
from kite_operator.model.account import AttemptOutcome
from kite_operator.model.errors import ClusterUnavailable, Step
from kite_operator.model.reasons import Reason
from support.acting import LEASE, STATE, Stage, is_staged
from support.broker_fakes import happy_answers, login_page, refusal
from support.facts import CLIENT_ID, REF, VERSIONS, credential
from support.lost_answers import away, lose_answer


def away_at(stage: Stage, step: str, requests: int) -> None:
    async def leave() -> None:
        away(stage, requests)

    stage.at[step] = leave


def lost_at(stage: Stage, step: str, path: str) -> None:
    """Make the first write of the object at `path` after this step, and lose its answer."""

    async def arm() -> None:
        before = version(stage, path)
        lose_answer(stage, lambda: version(stage, path) != before)

    stage.at[step] = arm


def version(stage: Stage, path: str) -> str | None:
    present = stage.cluster.objects.get(path)
    return None if present is None else present["metadata"]["resourceVersion"]


def pending(stage: Stage) -> list[Step]:
    """Return the submissions that the account Lease has reserved."""
    lease = stage.cluster.objects.get(LEASE)
    return [] if lease is None else [each.step for each in ledger_of(lease, CLIENT_ID).attempts]


async def test_a_wrong_password_is_recorded_as_soon_as_the_api_server_is_back() -> None:
    stage = Stage([login_page(), refusal(403, "UserException")])
    away_at(stage, "after-password-answer", 5)
    outcome = await stage.log_in(stage.context())
    assert Reason.PASSWORD_REJECTED is outcome.reason
    assert [AttemptOutcome.WRONG] == [each.outcome for each in (await stage.ledger()).attempts]


async def test_a_session_is_staged_as_soon_as_the_api_server_is_back() -> None:
    stage = Stage(happy_answers())
    away_at(stage, "after-exchange", 5)
    outcome = await stage.log_in(stage.context())
    assert "staged" == outcome.result
    assert is_staged(stage)


async def test_a_session_whose_staging_was_made_but_not_answered_is_kept() -> None:
    stage = Stage(happy_answers())
    lost_at(stage, "after-exchange", STATE)
    outcome = await stage.log_in(stage.context())
    held = parse_state(stage.cluster.objects[STATE], credential())
    assert "staged" == outcome.result
    assert held is not None
    assert not held.published


async def test_an_unknown_outcome_that_is_written_twice_is_forgiven_as_well() -> None:
    stage = Stage([login_page(), answer_lost(Step.PASSWORD)])
    lost_at(stage, "after-password-answer", LEASE)
    await stage.log_in(stage.context())
    ledger = await stage.ledger()
    assert [(AttemptOutcome.UNKNOWN, True)] == [(each.outcome, each.forgiven) for each in ledger.attempts]
    assert budget.block_for(ledger, VERSIONS.login, REF) is None


async def test_a_login_that_is_recorded_twice_counts_once() -> None:
    stage = Stage(happy_answers())
    lost_at(stage, "after-totp-answer", LEASE)
    assert "staged" == (await stage.log_in(stage.context())).result
    assert [1] == [each.count for each in (await stage.ledger()).logins]


@pytest.mark.parametrize(("step", "sent"), [(Step.PASSWORD, 0), (Step.TOTP, 1)])
@pytest.mark.parametrize("requests", [0, 5], ids=["for a moment", "for longer"])
async def test_a_reservation_that_was_made_but_not_answered_spends_no_attempt(
    step: Step, sent: int, requests: int
) -> None:
    stage = Stage(happy_answers())
    lose_answer(stage, lambda: step in pending(stage), requests)
    context = stage.context()
    with pytest.raises(ClusterUnavailable):
        await stage.log_in(context)
    assert ([step] if requests else []) == pending(stage)
    away(stage, 0)
    await write_pending(stage.services, context)
    ledger = await stage.ledger()
    assert ((), None, None) == (ledger.attempts, ledger.lock, ledger.forgiven_on)
    assert sent == sum(request.step in SUBMISSIONS for request in stage.transport.sent)


async def test_a_write_is_given_up_after_two_minutes_and_made_before_the_next_decision() -> None:
    stage = Stage([login_page(), refusal(403, "UserException")])
    away_at(stage, "after-password-answer", 1_000_000)
    began = stage.clock.boottime()
    context = stage.context()
    with pytest.raises(ClusterUnavailable):
        await stage.log_in(context)
    assert 120 <= stage.clock.boottime() - began <= 130
    away(stage, 0)
    await write_pending(stage.services, context)
    assert [AttemptOutcome.WRONG] == [each.outcome for each in (await stage.ledger()).attempts]
