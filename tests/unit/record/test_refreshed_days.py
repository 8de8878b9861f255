"""Status, Events and metrics on days without trading, and on days that the calendar does not cover."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from kite_operator.decide.observed import Observed, TargetView
from kite_operator.model.conditions import LONGEST_MESSAGE, READY
from kite_operator.model.expiry import IST
from kite_operator.model.reasons import Reason
from kite_operator.model.resource import TRADING_DAYS, Credential, Status
from kite_operator.model.trading_days import TradingCalendar
from kite_operator.record.events import gap_note, transition
from kite_operator.record.metrics import Metrics
from kite_operator.record.outcome import Note
from kite_operator.record.status import calendar_gap, derive
from support.facts import as_recorded, credential, dead, ist, observed, published

CALENDAR = TradingCalendar((2026,), frozenset({date(2026, 3, 3)}))
MARKED = TargetView(exists=True, matches=True, marked_dead=True)
DEADLINE = "kite_credential_deadline_timestamp_seconds"
LABELS = {"namespace": "desk", "name": "alpha"}


def scheduled(mode: str = "Manual", calendar: TradingCalendar = CALENDAR, **changes: Any) -> Credential:
    made = credential(mode=mode, **changes)
    return replace(made, timing=replace(made.timing, days=TRADING_DAYS, calendar=calendar))


def facts_of(now: datetime, mode: str = "Manual", **changes: Any) -> Observed:
    """Return facts with a token of two days before, known to be dead."""
    held = published(now - timedelta(days=2))
    return observed(now, credential=scheduled(mode, **changes), held=held, probes=dead(now), target=MARKED)


def status_of(facts: Observed) -> Status:
    return derive(facts, as_recorded(facts))


@pytest.mark.parametrize("mode", ["Manual", "TOTP"])
def test_no_action_is_required_on_a_sunday_and_the_next_refresh_is_on_monday(mode: str) -> None:
    status = status_of(facts_of(ist("12:00", day=8), mode))
    conditions = {each.type: (each.status, each.reason) for each in status.conditions}
    assert {
        "Ready": ("False", Reason.MARKET_CLOSED),
        "Authenticated": ("False", Reason.TOKEN_DEAD),
        "LoginRequired": ("False", "NotRequired"),
        "Blocked": ("False", "NotBlocked"),
    } == conditions
    assert ist("07:40", day=9) == status.next_refresh_time
    assert None is status.expires_time


def test_a_day_without_trading_gives_no_event() -> None:
    before = status_of(facts_of(ist("05:59", day=7)))
    assert transition(before, status_of(facts_of(ist("06:00", day=7)))) is None


def deadline(metrics: Metrics) -> float | None:
    return metrics.registry.get_sample_value(DEADLINE, LABELS)


def test_the_deadline_is_shown_on_trading_days_only_and_moves_with_the_clock_alone() -> None:
    now = ist("12:00", day=6)
    metrics = Metrics(lambda: now)
    facts = facts_of(now)
    metrics.remember(facts, status_of(facts), as_recorded(facts), needed=False)
    for now, expected in (
        (ist("12:00", day=6), ist("08:45", day=6).timestamp()),
        (ist("05:59", day=7), ist("08:45", day=6).timestamp()),
        (ist("06:00", day=7), 0.0),
        (ist("05:59", day=9), 0.0),
        (ist("06:00", day=9), ist("08:45", day=9).timestamp()),
        (ist("12:00", day=3), 0.0),
    ):
        assert (now, expected) == (now, deadline(metrics))


def test_the_schedule_daily_gives_every_day_a_deadline_unless_suspended() -> None:
    now = ist("12:00", day=8)
    metrics = Metrics(lambda: now)
    for suspended, expected in ((False, ist("08:45", day=8).timestamp()), (True, 0.0)):
        facts = observed(now, credential=credential(suspended=suspended))
        metrics.remember(facts, status_of(facts), as_recorded(facts), needed=False)
        assert expected == deadline(metrics)


def test_the_end_of_the_calendar_is_shown() -> None:
    metrics = Metrics(lambda: ist("12:00"))
    for moment, expected in ((datetime(2027, 1, 1, 6, tzinfo=IST), 1798763400.0), (None, 0.0)):
        metrics.calendar_ends(moment)
        assert expected == metrics.registry.get_sample_value("kite_operator_trading_calendar_end_timestamp_seconds")


def note_of(old: Status, facts: Observed) -> Note | None:
    return gap_note(old, status_of(facts), calendar_gap(facts))


def test_a_gap_is_reported_in_the_condition_and_by_one_event() -> None:
    new_year = datetime(2027, 1, 1, 12, tzinfo=IST)
    last = facts_of(new_year - timedelta(days=1))
    assert "2027" not in str(status_of(facts_of(new_year - timedelta(days=2))).condition(READY))
    note = note_of(Status(), last)
    assert note is not None
    assert (Reason.CALENDAR_UNKNOWN, True) == (note.reason, note.warning)
    assert "holidays of 2027" in note.message
    for later in (timedelta(days=1), timedelta(days=2), timedelta(days=200)):
        facts = facts_of(new_year + later)
        assert "holidays of 2027" in str(status_of(facts).condition(READY))
        assert None is note_of(status_of(last), facts)


def test_a_gap_in_the_next_year_is_reported_again() -> None:
    december = status_of(facts_of(datetime(2027, 12, 30, 12, tzinfo=IST)))
    note = note_of(december, facts_of(datetime(2028, 1, 1, 12, tzinfo=IST)))
    assert note is not None
    assert "holidays of 2028" in note.message


def test_a_day_in_the_settings_is_no_gap() -> None:
    days = frozenset({date(2027, 1, 1), date(2027, 1, 2)})
    known = replace(CALENDAR, extra_holidays=days)
    for day, gap in ((31, False), (32, False), (33, True)):
        now = datetime(2026, 12, 1, 12, tzinfo=IST) + timedelta(days=day - 1)
        assert gap is bool(calendar_gap(facts_of(now, calendar=known)))


def test_the_schedule_daily_reports_no_gap() -> None:
    facts = observed(datetime(2040, 1, 1, 12, tzinfo=IST), credential=credential(mode="Manual"))
    assert "" == calendar_gap(facts)
    assert "calendar" not in str(status_of(facts))


def test_a_long_message_leaves_room_for_the_gap() -> None:
    problems = ("x" * 2 * LONGEST_MESSAGE,)
    facts = facts_of(datetime(2027, 6, 1, 12, tzinfo=IST), problems=problems)
    ready = status_of(facts).condition(READY)
    assert ready is not None
    assert LONGEST_MESSAGE == len(ready.message)
    assert ready.message.endswith(calendar_gap(facts))
    assert note_of(Status(), facts) is not None
    assert None is note_of(status_of(facts), facts)
