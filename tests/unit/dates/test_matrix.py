"""`make test-dates`: what a program is given so that it believes in another date."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dates.matrix import MOMENTS, Moment, faked, told_commands
from dates.patched import sitecustomize
from kite_operator.model.recorded_days import CLOSED, YEARS

LIBRARY = Path("/cache/libfaketime.so.1")
NOON = Moment("noon", "2026-12-02T12:00", "Pacific/Kiritimati")


@pytest.mark.parametrize(("later", "offset"), [(90, "-90"), (-90, "+90"), (0, "+0")])
def test_time_goes_on_from_the_moment_in_every_process(later: int, offset: str) -> None:
    now = datetime(2026, 12, 2, 6, 30, tzinfo=UTC) + timedelta(seconds=later)
    given = faked(NOON, LIBRARY, now, {"HOME": "/root"})
    assert offset == given["FAKETIME"]
    assert ("/root", str(LIBRARY), "Pacific/Kiritimati") == (given["HOME"], given["LD_PRELOAD"], given["TZ"])


def test_a_path_of_modules_that_was_given_is_kept() -> None:
    given = faked(NOON, LIBRARY, NOON.time, {"PYTHONPATH": "tests"})
    assert [sitecustomize.__file__, "tests"] == [f"{given['PYTHONPATH'].split(':')[0]}/sitecustomize.py", "tests"]


def test_the_demo_is_told_the_day_of_india() -> None:
    assert "2026-12-02" == told_commands(Moment("just after midnight", "2026-12-02T00:15"))[0][-1]


def test_the_dates_are_what_they_are_said_to_be() -> None:
    days = {moment.what: moment.time.date() for moment in MOMENTS}
    assert ("Sunday", "Monday") == (f"{days['a Sunday']:%A}", f"{days['a Monday']:%A}")
    assert days["a holiday of the exchange"] in CLOSED
    recorded = {days["the last day of the recorded calendar"].year, days["the first day after it"].year}
    assert {max(YEARS)} == recorded & set(YEARS)


def test_the_sleep_that_bears_a_faked_clock_waits_and_refuses_what_the_original_refuses() -> None:
    began = time.monotonic()
    sitecustomize.sleep(0.01)
    assert time.monotonic() - began >= 0.01
    with pytest.raises(ValueError, match="negative"):
        sitecustomize.sleep(-1)
