"""What people and alerts see of days without trading, and of days of which the calendar knows nothing."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from kite_operator.decide.observed import Observed, TargetView
from kite_operator.decide.outcome import Note
from kite_operator.decide.policies import decide
from kite_operator.model.conditions import LONGEST_MESSAGE, READY
from kite_operator.model.expiry import IST
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import TRADING_DAYS, Credential, Status
from kite_operator.model.trading_days import TradingCalendar
from kite_operator.record.events import gap_note, transition
from kite_operator.record.metrics import Metrics
from kite_operator.record.status import calendar_gap, derive
from support.facts import credential, dead, ist, observed, published

CALENDAR = TradingCalendar((2026,), frozenset({date(2026, 3, 3)}))
MARKED = TargetView(exists=True, matches=True, marked_dead=True)
DEADLINE = "kite_credential_deadline_timestamp_seconds"
LABELS = {"namespace": "desk", "name": "alpha"}


def who(mode: str = "Manual", calendar: TradingCalendar = CALENDAR, **changes: Any) -> Credential:
    made = credential(mode=mode, **changes)
    return replace(made, timing=replace(made.timing, days=TRADING_DAYS, calendar=calendar))


def situation(now: datetime, mode: str = "Manual", **changes: Any) -> Observed:
    """The token of two days before, known to be dead."""
    held = published(now - timedelta(days=2))
    return observed(now, credential=who(mode, **changes), held=held, probes=dead(now), target=MARKED)


def status_of(facts: Observed) -> Status:
    return derive(facts, decide(facts))


@pytest.mark.parametrize("mode", ["Manual", "TOTP"])
def test_on_a_sunday_nobody_is_asked_and_the_next_refresh_is_on_monday(mode: str) -> None:
    status = status_of(situation(ist("12:00", day=8), mode))
    told = {each.type: (each.status, each.reason) for each in status.conditions}
    assert {
        "Ready": ("False", Reason.MARKET_CLOSED),
        "Authenticated": ("False", Reason.TOKEN_DEAD),
        "LoginRequired": ("False", "NotRequired"),
        "Blocked": ("False", "NotBlocked"),
    } == told
    assert ist("07:40", day=9) == status.next_refresh_time
    assert None is status.expires_time


def test_it_is_no_event() -> None:
    before = status_of(situation(ist("05:59", day=7)))
    assert transition(before, status_of(situation(ist("06:00", day=7)))) is None


def deadline(metrics: Metrics) -> float | None:
    return metrics.registry.get_sample_value(DEADLINE, LABELS)


def test_the_deadline_is_shown_on_trading_days_only_and_moves_with_the_clock_alone() -> None:
    now = ist("12:00", day=6)
    metrics = Metrics(lambda: now)
    facts = situation(now)
    metrics.remember(facts, status_of(facts), decide(facts), needed=False)
    for now, expected in (
        (ist("12:00", day=6), ist("08:45", day=6).timestamp()),
        (ist("05:59", day=7), ist("08:45", day=6).timestamp()),
        (ist("06:00", day=7), 0.0),
        (ist("05:59", day=9), 0.0),
        (ist("06:00", day=9), ist("08:45", day=9).timestamp()),
        (ist("12:00", day=3), 0.0),
    ):
        assert (now, expected) == (now, deadline(metrics))


def test_with_daily_every_day_has_a_deadline_unless_the_credential_is_suspended() -> None:
    now = ist("12:00", day=8)
    metrics = Metrics(lambda: now)
    for suspended, expected in ((False, ist("08:45", day=8).timestamp()), (True, 0.0)):
        facts = observed(now, credential=credential(suspended=suspended))
        metrics.remember(facts, status_of(facts), decide(facts), needed=False)
        assert expected == deadline(metrics)


def test_the_end_of_the_calendar_is_shown() -> None:
    metrics = Metrics(lambda: ist("12:00"))
    for moment, expected in ((datetime(2027, 1, 1, 6, tzinfo=IST), 1798763400.0), (None, 0.0)):
        metrics.calendar_ends(moment)
        assert expected == metrics.registry.get_sample_value("kite_operator_trading_calendar_end_timestamp_seconds")


def note_of(old: Status, facts: Observed) -> Note | None:
    return gap_note(old, status_of(facts), calendar_gap(facts))


def test_a_gap_is_told_in_the_condition_and_by_one_event() -> None:
    new_year = datetime(2027, 1, 1, 12, tzinfo=IST)
    last = situation(new_year - timedelta(days=1))
    assert "2027" not in str(status_of(situation(new_year - timedelta(days=2))).condition(READY))
    told = note_of(Status(), last)
    assert told is not None
    assert (Reason.CALENDAR_UNKNOWN, True) == (told.reason, told.warning)
    assert "holidays of 2027" in told.message
    for later in (timedelta(days=1), timedelta(days=2), timedelta(days=200)):
        facts = situation(new_year + later)
        assert "holidays of 2027" in str(status_of(facts).condition(READY))
        assert None is note_of(status_of(last), facts)


def test_the_next_year_is_told_anew() -> None:
    december = status_of(situation(datetime(2027, 12, 30, 12, tzinfo=IST)))
    told = note_of(december, situation(datetime(2028, 1, 1, 12, tzinfo=IST)))
    assert told is not None
    assert "holidays of 2028" in told.message


def test_a_day_that_the_settings_name_is_no_gap() -> None:
    days = frozenset({date(2027, 1, 1), date(2027, 1, 2)})
    known = replace(CALENDAR, extra_holidays=days)
    for day, gap in ((31, False), (32, False), (33, True)):
        now = datetime(2026, 12, 1, 12, tzinfo=IST) + timedelta(days=day - 1)
        assert gap is bool(calendar_gap(situation(now, calendar=known)))


def test_with_daily_nobody_is_told_of_a_calendar() -> None:
    facts = observed(datetime(2040, 1, 1, 12, tzinfo=IST), credential=credential(mode="Manual"))
    assert "" == calendar_gap(facts)
    assert "calendar" not in str(status_of(facts))


def test_a_long_message_leaves_room_for_the_gap() -> None:
    problems = ("x" * 2 * LONGEST_MESSAGE,)
    facts = situation(datetime(2027, 6, 1, 12, tzinfo=IST), problems=problems)
    ready = status_of(facts).condition(READY)
    assert ready is not None
    assert LONGEST_MESSAGE == len(ready.message)
    assert ready.message.endswith(calendar_gap(facts))
    assert note_of(Status(), facts) is not None
    assert None is note_of(status_of(facts), facts)
