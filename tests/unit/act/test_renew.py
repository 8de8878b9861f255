"""Renewal, step by step: the lock, the bound per day, the staged session, and the state after a refusal."""

from dataclasses import replace
from typing import Any

import pytest

from kite_operator.act.context import Context
from kite_operator.cluster.state import parse_renewal, parse_state, write_state
from kite_operator.decide import budget
from kite_operator.decide.observed import Held
from kite_operator.model.account import AttemptLedger
from kite_operator.model.errors import (
    BrokerRejection,
    Conflict,
    ReservationLost,
    SessionUnusable,
    Step,
    TransientBrokerError,
)
from kite_operator.model.reasons import Reason
from kite_operator.model.sensitive import Sensitive
from kite_operator.model.session import Session
from support.acting import STATE, Stage
from support.facts import CLIENT_ID, OTHER, REFRESH_TOKEN, VERSIONS, account, attempt, claim, credential, session

PLATFORM = credential(mode="RefreshToken", login_secret=None)
ROTATED = "rotatedtoken0123456789abcdefghij"


async def stage_of(stage: Stage, **changes: Any) -> Context:
    """Return a credential that holds a refresh_token, and the session of the day before."""
    previous = replace(session(stage.clock.now(), token="formeraccesstoken000"), refresh_token=Sensitive(REFRESH_TOKEN))
    held = Held(previous, published=True, staged_at=stage.clock.now())
    state = await write_state(stage.cluster, PLATFORM, None, held)
    return stage.context(credential=PLATFORM, renewal=parse_renewal(state, PLATFORM), **changes)


def answered(stage: Stage, token: str | None = ROTATED) -> Session:
    return replace(session(stage.clock.now()), refresh_token=Sensitive(token) if token else None)


def unproven(stage: Stage, made: Session) -> Held:
    return Held(made, published=False, staged_at=stage.clock.now())


def refusal(reason: Reason) -> BrokerRejection:
    return BrokerRejection(reason, "the session renewal answered 403", step=Step.RENEWAL)


def kept(stage: Stage) -> str | None:
    """Return the refresh_token that the state Secret holds now."""
    found = parse_renewal(stage.cluster.objects.get(STATE), PLATFORM)
    return found.refresh_token.reveal() if found is not None else None


def staged_token(stage: Stage) -> str:
    held = parse_state(stage.cluster.objects.get(STATE), PLATFORM)
    assert held is not None
    return held.session.access_token.reveal()


async def test_the_session_and_the_new_refresh_token_are_staged_in_one_write() -> None:
    stage = Stage()
    stage.renewed = answered(stage)
    context = await stage_of(stage)
    outcome = await stage.renew(context)
    assert "staged" == outcome.result
    assert ([Sensitive(REFRESH_TOKEN)], ROTATED) == (stage.renewals, kept(stage))
    assert stage.renewed.access_token.reveal() == staged_token(stage)
    assert outcome.after is not None
    assert outcome.after.observed.renewal == parse_renewal(stage.cluster.objects.get(STATE), PLATFORM)


async def test_without_a_new_one_the_refresh_token_stays() -> None:
    stage = Stage()
    stage.renewed = answered(stage, None)
    await stage.renew(await stage_of(stage))
    assert REFRESH_TOKEN == kept(stage)


async def test_a_renewal_counts_among_the_days_sessions_and_not_as_a_completed_login() -> None:
    stage = Stage()
    await stage.accounts.change(CLIENT_ID, lambda _: account(attempt("wrong")), seed=AttemptLedger(CLIENT_ID))
    await stage.renew(await stage_of(stage))
    ledger = await stage.ledger()
    assert 1 == budget.logins_today(ledger, VERSIONS.api_key, stage.clock.now()).count
    assert (1, ()) == (budget.counted(ledger), ledger.locks)


async def test_a_fourth_renewal_of_one_day_sends_no_request() -> None:
    stage = Stage()
    for _ in range(budget.LOGINS_PER_DAY):
        assert "staged" == (await stage.renew(await stage_of(stage))).result
        del stage.cluster.objects[STATE]
    outcome = await stage.renew(await stage_of(stage))
    assert ("refused", Reason.SESSION_CONTESTED) == (outcome.result, outcome.reason)
    assert budget.LOGINS_PER_DAY == len(stage.renewals)


@pytest.mark.parametrize("reason", [Reason.REFRESH_TOKEN_REJECTED, Reason.WRONG_ACCOUNT])
async def test_a_rejected_refresh_token_is_dropped_and_blocks_nothing(reason: Reason) -> None:
    stage = Stage(renewed=refusal(reason))
    outcome = await stage.renew(await stage_of(stage))
    assert (reason, [reason]) == (outcome.reason, [note.reason for note in outcome.notes])
    assert outcome.failed is not None
    assert outcome.failed.failures.next_retry_time is None
    assert (None, "formeraccesstoken000") == (kept(stage), staged_token(stage))
    ledger = await stage.ledger()
    assert ((), ()) == (ledger.rejections, ledger.locks)


async def test_the_session_of_another_client_is_not_staged() -> None:
    stage = Stage()
    stage.renewed = replace(answered(stage), user_id="ZZ9999")
    outcome = await stage.renew(await stage_of(stage))
    assert Reason.WRONG_ACCOUNT is outcome.reason
    assert (None, "formeraccesstoken000") == (kept(stage), staged_token(stage))


async def test_a_rejected_app_blocks_and_keeps_the_refresh_token() -> None:
    stage = Stage(renewed=refusal(Reason.APP_SECRET_REJECTED))
    outcome = await stage.renew(await stage_of(stage))
    assert ("rejected", Reason.APP_SECRET_REJECTED) == (outcome.result, outcome.reason)
    ledger = await stage.ledger()
    assert [{"app": VERSIONS.app}] == [dict(each.inputs) for each in ledger.rejections]
    assert (REFRESH_TOKEN, ()) == (kept(stage), ledger.locks)


async def test_a_transient_error_is_retried_with_the_same_refresh_token() -> None:
    stage = Stage(renewed=TransientBrokerError(Reason.BROKER_UNAVAILABLE, "away", step=Step.RENEWAL))
    outcome = await stage.renew(await stage_of(stage))
    assert outcome.failed is not None
    assert outcome.failed.failures.next_retry_time is not None
    assert (REFRESH_TOKEN, ()) == (kept(stage), (await stage.ledger()).locks)


async def test_no_request_is_sent_while_another_credential_holds_the_account() -> None:
    stage = Stage()
    taken = account(claims=(claim(OTHER),))
    await stage.accounts.change(CLIENT_ID, lambda _: taken, seed=AttemptLedger(CLIENT_ID))
    outcome = await stage.renew(await stage_of(stage))
    assert (Reason.CONFLICT, []) == (outcome.reason, stage.renewals)


async def test_no_request_is_sent_when_another_process_was_faster() -> None:
    stage = Stage()
    context = await stage_of(stage)
    await write_state(stage.cluster, PLATFORM, context.gathered.state, unproven(stage, answered(stage)))
    outcome = await stage.renew(context)
    assert ("refused", Reason.LOGIN_IN_PROGRESS) == (outcome.result, outcome.reason)
    assert ([], ()) == (stage.renewals, (await stage.ledger()).locks)


async def test_nothing_is_renewed_when_another_process_has_the_lock_after_it_was_taken() -> None:
    stage = Stage()
    context = await stage_of(stage)
    stage.at["before-renewal"] = stage.somebody_else_locks
    with pytest.raises(ReservationLost):
        await stage.renew(context)
    assert ([], REFRESH_TOKEN) == (stage.renewals, kept(stage))


async def test_a_label_that_was_set_meanwhile_does_not_lose_the_new_refresh_token() -> None:
    stage = Stage()
    stage.renewed = answered(stage)

    async def other_client_labels() -> None:
        await stage.cluster.merge_patch(STATE, {"metadata": {"labels": {"team": "a"}}})

    stage.at["after-renewal"] = other_client_labels
    assert "staged" == (await stage.renew(await stage_of(stage))).result
    assert ROTATED == kept(stage)


async def test_a_state_secret_that_was_deleted_meanwhile_does_not_lose_the_new_refresh_token() -> None:
    stage = Stage()
    stage.renewed = answered(stage)

    async def other_client_deletes() -> None:
        del stage.cluster.objects[STATE]

    stage.at["after-renewal"] = other_client_deletes
    assert "staged" == (await stage.renew(await stage_of(stage))).result
    assert ROTATED == kept(stage)


async def test_a_session_that_another_process_staged_meanwhile_is_not_overwritten() -> None:
    stage = Stage()
    stage.renewed = answered(stage)
    context = await stage_of(stage)

    async def other_client_stages() -> None:
        other = replace(answered(stage), access_token=Sensitive("anotheraccesstoken00"))
        await write_state(stage.cluster, PLATFORM, context.gathered.state, unproven(stage, other))

    stage.at["after-renewal"] = other_client_stages
    with pytest.raises(Conflict):
        await stage.renew(context)
    assert "anotheraccesstoken00" == staged_token(stage)
    assert () == (await stage.ledger()).locks


def unusable(user_id: str | None = CLIENT_ID, token: str | None = ROTATED) -> SessionUnusable:
    """Return a 200 without an access_token."""
    refresh_token = Sensitive(token) if token else None
    return SessionUnusable("no access_token", step=Step.RENEWAL, user_id=user_id, refresh_token=refresh_token)


@pytest.mark.parametrize("user_id", [CLIENT_ID, None])
async def test_a_session_that_cannot_be_used_leaves_its_new_refresh_token(user_id: str | None) -> None:
    stage = Stage()
    context = await stage_of(stage)
    before = parse_state(stage.cluster.objects[STATE], PLATFORM)
    stage.renewed = unusable(user_id)
    outcome = await stage.renew(context)
    assert ("transient", Reason.UNEXPECTED_ANSWER, ROTATED) == (outcome.result, outcome.reason, kept(stage))
    assert before == parse_state(stage.cluster.objects[STATE], PLATFORM)
    assert () == (await stage.ledger()).locks


@pytest.mark.parametrize("failure", [unusable("ZZ9999"), unusable(token=None)])
async def test_a_refresh_token_of_another_client_or_none_leaves_the_previous_one(failure: SessionUnusable) -> None:
    stage = Stage()
    context = await stage_of(stage)
    stage.renewed = failure
    await stage.renew(context)
    assert REFRESH_TOKEN == kept(stage)


async def test_a_new_refresh_token_does_not_overwrite_the_session_of_another_process() -> None:
    stage = Stage()
    context = await stage_of(stage)
    stage.renewed = unusable()

    async def stage_another() -> None:
        theirs = replace(session(stage.clock.now(), token="theiraccesstoken0000"), refresh_token=Sensitive("t" * 20))
        await write_state(stage.cluster, PLATFORM, stage.cluster.objects[STATE], unproven(stage, theirs))

    stage.at["before-renewal"] = stage_another
    with pytest.raises(Conflict):
        await stage.renew(context)
    assert ("t" * 20, "theiraccesstoken0000") == (kept(stage), staged_token(stage))


async def test_metadata_that_another_client_changed_meanwhile_does_not_lose_the_new_refresh_token() -> None:
    stage = Stage()
    context = await stage_of(stage)
    stage.renewed = unusable()

    async def label() -> None:
        labelled = stage.cluster.objects[STATE]
        labelled["metadata"].setdefault("labels", {})["team"] = "a"
        stage.cluster.put(STATE, labelled)

    stage.at["before-renewal"] = label
    await stage.renew(context)
    assert ROTATED == kept(stage)
