"""A login by a clock that is not the broker's: sent and refused submissions, and the cause that is named (P1)."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from kite_operator.broker.wire import HttpResponse
from kite_operator.decide.budget import block_for
from kite_operator.model.account import Attempt, AttemptOutcome
from kite_operator.model.errors import Step
from kite_operator.model.reasons import Reason
from kite_operator.record.outcome import ActOutcome
from support.acting import LEASE, Stage
from support.broker_fakes import NOW, happy_answers, login_page, password_accepted, refusal
from support.facts import REF, VERSIONS, account, attempt, failures

WRONG_CODE = refusal(403, "TwoFAException")
SUBMISSIONS = {Step.PASSWORD, Step.TOTP}


def page(ahead: float) -> HttpResponse:
    """Return the login page, dated by a broker that our clock is ahead of; NOW is the start of a TOTP window."""
    dated = (NOW - timedelta(seconds=ahead)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    return replace(login_page(), headers={"date": dated}, asked_at=NOW)


def refused_code(**changes: Any) -> Attempt:
    return attempt("first", step=Step.TOTP, window=1, **changes)


async def login(ahead: float, *attempts: Attempt, second: float = 0.0) -> tuple[ActOutcome, Stage]:
    """Make one login whose clock is `ahead`, `second` seconds into a window."""
    stage = Stage([page(ahead), *happy_answers()[1:]])
    stage.clock.wall = NOW + timedelta(seconds=second)
    return await stage.log_in(stage.context(account=account(*attempts) if attempts else None)), stage


def submitted(stage: Stage) -> list[Step]:
    return [request.step for request in stage.transport.sent if request.step in SUBMISSIONS]


@pytest.mark.parametrize(("ahead", "expected"), [(95, "94 s ahead"), (-95, "96 s behind"), (7200, "7200 s ahead")])
async def test_a_clock_too_far_off_for_any_code_costs_no_submission(ahead: float, expected: str) -> None:
    outcome, stage = await login(ahead)
    assert ("transient", Reason.CLOCK_SKEW) == (outcome.result, outcome.reason)
    assert [] == submitted(stage)
    assert outcome.failed is not None
    assert all(words in outcome.failed.message for words in (expected, "nothing was submitted", "NTP"))
    ledger = await stage.ledger()
    assert ((), (), None) == (ledger.attempts, ledger.rejections, ledger.lock)


async def test_the_clock_offset_is_measured_again_with_backoff() -> None:
    stage = Stage([page(95)])
    before = failures(Reason.CLOCK_SKEW, last=NOW, count=3)
    who = stage.context().credential
    context = stage.context(credential=who.with_status(replace(who.status, failures=before)))
    outcome = await stage.log_in(context)
    assert outcome.failed is not None
    assert outcome.failed.failures.next_retry_time is not None
    assert 4 == outcome.failed.failures.count
    assert outcome.failed.failures.next_retry_time - NOW > timedelta(seconds=60)


@pytest.mark.parametrize("ahead", [0, 3, -3, 40, -40, 59])
async def test_a_code_that_may_be_right_is_tried(ahead: float) -> None:
    outcome, stage = await login(ahead)
    assert ("staged", [Step.PASSWORD, Step.TOTP]) == (outcome.result, submitted(stage))


@pytest.mark.parametrize("ahead", [40, -40, 25])
async def test_after_a_refused_code_no_code_is_sent_while_the_clock_may_be_the_reason(ahead: float) -> None:
    outcome, stage = await login(ahead, refused_code())
    assert ("transient", Reason.CLOCK_SKEW, []) == (outcome.result, outcome.reason, submitted(stage))
    assert outcome.failed is not None
    assert "a code was refused" in outcome.failed.message


@pytest.mark.parametrize(
    ("ahead", "first"),
    [
        (0, refused_code()),
        (40, refused_code(acknowledged=True)),
        (40, refused_code(version="another-secret")),
        (40, refused_code(outcome=AttemptOutcome.UNKNOWN, forgiven=True)),
    ],
)
async def test_a_right_clock_another_secret_or_an_acknowledgement_allows_the_second_code(
    ahead: float, first: Attempt
) -> None:
    _, stage = await login(ahead, first)
    assert [Step.PASSWORD, Step.TOTP] == submitted(stage)


@pytest.mark.parametrize(
    ("ahead", "second", "wait"), [(10, 0, 10.0), (10, 5, 5.0), (10, 26.5, None), (-10, 0, None), (-10, 20, 10.0)]
)
async def test_a_bearable_offset_awaits_the_window_that_both_clocks_share_before_the_password(
    ahead: float, second: float, wait: float | None
) -> None:
    stage = Stage([page(ahead - second), *happy_answers()[1:]])
    stage.clock.wall = NOW + timedelta(seconds=second)
    stage.transport.script[0] = replace(page(ahead - second), asked_at=stage.clock.wall, received_at=stage.clock.wall)
    outcome = await stage.log_in(stage.context())
    if wait is None:
        assert "staged" == outcome.result
        return
    assert ("refused", Reason.WAITING_FOR_TOTP_WINDOW, []) == (outcome.result, outcome.reason, submitted(stage))
    assert outcome.retry_at is not None
    assert wait <= (outcome.retry_at - stage.clock.wall).total_seconds() <= wait + 1.5
    assert LEASE not in stage.cluster.objects or (await stage.ledger()).attempts == ()


async def test_the_measured_offset_is_recorded_with_the_code() -> None:
    stage = Stage([page(0), password_accepted(), WRONG_CODE])
    await stage.log_in(stage.context())
    assert [-0.5] == [each.clock_ahead for each in (await stage.ledger()).attempts]


@pytest.mark.parametrize(
    ("clock_ahead", "expected", "absent"),
    [
        (-0.4, ("secret is what is wrong, not the clock", "0 s behind the broker's", "`totp_secret`"), "NTP"),
        (12.3, ("secret is what is wrong, not the clock", "12 s ahead of the broker's", "allowed for"), "NTP"),
        (None, ("`totp_secret`", "NTP"), "not the clock"),
    ],
)
def test_two_refused_codes_name_the_secret_where_the_clock_is_known_to_be_right(
    clock_ahead: float | None, expected: tuple[str, ...], absent: str
) -> None:
    ledger = account(refused_code(), attempt("second", step=Step.TOTP, window=2, clock_ahead=clock_ahead))
    block = block_for(ledger, VERSIONS.login, REF)
    assert block is not None
    assert Reason.TOTP_REJECTED == block.reason
    assert all(words in block.message for words in expected)
    assert absent not in block.message
