"""Another process logs in before the lock: a second login does not replace its session (P2, P3)."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from kite_operator.broker.codes import WINDOW_SECONDS
from kite_operator.broker.limiter import SESSION_BURST, CallKind
from kite_operator.cluster.state import write_state
from kite_operator.model.errors import ClusterUnavailable, ReservationLost, Step, Unprocessable
from kite_operator.model.reasons import Reason
from support.acting import LEASE, STATE, Stage, is_staged
from support.broker_fakes import FakeClock, happy_answers
from support.facts import APP, credential, grant

THEIRS = {"metadata": {"name": "alpha-kite-state"}, "data": {"session": "theirs"}}


async def test_a_password_is_not_sent_when_another_process_has_logged_in_since_the_gathering() -> None:
    stage = Stage(happy_answers())
    context = stage.context()
    stage.cluster.put(STATE, THEIRS)
    outcome = await stage.log_in(context)
    ledger = await stage.ledger()
    assert ("refused", Reason.LOGIN_IN_PROGRESS) == (outcome.result, outcome.reason)
    assert outcome.retry_at is not None
    assert ((), ()) == (ledger.attempts, ledger.locks)
    assert [Step.PREFLIGHT] == [request.step for request in stage.transport.sent]


@pytest.mark.parametrize("there", [True, False], ids=["a Secret that is there", "a new Secret"])
async def test_a_password_is_not_sent_when_the_state_secret_cannot_be_written(there: bool) -> None:  # noqa: FBT001
    stage = Stage(happy_answers())
    if there:
        await write_state(stage.cluster, credential(), None, None)

    def before(verb: str, path: str) -> None:
        if (verb, path) == ("PUT", STATE):
            raise Unprocessable(f"{verb} {path}", status=422)

    stage.cluster.before = before
    with pytest.raises(Unprocessable):
        await stage.log_in(stage.context())
    ledger = await stage.ledger()
    assert ((), None) == (ledger.attempts, ledger.lock)
    assert [Step.PREFLIGHT] == [request.step for request in stage.transport.sent]


async def test_the_dry_run_of_a_write_leaves_the_state_secret_as_it_was() -> None:
    stage = Stage(happy_answers())
    seen: list[str] = []

    async def observe_step() -> None:
        seen.append(stage.cluster.objects[STATE]["metadata"]["resourceVersion"])

    made = await write_state(stage.cluster, credential(), None, None)
    stage.at["before-password-send"] = observe_step
    assert "staged" == (await stage.log_in(stage.context())).result
    assert [made["metadata"]["resourceVersion"]] == seen


async def test_a_grant_is_not_exchanged_when_another_process_has_logged_in_since_the_gathering() -> None:
    stage = Stage()
    context = stage.context(grants=(grant(),))
    stage.cluster.put(STATE, THEIRS)
    stage.exchanged = AssertionError("exchanged")
    outcome = await stage.exchange(context, grant())
    assert ("refused", Reason.LOGIN_IN_PROGRESS) == (outcome.result, outcome.reason)
    assert () == (await stage.ledger()).locks


async def test_an_unneeded_reservation_is_settled_even_when_the_answer_is_lost() -> None:
    stage = Stage(happy_answers())

    def before(verb: str, path: str) -> None:
        if (verb, path) == ("GET", STATE):
            raise ClusterUnavailable(f"{verb} {path}", status=0)

    stage.cluster.before = before
    with pytest.raises(ClusterUnavailable):
        await stage.log_in(stage.context())
    assert () == (await stage.ledger()).attempts


async def test_a_code_whose_window_closed_while_it_was_reserved_is_not_sent() -> None:
    stage = Stage(happy_answers())
    writes: list[str] = []

    def before(verb: str, _path: str) -> None:
        if verb == "PUT" and stage.transport.sent[-1].step is Step.PASSWORD:
            writes.append(verb)
            if len(writes) == 2:  # the first settles the password, the second reserves the code
                stage.clock.wall += timedelta(seconds=WINDOW_SECONDS)

    stage.cluster.before = before
    outcome = await stage.log_in(stage.context())
    ledger = await stage.ledger()
    assert ("refused", Reason.WAITING_FOR_TOTP_WINDOW) == (outcome.result, outcome.reason)
    assert ((), ()) == (ledger.attempts, ledger.locks)
    assert Step.TOTP not in {request.step for request in stage.transport.sent}


async def test_nothing_is_exchanged_when_another_process_has_the_lock_after_the_code_was_accepted() -> None:
    stage = Stage(happy_answers())
    stage.at["after-request-token"] = stage.somebody_else_locks
    with pytest.raises(ReservationLost):
        await stage.log_in(stage.context())
    assert ([], False) == (stage.exchanges, is_staged(stage))
    assert "pod-2" == getattr((await stage.ledger()).lock, "by", "")


async def test_a_grant_is_not_exchanged_when_another_process_has_the_lock_after_it_was_taken() -> None:
    stage = Stage()
    given = replace(grant(), taken_at=stage.clock.now())
    stage.at["before-exchange"] = stage.somebody_else_locks
    with pytest.raises(ReservationLost):
        await stage.exchange(stage.context(grants=(given,)), given)
    assert ([], False) == (stage.exchanges, is_staged(stage))


class QueueClock(FakeClock):
    """Clock that lets another process log in during the wait for a turn."""

    overtake: Callable[[], Awaitable[None]]

    async def sleep(self, seconds: float) -> None:
        await self.overtake()
        await super().sleep(seconds)


async def test_a_grant_is_not_exchanged_when_another_process_has_the_lock_after_the_wait_for_its_turn() -> None:
    """A wait for a turn may be long where thousands share an app: the lock is checked after it."""
    clock = QueueClock()
    stage = Stage(clock=clock)
    clock.overtake = stage.somebody_else_locks
    context = stage.context(grants=(grant(),))
    for _ in range(int(SESSION_BURST)):
        await stage.services.limiter.acquire(APP.api_key, CallKind.SESSION)
    with pytest.raises(ReservationLost):
        await stage.exchange(context, replace(grant(), taken_at=stage.clock.now()))
    assert [] == stage.exchanges


async def test_an_api_server_that_is_away_before_the_exchange_does_not_cost_the_login() -> None:
    stage = Stage(happy_answers())
    refusals = [ClusterUnavailable("GET", status=0)] * 3

    def before(verb: str, path: str) -> None:
        if (verb, path) == ("GET", LEASE) and stage.transport.sent[-1].step is not Step.PREFLIGHT and refusals:
            raise refusals.pop()

    stage.cluster.before = before
    outcome = await stage.log_in(stage.context())
    assert ("staged", []) == (outcome.result, refusals)
    assert 1 == len(stage.exchanges)
