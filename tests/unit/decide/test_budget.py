"""Attempt budget by example: counted entries, blocks, and acknowledgements."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from kite_operator.decide import budget
from kite_operator.decide.budget import Block, Submission
from kite_operator.decide.seed import seeded
from kite_operator.model.account import Attempt, AttemptLedger, AttemptOutcome, LoginCount, Ref
from kite_operator.model.conditions import Condition
from kite_operator.model.errors import ReservationRefused, Step
from kite_operator.model.expiry import IST
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Failures, Status
from support.facts import NOON, OTHER, REF, VERSIONS, account, attempt, blocked_status, claim, credential, rejection

LATER = NOON + timedelta(minutes=30)
LONG_AGO = NOON - timedelta(hours=1)
PASSWORD_V1 = Submission(Step.PASSWORD, "login-v1", REF)
MINUTE = timedelta(minutes=1)


def pending(name: str, at: datetime = NOON, **changes: object) -> Attempt:
    return attempt(name, AttemptOutcome.PENDING, at=at, **changes)


def code(
    name: str, outcome: AttemptOutcome = AttemptOutcome.PENDING, *, window: int = 1, at: datetime = NOON
) -> Attempt:
    return attempt(name, outcome, at=at, step=Step.TOTP, window=window)


def block(ledger: AttemptLedger, version: str = "login-v1", by: Ref = REF) -> Block:
    found = budget.block_for(ledger, version, by)
    assert found is not None
    return found


def refusal(ledger: AttemptLedger, submission: Submission, new: Attempt, now: datetime = NOON) -> ReservationRefused:
    with pytest.raises(ReservationRefused) as caught:
        budget.reserve(ledger, submission, new, now)
    return caught.value


# Reservations.


def test_a_first_submission_is_reserved() -> None:
    assert account(pending("a")) == budget.reserve(account(), PASSWORD_V1, pending("a"), NOON)


def test_a_second_one_waits_for_the_outcome_of_the_first() -> None:
    refused = refusal(account(pending("a")), PASSWORD_V1, pending("b"), NOON + timedelta(seconds=5))
    assert (Reason.LOGIN_IN_PROGRESS, NOON + timedelta(seconds=45)) == (refused.reason, refused.retry_at)


def test_an_unsettled_reservation_counts_and_the_first_of_a_day_is_forgiven() -> None:
    ledger = budget.reserve(account(pending("a")), PASSWORD_V1, pending("b", LATER), LATER)
    assert [(AttemptOutcome.EXPIRED, True), (AttemptOutcome.PENDING, False)] == [
        (a.outcome, a.forgiven) for a in ledger.attempts
    ]
    assert 2 == budget.counted(ledger)
    afterwards = budget.settle_expired(ledger, LATER + MINUTE)
    assert Reason.ATTEMPT_OUTCOME_UNKNOWN is block(afterwards).reason


def test_the_day_of_forgiveness_is_the_indian_one() -> None:
    evening = datetime(2026, 3, 2, 23, 50, tzinfo=IST)
    ledger = budget.settle_expired(account(pending("a", evening)), evening + MINUTE)
    ledger = budget.settle_expired(ledger.with_attempt(pending("b", evening)), evening + 11 * MINUTE)
    assert [True, True] == [each.forgiven for each in ledger.attempts]


def test_a_clock_that_is_set_back_a_day_forgives_nothing_twice() -> None:
    ledger = budget.settle_expired(account(pending("a")), LATER)
    yesterday = NOON - timedelta(days=1)
    ledger = budget.settle_expired(ledger.with_attempt(pending("b", yesterday)), yesterday + MINUTE)
    assert [True, False] == [each.forgiven for each in ledger.attempts]


def test_a_code_is_reserved_in_a_window_later_than_every_used_one() -> None:
    submission = Submission(Step.TOTP, "login-v1", REF, window=59_000_000)
    ledger = budget.reserve(account(), submission, code("a"), NOON)
    assert 59_000_000 == ledger.last_window
    refused = refusal(budget.settle(ledger, code("a"), AttemptOutcome.WRONG, NOON), submission, code("b"))
    assert (Reason.WAITING_FOR_TOTP_WINDOW, 59_000_001 * 30) == (
        refused.reason,
        refused.retry_at.timestamp() if refused.retry_at else None,
    )


def test_a_code_without_a_window_is_an_internal_error() -> None:
    refused = refusal(account(), Submission(Step.TOTP, "login-v1", REF), code("a"))
    assert Reason.INTERNAL_ERROR is refused.reason


# Blocks.


def test_after_four_wrong_entries_nothing_is_left_and_the_fourth_names_the_block() -> None:
    ledger = account(*(attempt(name, version=f"login-{name}") for name in "abcd"))
    refused = refusal(ledger, PASSWORD_V1, pending("e"))
    assert Reason.ATTEMPT_BUDGET_EXHAUSTED is refused.reason
    assert "d" == block(ledger).id


def test_an_unproven_claimant_is_stopped_at_two_while_another_is_proven() -> None:
    ledger = account(attempt("a", by=OTHER), attempt("b", by=OTHER), claims=(claim(REF),))
    theirs = block(ledger, "login-v9", OTHER)
    assert Reason.ATTEMPT_BUDGET_EXHAUSTED is theirs.reason
    assert "Another KiteCredential has proven" in theirs.message
    assert budget.block_for(ledger, "login-v2", REF) is None


def test_that_limit_is_not_lifted_by_an_acknowledgement() -> None:
    ledger = account(attempt("a", by=OTHER), attempt("b", by=OTHER), claims=(claim(REF),))
    with pytest.raises(ReservationRefused, match="Another KiteCredential"):
        budget.acknowledge(ledger, block(ledger, "login-v9", OTHER), "key-v2", NOON)


def test_only_the_proven_holder_reopens_an_exhausted_budget() -> None:
    ledger = account(*(attempt(name, version=f"login-{name}") for name in "abcd"), claims=(claim(REF),))
    with pytest.raises(ReservationRefused, match="Another KiteCredential"):
        budget.acknowledge(ledger, block(ledger, "login-v9", OTHER), "key-v2", NOON)
    reopened = budget.acknowledge(ledger, block(ledger, "login-v9", REF), "key-v1", NOON)
    assert budget.block_for(reopened, "login-v9", REF) is None


def test_the_successor_of_the_proven_holder_is_proven() -> None:
    ledger = account(attempt("a"), attempt("b"), claims=(claim(REF),))
    assert budget.LIMIT == budget.limit_for(ledger, replace(REF, uid="next"))


# Completed logins.


def test_an_accepted_password_alone_resets_nothing() -> None:
    ledger = account(attempt("a", version="login-v0"), pending("b"))
    assert account(attempt("a", version="login-v0")) == budget.settle(
        ledger, pending("b"), AttemptOutcome.ACCEPTED, NOON
    )


def completed(ledger: AttemptLedger, with_code: Attempt, now: datetime = LATER) -> AttemptLedger:
    return budget.complete(budget.settle(ledger, with_code, AttemptOutcome.ACCEPTED, now), REF, now)


def test_a_completed_login_removes_earlier_attempts() -> None:
    ledger = account(attempt("a"), attempt("b", AttemptOutcome.UNKNOWN), code("c"), allowed_more=1)
    assert account() == completed(ledger, code("c"))


def test_an_expired_reservation_stays_counted_for_a_day_without_blocking() -> None:
    ledger = account(attempt("a", AttemptOutcome.EXPIRED), code("c"))
    kept = completed(ledger, code("c"))
    assert (1, None) == (budget.counted(kept), budget.block_for(kept, "login-v1", REF))
    assert account() == completed(kept.with_attempt(code("d")), code("d"), NOON + timedelta(days=1, minutes=1))


def test_a_late_answer_removes_nothing_that_was_reserved_after_it() -> None:
    """Process A's accepted code is written late; meanwhile B's password was refused, after the reset at the broker."""
    ledger = account(code("a", AttemptOutcome.EXPIRED), attempt("b"), pending("c"))
    assert account(attempt("b"), pending("c")) == completed(ledger, code("a"))


def test_an_answer_to_an_attempt_that_is_not_in_the_ledger_removes_nothing() -> None:
    ledger = account(attempt("b"))
    assert ledger == completed(ledger, code("a"))


def test_a_manual_login_removes_attempts_older_than_its_request_token_can_be() -> None:
    ledger = account(attempt("a", at=LATER - 6 * MINUTE), attempt("b", at=LATER - 4 * MINUTE))
    assert ["b"] == [each.id for each in budget.complete(ledger, REF, LATER).attempts]


def test_a_manual_login_keeps_an_acknowledged_block_reopened() -> None:
    four = account(*(attempt(name, version=f"login-{name}") for name in "abcd"))
    reopened = budget.acknowledge(four, block(four), "key-v1", NOON)
    kept = budget.complete(reopened, REF, NOON + MINUTE)
    assert (4, 1, None) == (budget.counted(kept), kept.allowed_more, budget.block_for(kept, "login-v1", REF))


def test_a_completed_login_withdraws_the_extra_submissions() -> None:
    ledger = replace(account(attempt("a"), attempt("b"), code("c")), allowed_more=2)
    assert 0 == completed(ledger, code("c")).allowed_more


# Late answers.


def test_a_late_wrong_password_is_put_back_into_the_ledger() -> None:
    assert account(attempt("a")) == budget.settle(account(), pending("a"), AttemptOutcome.WRONG, LATER)


def test_a_late_wrong_password_blocks_its_version_although_a_login_was_completed_since() -> None:
    kept = completed(account(attempt("a", AttemptOutcome.EXPIRED), code("c")), code("c"))
    ledger = budget.settle(kept, pending("a"), AttemptOutcome.WRONG, LATER)
    assert Reason.PASSWORD_REJECTED is block(ledger).reason


def test_a_late_outcome_of_an_acknowledged_attempt_blocks_under_a_new_id_that_can_be_acknowledged() -> None:
    ledger = account(attempt("a", AttemptOutcome.EXPIRED), forgiven_on=NOON.date())
    ledger = budget.acknowledge(ledger, block(ledger), "key-v1", NOON)
    ledger = budget.settle(ledger, pending("a"), AttemptOutcome.WRONG, LATER)
    late_block = block(ledger)
    assert (Reason.PASSWORD_REJECTED, "a-late", 1) == (late_block.reason, late_block.id, budget.counted(ledger))
    reopened = budget.acknowledge(ledger, late_block, "key-v1", LATER)
    assert budget.block_for(reopened, "login-v1", REF) is None


@pytest.mark.parametrize("outcome", [AttemptOutcome.UNSENT, AttemptOutcome.ACCEPTED])
def test_an_attempt_under_its_new_id_is_still_found(outcome: AttemptOutcome) -> None:
    ledger = account(attempt("a-late", AttemptOutcome.EXPIRED))
    assert account() == budget.settle(ledger, pending("a"), outcome, LATER)


def test_an_expired_reservation_stays_expired_when_its_outcome_is_unknown() -> None:
    ledger = account(attempt("a", AttemptOutcome.EXPIRED, forgiven=True))
    assert ledger == budget.settle(ledger, pending("a"), AttemptOutcome.UNKNOWN, LATER)


# Acknowledgements.


def test_an_acknowledgement_is_honoured_once() -> None:
    ledger = account(attempt("a"))
    stood = block(ledger)
    reopened = budget.acknowledge(ledger, stood, "key-v1", NOON)
    assert budget.block_for(reopened, "login-v1", REF) is None
    with pytest.raises(ReservationRefused, match="honoured once"):
        budget.acknowledge(reopened, stood, "key-v1", NOON + timedelta(days=3))


def test_two_a_day_are_honoured_and_the_next_day_another() -> None:
    ledger = account()
    for name in "ab":
        ledger = ledger.with_attempt(attempt(name))
        ledger = budget.acknowledge(ledger, block(ledger), "key-v1", NOON)
    ledger = ledger.with_attempt(attempt("c"))
    with pytest.raises(ReservationRefused, match="honoured tomorrow"):
        budget.acknowledge(ledger, block(ledger), "key-v1", NOON)
    tomorrow = budget.acknowledge(ledger, block(ledger), "key-v1", NOON + timedelta(days=1))
    assert ["a", "b", "c"] == [each.block_id for each in tomorrow.acknowledgements]


def test_at_the_limit_an_acknowledgement_allows_one_more() -> None:
    ledger = account(*(attempt(name, version=f"login-{name}") for name in "abcd"))
    ledger = budget.acknowledge(ledger, block(ledger), "key-v1", NOON)
    ledger = budget.reserve(ledger, PASSWORD_V1, pending("e"), NOON)
    ledger = budget.settle(ledger, pending("e"), AttemptOutcome.WRONG, NOON)
    assert (Reason.ATTEMPT_BUDGET_EXHAUSTED, "e") == (block(ledger).reason, block(ledger).id)


def test_an_acknowledged_reservation_that_expired_does_not_block_again() -> None:
    ledger = account(pending("a", LONG_AGO), forgiven_on=NOON.date())
    stood = block(budget.settle_expired(ledger, NOON))
    reopened = budget.acknowledge(ledger, stood, "key-v1", NOON)
    assert budget.block_for(budget.settle_expired(reopened, LATER), "login-v1", REF) is None


def test_an_acknowledged_rejection_reopens_nothing_else() -> None:
    wrong = (attempt("a"), *(attempt(name, version=f"login-{name}") for name in "bcd"))
    other = rejection(Reason.APP_REJECTED, by=OTHER)
    ledger = account(*wrong, rejections=(rejection(Reason.REVOKED), other))
    refused = budget.Block("rejected-Revoked", Reason.REVOKED, "x")
    reopened = budget.acknowledge(ledger, refused, "key-v1", NOON)
    assert account(*wrong, rejections=(other,), acknowledgements=reopened.acknowledgements) == reopened
    assert ["rejected-Revoked"] == [each.block_id for each in reopened.acknowledgements]
    assert Reason.ATTEMPT_BUDGET_EXHAUSTED is block(reopened).reason


def test_an_acknowledged_password_leaves_the_other_versions_refused() -> None:
    ledger = account(attempt("a"), attempt("b", version="login-v2", by=OTHER))
    reopened = budget.acknowledge(ledger, block(ledger, "login-v2", OTHER), "key-v2", NOON)
    assert budget.block_for(reopened, "login-v2", OTHER) is None
    assert block(ledger) == block(reopened)


def test_at_the_limit_an_acknowledgement_reopens_the_present_version_alone() -> None:
    ledger = account(*(attempt(name, version=f"login-{name}") for name in "abcd"))
    reopened = budget.acknowledge(ledger, block(ledger), "key-v1", NOON)
    assert budget.block_for(reopened, "login-v1", REF) is None
    assert Reason.PASSWORD_REJECTED is block(reopened, "login-d").reason


def test_old_acknowledgements_are_removed() -> None:
    ledger = account()
    for day in range(40):
        ledger = ledger.with_attempt(attempt(f"a{day}"))
        ledger = budget.acknowledge(ledger, block(ledger), "key-v1", NOON + timedelta(days=day))
        ledger = replace(ledger, attempts=())
    assert 30 == len(ledger.acknowledgements)


# Logins, and the lock.


def test_the_fourth_login_of_a_day_is_contested_until_acknowledged() -> None:
    ledger = account()
    for _ in range(3):
        assert budget.contested(ledger, "key-v1", NOON) is None
        ledger = budget.count_login(ledger, "key-v1", NOON)
    used_up = budget.contested(ledger, "key-v1", NOON)
    assert used_up is not None
    assert budget.contested(ledger, "key-v2", NOON) is None
    ledger = budget.acknowledge(ledger, used_up, "key-v1", NOON)
    assert budget.contested(ledger, "key-v1", NOON) is None
    again = budget.contested(budget.count_login(ledger, "key-v1", NOON), "key-v1", NOON)
    assert again is not None
    assert used_up.id != again.id


def test_login_counts_of_past_days_are_removed_and_of_future_days_are_not() -> None:
    tomorrow, yesterday = NOON.date() + timedelta(days=1), NOON.date() - timedelta(days=1)
    ledger = account(logins=(LoginCount("key-v1", yesterday, 3), LoginCount("key-v1", tomorrow, 3)))
    counted = budget.count_login(ledger, "key-v1", NOON)
    assert {tomorrow: 3, NOON.date(): 1} == {entry.day: entry.count for entry in counted.logins}


# A lost Lease.


@pytest.mark.parametrize(
    "reason",
    [
        Reason.PASSWORD_REJECTED,
        Reason.TOTP_REJECTED,
        Reason.ATTEMPT_OUTCOME_UNKNOWN,
        Reason.ATTEMPT_BUDGET_EXHAUSTED,
    ],
)
@pytest.mark.parametrize("count", [0, 1, 9])
def test_a_block_in_status_outlives_its_lease(reason: Reason, count: int) -> None:
    status = blocked_status(reason, "block-7", failures=Failures(count, reason))
    ledger = seeded(credential(status=status), VERSIONS, NOON)
    assert ledger is not None
    assert (reason, "block-7") == (block(ledger).reason, block(ledger).id)


def test_after_a_lost_lease_one_entry_is_left_at_most() -> None:
    ledger = seeded(credential(status=blocked_status(Reason.PASSWORD_REJECTED, "b")), VERSIONS, NOON)
    assert ledger is not None
    assert budget.LIMIT - 1 == budget.counted(ledger)
    assert budget.block_for(ledger, "login-v2", REF) is None


def test_after_a_lost_lease_no_unknown_outcome_of_the_day_is_forgiven() -> None:
    ledger = seeded(credential(status=blocked_status(Reason.CONSENT_REQUIRED, "b")), VERSIONS, NOON)
    assert ledger is not None
    assert not budget.settle_expired(ledger.with_attempt(pending("a")), LATER).attempts[0].forgiven


def test_a_rejection_goes_on_for_the_present_inputs_with_the_message_in_status() -> None:
    ledger = seeded(credential(status=blocked_status(Reason.CONSENT_REQUIRED, "b")), VERSIONS, NOON)
    assert ledger is not None
    [rejection] = ledger.rejections
    assert ("b", Reason.CONSENT_REQUIRED, "it was refused") == (rejection.id, rejection.reason, rejection.message)


def test_a_contested_session_stays_contested() -> None:
    ledger = seeded(credential(status=blocked_status(Reason.SESSION_CONTESTED, "b")), VERSIONS, NOON)
    assert ledger is not None
    assert budget.contested(ledger, VERSIONS.api_key, NOON) is not None


@pytest.mark.parametrize(
    "status", [Status(), Status(conditions=(Condition("Blocked", "False", "NotBlocked", ""),)), Status(block_id="x")]
)
def test_without_a_block_in_status_nothing_is_seeded(status: Status) -> None:
    assert seeded(credential(status=status), VERSIONS, NOON) is None
