"""A completed login whose exchange failed with a transient error: its request_token is retried before a new login."""

from dataclasses import replace
from datetime import timedelta

import pytest

from kite_operator.act.context import Context
from kite_operator.broker.verdicts import answer_lost, malformed
from kite_operator.decide.observed import UsableApp
from kite_operator.model.errors import BrokerError, BrokerRejection, Step, TransientBrokerError
from kite_operator.model.reasons import Reason
from kite_operator.record.outcome import ActOutcome
from support.acting import STATE, Stage, is_staged
from support.broker_fakes import REQUEST_TOKEN, happy_answers
from support.facts import APP, VERSIONS, leaks

DOWN = TransientBrokerError(Reason.BROKER_UNAVAILABLE, "HTTP 503", step=Step.EXCHANGE)
ODD = TransientBrokerError(Reason.UNEXPECTED_ANSWER, "HTTP 418", step=Step.EXCHANGE)
REFUSED = BrokerRejection(Reason.REQUEST_TOKEN_REJECTED, "no", step=Step.EXCHANGE)
WRONG_SECRET = BrokerRejection(Reason.APP_SECRET_REJECTED, "no", step=Step.EXCHANGE)


LAPSED = BrokerRejection(Reason.SUBSCRIPTION_INACTIVE, "lapsed", step=Step.EXCHANGE)


class Setup:
    """Logins of one credential, one after the other; in each the broker answers as `exchange` says."""

    def __init__(self) -> None:
        self.stage = Stage([*happy_answers(), *happy_answers(), *happy_answers()])
        self.context = self.stage.context()

    async def login(self, exchange: BrokerError | None, *, later: timedelta = timedelta(0)) -> ActOutcome:
        self.stage.clock.wall += later
        self.stage.exchanged = exchange
        account = await self.stage.accounts.read(self.context.credential.client_id)
        observed = replace(self.context.observed, now=self.stage.clock.now(), account=account)
        state = self.stage.cluster.objects.get(STATE)
        gathered = replace(self.context.gathered, observed=observed, state=state)
        self.context = Context(gathered, self.context.in_memory)
        return await self.stage.log_in(self.context)

    @property
    def logins(self) -> int:
        return sum(request.step is Step.TOTP for request in self.stage.transport.sent)

    @property
    def exchanges(self) -> int:
        return len(self.stage.exchanges)


@pytest.mark.parametrize("failure", [DOWN, ODD, answer_lost(Step.EXCHANGE)])
async def test_the_same_request_token_is_exchanged_when_the_broker_is_back(failure: BrokerError) -> None:
    desk = Setup()
    assert "transient" == (await desk.login(failure)).result
    outcome = await desk.login(None, later=timedelta(seconds=15))
    assert ("staged", 1, 2, True) == (outcome.result, desk.logins, desk.exchanges, is_staged(desk.stage))
    assert desk.context.in_memory.unexchanged is None


async def test_an_outage_of_hours_costs_one_login_and_its_end_another() -> None:
    desk = Setup()
    for _ in range(20):
        outcome = await desk.login(DOWN, later=timedelta(minutes=10))
        assert ("transient", Reason.BROKER_UNAVAILABLE) == (outcome.result, outcome.reason)
    assert 1 == desk.logins
    ledger = await desk.stage.ledger()
    assert [1] == [entry.count for entry in ledger.logins]
    assert "rejected" == (await desk.login(REFUSED)).result
    assert 2 == desk.logins


async def test_a_dead_token_is_followed_by_a_login_at_once() -> None:
    desk = Setup()
    await desk.login(DOWN)

    async def refuse_once() -> None:
        desk.stage.exchanged = REFUSED if desk.exchanges == 1 else None

    desk.stage.at["before-exchange"] = refuse_once
    outcome = await desk.login(DOWN, later=timedelta(minutes=10))
    assert ("staged", 2, 3) == (outcome.result, desk.logins, desk.exchanges)


@pytest.mark.parametrize(("later", "logins"), [(timedelta(minutes=2), 1), (timedelta(minutes=6), 2)])
async def test_an_exchange_that_fails_without_an_outage_is_retried_only_while_the_token_can_be_alive(
    later: timedelta, logins: int
) -> None:
    desk = Setup()
    await desk.login(ODD)
    await desk.login(ODD, later=later)
    assert logins == desk.logins


async def test_a_spent_token_is_not_tried_again() -> None:
    desk = Setup()
    outcome = await desk.login(malformed(Step.EXCHANGE, "without data"))
    assert desk.context.in_memory.unexchanged is None
    assert outcome.failed is not None
    assert outcome.failed.failures.next_retry_time is not None
    wait = outcome.failed.failures.next_retry_time - desk.stage.clock.now()
    assert wait >= timedelta(minutes=10)


async def test_a_wrong_api_secret_is_found_without_another_login() -> None:
    desk = Setup()
    await desk.login(DOWN)
    outcome = await desk.login(WRONG_SECRET)
    assert ("rejected", Reason.APP_SECRET_REJECTED, 1) == (outcome.result, outcome.reason, desk.logins)
    assert [Reason.APP_SECRET_REJECTED] == [each.reason for each in (await desk.stage.ledger()).rejections]


async def test_a_lapsed_subscription_costs_one_login_and_its_renewal_another() -> None:
    desk = Setup()
    for _ in range(5):
        outcome = await desk.login(LAPSED, later=timedelta(minutes=10))
        assert ("transient", Reason.SUBSCRIPTION_INACTIVE, 1) == (outcome.result, outcome.reason, desk.logins)
    assert () == (await desk.stage.ledger()).rejections
    await desk.login(REFUSED, later=timedelta(minutes=10))
    assert 2 == desk.logins


async def test_the_request_token_of_another_app_is_not_used() -> None:
    desk = Setup()
    await desk.login(DOWN)
    moved = replace(desk.context.observed, app=UsableApp(APP, replace(VERSIONS, api_key="key-v2")))
    desk.context = Context(replace(desk.context.gathered, observed=moved), desk.context.in_memory)
    await desk.login(None, later=timedelta(minutes=1))
    assert 2 == desk.logins


async def test_the_lock_is_released_each_time_and_the_token_is_never_shown() -> None:
    desk = Setup()
    for failure in (DOWN, DOWN, None):
        await desk.login(failure)
        assert () == (await desk.stage.ledger()).locks
        assert [] == [*leaks(repr(desk.context.in_memory))]
        assert REQUEST_TOKEN not in repr(desk.context.in_memory)
