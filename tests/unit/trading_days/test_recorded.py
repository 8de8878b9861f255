"""The module that the operator carries is what exchange-calendars says, less what is doubtful: `make check` knows."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from kite_operator.model import recorded_days
from trading_days import __main__ as command
from trading_days.festivals import days_by_the_moon, muhurat_days
from trading_days.recorded import recorded

LISTED_2026 = {
    date(2026, 1, 15): "municipal elections",
    date(2026, 1, 26): "Republic Day",
    date(2026, 3, 3): "Holi",
    date(2026, 3, 26): "Ram Navami",
    date(2026, 3, 31): "Mahavir Jayanti",
    date(2026, 4, 3): "Good Friday",
    date(2026, 4, 14): "Ambedkar Jayanti",
    date(2026, 5, 1): "Maharashtra Day",
    date(2026, 5, 28): "Bakri Id",
    date(2026, 6, 26): "Muharram",
    date(2026, 9, 14): "Ganesh Chaturthi",
    date(2026, 10, 2): "Gandhi Jayanti",
    date(2026, 10, 20): "Dussehra",
    date(2026, 11, 10): "Diwali Balipratipada",
    date(2026, 11, 24): "Guru Nanak Jayanti",
    date(2026, 12, 25): "Christmas",
}
"""The trading holidays of NSE and BSE in 2026."""


def test_the_operator_carries_what_is_recorded() -> None:
    found = recorded()
    assert (found.source, found.years) == (recorded_days.SOURCE, recorded_days.YEARS)
    assert (frozenset(found.closed), frozenset(found.sessions)) == (recorded_days.CLOSED, recorded_days.SESSIONS)
    assert 0 == command.main(["--check"])


def test_the_holidays_of_2026_are_those_of_the_exchanges_but_for_the_moons() -> None:
    doubtful = days_by_the_moon(2026) | muhurat_days(2026)
    assert {"Bakri Id", "Muharram"} == {LISTED_2026[day] for day in LISTED_2026.keys() & doubtful}
    assert LISTED_2026.keys() - doubtful == {day for day in recorded_days.CLOSED if day.year == 2026}


def test_the_sessions_of_2026_on_a_sunday_are_known() -> None:
    budget, muhurat = date(2026, 2, 1), date(2026, 11, 8)
    assert {budget, muhurat} == {day for day in recorded_days.SESSIONS if day.year == 2026}


def test_weekdays_are_closed_and_weekends_have_sessions_never_the_other_way_round() -> None:
    assert {day for day in recorded_days.CLOSED if day.weekday() < 5} == recorded_days.CLOSED
    assert {day for day in recorded_days.SESSIONS if day.weekday() >= 5} == recorded_days.SESSIONS
    assert {day.year for day in recorded_days.CLOSED} == set(recorded_days.YEARS)


@pytest.mark.parametrize("change", [("closed", timedelta(days=1)), ("sessions", timedelta(days=7))])
def test_a_module_that_is_not_what_is_recorded_is_told_and_mended(
    change: tuple[str, timedelta], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = tmp_path / "recorded_days.py"
    monkeypatch.setattr(command, "MODULE", module)
    assert 1 == command.main(["--check"])
    assert 0 == command.main([])
    assert 0 == command.main(["--check"])
    name, shift = change
    day = min(getattr(recorded(), name))
    written, moved = (f"date({each.year}, {each.month}, {each.day})" for each in (day, day + shift))
    module.write_text(module.read_text().replace(written, moved))
    assert 1 == command.main(["--check"])
    assert "make calendar" in capsys.readouterr().err
