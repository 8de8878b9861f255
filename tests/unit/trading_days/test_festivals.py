"""The days of Diwali and of the moon's holidays, compared with what the exchanges announced."""

from datetime import UTC, date, datetime, timedelta

import pytest

from trading_days.festivals import days_by_the_moon, muhurat_days, new_moon

MUHURAT = [
    date(2015, 11, 11),
    date(2016, 10, 30),
    date(2017, 10, 19),
    date(2018, 11, 7),
    date(2019, 10, 27),
    date(2020, 11, 14),
    date(2021, 11, 4),
    date(2022, 10, 24),
    date(2023, 11, 12),
    date(2024, 11, 1),
    date(2025, 10, 21),
    date(2026, 11, 8),
]
"""When the session was held, by the exchanges' circulars."""

BY_THE_MOON = [
    date(2021, 5, 13),  # Id-ul-Fitr
    date(2021, 7, 21),  # Bakri Id
    date(2021, 8, 19),  # Muharram
    date(2022, 5, 3),
    date(2022, 8, 9),
    date(2023, 6, 28),  # Bakri Id, as it was listed
    date(2023, 6, 29),  # and as it was moved to
    date(2024, 4, 11),
    date(2024, 6, 17),
    date(2024, 7, 17),
    date(2025, 3, 31),
    date(2026, 5, 28),
    date(2026, 6, 26),
]


@pytest.mark.parametrize("day", MUHURAT, ids=str)
def test_the_muhurat_session_is_among_the_days_of_diwali(day: date) -> None:
    assert day in muhurat_days(day.year)


@pytest.mark.parametrize("year", range(2015, 2080))
def test_each_year_has_two_days_of_diwali_or_four_when_two_moons_may_be_meant(year: int) -> None:
    days = sorted(muhurat_days(year))
    assert [day + timedelta(days=1) for day in days[::2]] == days[1::2]
    assert 2 == len(days) or (4 == len(days) and days[2] - days[0] > timedelta(days=28))


@pytest.mark.parametrize("day", BY_THE_MOON, ids=str)
def test_a_holiday_by_the_moon_is_among_those_days(day: date) -> None:
    assert day in days_by_the_moon(day.year)


@pytest.mark.parametrize("year", range(2015, 2080))
def test_in_each_year_four_holidays_or_five_are_by_the_moon(year: int) -> None:
    days = days_by_the_moon(year)
    assert 13 <= len(days) <= 20
    assert {year} == {day.year for day in days}


@pytest.mark.parametrize(
    ("number", "moment"),
    [
        (0, datetime(2000, 1, 6, 18, 14, tzinfo=UTC)),
        (319, datetime(2025, 10, 21, 12, 25, tzinfo=UTC)),
        (332, datetime(2026, 11, 9, 7, 2, tzinfo=UTC)),
    ],
)
def test_the_new_moon_is_reckoned_to_the_half_hour(number: int, moment: datetime) -> None:
    assert abs(new_moon(number) - moment) < timedelta(minutes=30)
