"""Reminders: one at each mark of a day's deadline, for a credential that will not be ready without a user."""

from dataclasses import replace
from datetime import datetime, time, timedelta

import pytest

from kite_operator.decide.observed import Observed, TargetView
from kite_operator.decide.plan import Wait
from kite_operator.decide.reminder import (
    due_reminder,
    early_mark,
    needs_action,
    next_mark,
    next_reconcile,
)
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import Reminder, ReminderMark, Status, Timing
from kite_operator.model.sources import Problem
from support.facts import (
    account,
    alive,
    as_recorded,
    attempt,
    credential,
    dead,
    failures,
    ist,
    observed,
    published,
    rejection,
    waited,
)

SECOND = timedelta(seconds=1)
MANUAL = credential(mode="Manual")
DEADLINE = ist("08:45")


def waiting(now: datetime, **changes: object) -> Observed:
    """Return a state in mode Manual without a session: a manual login is required."""
    return observed(now, credential=replace(MANUAL, **changes))  # type: ignore[arg-type]  # any field of a credential


def reminded(deadline: datetime, mark: ReminderMark) -> Status:
    return Status(last_reminder=Reminder(deadline, mark, deadline))


def due(seen: Observed) -> ReminderMark | None:
    """Return the mark of the reminder that is due now."""
    reminder = due_reminder(seen, as_recorded(seen))
    return reminder.mark if reminder is not None else None


@pytest.mark.parametrize(
    ("clock_time", "mark"),
    [
        ("06:00:00", None),
        ("08:14:59", None),
        ("08:15:00", ReminderMark.EARLY),
        ("08:44:59", ReminderMark.EARLY),
        ("08:45:00", ReminderMark.READY_BY),
        ("14:44:59", ReminderMark.READY_BY),
        ("14:45:00", None),
        ("23:59:59", None),
    ],
)
def test_it_is_due_from_each_mark_on_and_not_before(clock_time: str, mark: ReminderMark | None) -> None:
    assert mark == due(waiting(ist(clock_time)))


@pytest.mark.parametrize("clock_time", ["00:00:00", "05:59:59", "06:00:00"])
def test_nothing_is_due_from_midnight_to_the_end_of_the_session_day(clock_time: str) -> None:
    assert due(waiting(ist(clock_time, day=3))) is None


def test_it_names_the_deadline_of_the_session_day() -> None:
    now = ist("08:20")
    assert Reminder(DEADLINE, ReminderMark.EARLY, now) == due_reminder(waiting(now), waited(waiting(now)))


@pytest.mark.parametrize(
    ("clock_time", "last", "mark"),
    [
        ("08:20", ReminderMark.EARLY, None),
        ("08:20", ReminderMark.READY_BY, None),
        ("08:50", ReminderMark.EARLY, ReminderMark.READY_BY),
        ("08:50", ReminderMark.READY_BY, None),
        ("14:00", ReminderMark.READY_BY, None),
    ],
)
def test_a_sent_reminder_is_not_sent_again(clock_time: str, last: ReminderMark, mark: ReminderMark | None) -> None:
    assert mark == due(waiting(ist(clock_time), status=reminded(DEADLINE, last)))


def test_the_next_day_has_reminders_of_its_own() -> None:
    status = reminded(DEADLINE, ReminderMark.READY_BY)
    assert ReminderMark.EARLY == due(waiting(ist("08:15", day=3), status=status))


def test_another_deadline_on_the_same_day_has_reminders_of_its_own() -> None:
    status, later = reminded(DEADLINE, ReminderMark.READY_BY), Timing(ready_by=time(10, 0))
    assert ReminderMark.EARLY == due(waiting(ist("09:40"), status=status, timing=later))


def test_after_a_late_start_only_the_later_mark_is_sent() -> None:
    now = ist("11:00")
    reminder = due_reminder(waiting(now), waited(waiting(now)))
    assert reminder is not None
    assert ReminderMark.READY_BY == reminder.mark
    assert due(waiting(now, status=Status(last_reminder=reminder))) is None


def test_a_clock_that_was_set_back_repeats_nothing() -> None:
    assert due(waiting(ist("08:30"), status=reminded(DEADLINE, ReminderMark.READY_BY))) is None
    assert due(waiting(ist("07:00"), status=reminded(DEADLINE, ReminderMark.EARLY))) is None


def test_a_clock_that_was_a_year_ahead_suppresses_no_reminder() -> None:
    ahead = reminded(DEADLINE + timedelta(days=365), ReminderMark.READY_BY)
    assert ReminderMark.EARLY == due(waiting(ist("08:20"), status=ahead))


@pytest.mark.parametrize(
    ("created", "clock_time", "mark"),
    [
        ("2026-03-02T02:45:00Z", "08:20", ReminderMark.EARLY),
        ("2026-03-02T02:45:01Z", "08:20", None),
        ("2026-03-02T03:00:00Z", "08:50", ReminderMark.READY_BY),
        ("2026-03-02T04:00:00Z", "09:40", None),
        ("not a time", "08:20", ReminderMark.EARLY),
    ],
)
def test_a_credential_is_not_late_for_a_mark_before_its_time(
    created: str, clock_time: str, mark: ReminderMark | None
) -> None:
    assert mark == due(waiting(ist(clock_time), created=created))


def test_a_deadline_soon_after_the_flush_has_its_first_mark_at_the_flush() -> None:
    assert ist("06:00") == early_mark(ist("06:10"))
    assert ist("06:00") == early_mark(ist("06:30"))
    assert ist("06:01") == early_mark(ist("06:31"))


def test_on_a_day_that_is_not_refreshed_no_reminder_is_sent() -> None:
    class Closed:
        def is_trading_day(self, _day: object) -> bool:
            return False

    shut = Timing(days="TradingDays", calendar=Closed())  # type: ignore[arg-type]  # a calendar with one answer
    seen = waiting(ist("08:20"), timing=shut)
    plan = Wait(Reason.LOGIN_REQUIRED, "log in", login_required=True)
    assert due_reminder(seen, plan) is None
    assert due_reminder(replace(seen, credential=MANUAL), plan) is not None


EIGHT_THIRTY = ist("08:30")
MISSING = Problem(Reason.APP_SECRET_NOT_FOUND, "it does not exist")
TODAY = published(ist("07:40"))
NEEDY: dict[str, Observed] = {
    "a login by hand": waiting(EIGHT_THIRTY),
    "a block": observed(EIGHT_THIRTY, account=account(attempt("block-1", at=ist("07:40")))),
    "a rejected app": observed(
        EIGHT_THIRTY,
        account=account(rejections=(rejection(Reason.APP_SECRET_REJECTED, app="app-v1"),)),
    ),
    "a missing app Secret": observed(EIGHT_THIRTY, app=MISSING),
    "a login Secret that cannot be used": observed(
        EIGHT_THIRTY, factors=Problem(Reason.TOTP_SECRET_INVALID, "it is not one")
    ),
    "somebody else's target": observed(
        EIGHT_THIRTY, target=TargetView(exists=True, problem=Problem(Reason.TARGET_NOT_OWNED, "not ours"))
    ),
    "a spec that cannot be used": observed(
        EIGHT_THIRTY, credential=credential(problems=("spec.clientID is required",))
    ),
    "a token of today that died": observed(
        EIGHT_THIRTY,
        credential=MANUAL,
        held=TODAY,
        probes=dead(EIGHT_THIRTY),
        target=TargetView(exists=True, marked_dead=True),
    ),
}
CONTENT: dict[str, Observed] = {
    "a token of today": observed(EIGHT_THIRTY, credential=MANUAL, held=TODAY, probes=alive(EIGHT_THIRTY)),
    "one that works while its app Secret is missing": observed(
        EIGHT_THIRTY, credential=MANUAL, held=TODAY, probes=alive(EIGHT_THIRTY), app=MISSING
    ),
    "a suspended one": waiting(EIGHT_THIRTY, suspended=True),
    "one that is about to log in": observed(EIGHT_THIRTY),
    "an outage": observed(
        EIGHT_THIRTY,
        credential=credential(
            status=Status(failures=failures(Reason.BROKER_UNAVAILABLE, last=ist("08:25"), retry=ist("08:35")))
        ),
    ),
    "a rival for the target": observed(EIGHT_THIRTY, credential=MANUAL, rival=credential().ref),
}


@pytest.mark.parametrize("name", NEEDY)
def test_a_reminder_is_sent_for(name: str) -> None:
    assert ReminderMark.EARLY == due(NEEDY[name])


@pytest.mark.parametrize("name", CONTENT)
def test_no_reminder_is_sent_for(name: str) -> None:
    assert due(CONTENT[name]) is None


@pytest.mark.parametrize("reason", list(Reason))
def test_an_unclassified_reason_is_reminded_of(reason: Reason) -> None:
    plan = Wait(reason, "as it is")
    assert reason.action_required == needs_action(observed(EIGHT_THIRTY), plan)


@pytest.mark.parametrize(
    ("now", "mark"),
    [
        (ist("06:00"), ist("08:15")),
        (ist("08:15") - SECOND, ist("08:15")),
        (ist("08:15"), ist("08:45")),
        (ist("08:45"), ist("08:15", day=3)),
        (ist("02:00", day=3), ist("08:15", day=3)),
    ],
)
def test_the_next_reconcile_is_at_the_next_mark(now: datetime, mark: datetime) -> None:
    assert mark == next_mark(waiting(now))


@pytest.mark.parametrize(
    ("login_required", "wake_at", "at"),
    [
        (True, None, ist("08:15")),
        (True, ist("09:00"), ist("08:15")),
        (True, ist("08:00"), ist("08:00")),
        (False, None, None),
        (False, ist("09:00"), ist("09:00")),
    ],
)
def test_only_a_credential_that_needs_action_is_reconciled_at_a_mark(
    login_required: bool,  # noqa: FBT001 - a table
    wake_at: datetime | None,
    at: datetime | None,
) -> None:
    plan = Wait(Reason.LOGIN_IN_PROGRESS, "as it is", wake_at=wake_at, login_required=login_required)
    assert at == next_reconcile(waiting(ist("07:50")), plan)


def test_a_deadline_that_no_day_has_causes_no_reconcile_at_once() -> None:
    early = Timing(ready_by=time(5, 0))
    now = ist("05:30", day=3)
    assert now + timedelta(days=1) == next_mark(waiting(now, timing=early))
