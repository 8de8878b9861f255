"""A manual login while the API server comes and goes: the lock is released, and a used grant is not used again."""

from dataclasses import replace
from datetime import timedelta

import pytest

from kite_operator.act.exchange import drop_used
from kite_operator.cluster.api import secrets_path
from kite_operator.cluster.state import parse_renewal, write_state
from kite_operator.decide import budget
from kite_operator.decide.observed import Grant
from kite_operator.decide.plan import DropGrant
from kite_operator.model.account import AttemptLedger, AttemptOutcome
from kite_operator.model.errors import BrokerRejection, ClusterUnavailable, Conflict, NotFound, Step
from kite_operator.model.reasons import Reason
from kite_operator.model.sensitive import Sensitive
from kite_operator.record.outcome import ActOutcome
from support.acting import LEASE, STATE, Stage, is_staged
from support.facts import CLIENT_ID, REFRESH_TOKEN, account, attempt, credential, session, staged
from support.lost_answers import away, lose_answer

GRANT = secrets_path("desk", "login-1")
MANUAL = credential(mode="Manual", login_secret=None)
PLATFORM = credential(mode="RefreshToken", login_secret=None)


def create_grant(stage: Stage) -> Grant:
    """Create a login grant in the cluster, and return it."""
    metadata = stage.cluster.put(GRANT, {"metadata": {"name": "login-1"}})["metadata"]
    token = Sensitive("requesttoken0123456789")
    return Grant("login-1", metadata["uid"], metadata["resourceVersion"], token, taken_at=None, created="")


async def exchanged(stage: Stage, grant: Grant) -> ActOutcome:
    return await stage.exchange(stage.context(credential=MANUAL, grants=(grant,)), grant)


async def wrong_entries(stage: Stage, *minutes_ago: int) -> None:
    """Record this number of refused passwords."""
    now = stage.clock.now()
    wrong = [attempt(f"w{ago}", AttemptOutcome.WRONG, at=now - timedelta(minutes=ago)) for ago in minutes_ago]

    def change(ledger: AttemptLedger) -> AttemptLedger:
        return replace(ledger, attempts=tuple(wrong))

    await stage.accounts.change(CLIENT_ID, change, seed=account())


def away_at(stage: Stage, step: str, requests: int) -> None:
    async def leave() -> None:
        away(stage, requests)

    stage.at[step] = leave


@pytest.mark.parametrize("error", [Conflict, NotFound])
async def test_a_grant_that_another_client_changed_or_deleted_leaves_the_lock_free(error: type[Exception]) -> None:
    stage = Stage()
    grant = create_grant(stage)
    stage.cluster.put(GRANT, {"metadata": {"name": "login-1"}})
    if error is NotFound:
        del stage.cluster.objects[GRANT]
    with pytest.raises(error):
        await exchanged(stage, grant)
    assert ((), []) == ((await stage.ledger()).locks, stage.exchanges)


@pytest.mark.parametrize("path", [LEASE, GRANT], ids=["lock", "grant"])
async def test_a_lost_answer_before_the_exchange_leaves_the_lock_free(path: str) -> None:
    stage = Stage()
    grant = create_grant(stage)
    before = stage.cluster.objects.get(path)
    lose_answer(stage, lambda: stage.cluster.objects.get(path) != before)
    with pytest.raises(ClusterUnavailable):
        await exchanged(stage, grant)
    assert ((), []) == ((await stage.ledger()).locks, stage.exchanges)


async def test_a_manual_login_starts_a_new_count_as_soon_as_the_api_server_is_back() -> None:
    stage = Stage()
    await wrong_entries(stage, 63, 62, 61, 60)
    grant = create_grant(stage)
    away_at(stage, "after-stage", 5)
    outcome = await exchanged(stage, grant)
    ledger = await stage.ledger()
    assert ("staged", 0, ()) == (outcome.result, budget.counted(ledger), ledger.locks)
    assert GRANT not in stage.cluster.objects


async def test_an_entry_that_may_be_younger_than_the_login_stays_counted_however_long_the_answer_took() -> None:
    stage = Stage()
    await wrong_entries(stage, 6, 4)
    grant = create_grant(stage)
    away_at(stage, "after-stage", 100)
    await exchanged(stage, grant)
    assert ["w4"] == [each.id for each in (await stage.ledger()).attempts]


async def test_a_used_grant_that_cannot_be_deleted_is_reported_as_a_login_as_well() -> None:
    stage = Stage()
    grant = create_grant(stage)

    def before(verb: str, path: str) -> None:
        if verb == "DELETE":
            raise ClusterUnavailable(f"{verb} {path}", status=0)

    stage.cluster.before = before
    outcome = await exchanged(stage, grant)
    assert ("staged", True) == (outcome.result, is_staged(stage))
    assert outcome.last_login is not None
    assert ("login-1", "SessionUnproven") == (outcome.last_login.grant, outcome.last_login.reason)


async def test_a_used_grant_is_deleted_without_an_event() -> None:
    stage = Stage()
    grant = create_grant(stage)
    plan = DropGrant(Reason.LOGIN_IN_PROGRESS, "", grant)
    outcome = await drop_used(stage.services, stage.context(credential=MANUAL), plan)
    assert ("discarded", (), None) == (outcome.result, outcome.notes, outcome.last_login)
    assert GRANT not in stage.cluster.objects


async def held_renewal(stage: Stage) -> None:
    """Write a state Secret with the session of the day before and a refresh_token."""
    previous = replace(session(stage.clock.now(), token="formeraccesstoken000"), refresh_token=Sensitive(REFRESH_TOKEN))
    await write_state(stage.cluster, PLATFORM, None, replace(staged(stage.clock.now()), session=previous))


async def test_a_renewal_whose_lock_was_not_answered_releases_it() -> None:
    stage = Stage()
    await held_renewal(stage)
    context = stage.context(credential=PLATFORM, renewal=parse_renewal(stage.cluster.objects[STATE], PLATFORM))
    lose_answer(stage, lambda: LEASE in stage.cluster.objects)
    with pytest.raises(ClusterUnavailable):
        await stage.renew(context)
    assert ((), []) == ((await stage.ledger()).locks, stage.renewals)


async def test_a_refused_refresh_token_is_dropped_and_reported_although_the_answer_was_lost() -> None:
    stage = Stage(renewed=BrokerRejection(Reason.REFRESH_TOKEN_REJECTED, "refused", step=Step.RENEWAL))
    await held_renewal(stage)
    renewal = parse_renewal(stage.cluster.objects[STATE], PLATFORM)
    context = stage.context(credential=PLATFORM, renewal=renewal)
    lose_answer(stage, lambda: parse_renewal(stage.cluster.objects[STATE], PLATFORM) is None)
    outcome = await stage.renew(context)
    assert ("rejected", Reason.REFRESH_TOKEN_REJECTED) == (outcome.result, outcome.reason)
    assert parse_renewal(stage.cluster.objects[STATE], PLATFORM) is None
