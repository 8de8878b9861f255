"""The days that no list of holidays can be trusted about: reckoned, so that nobody has to remember them each year.

- Diwali. The exchanges are closed on Laxmi Pujan and yet trade for an hour, the Muhurat session, even on a Sunday.
  Lists of holidays call it a holiday, or do not know of the session. It is the day of a new moon between the middle
  of October and the middle of November, or the day before.
- The holidays that follow the sighting of the moon: Id-ul-Fitr, Bakri Id, Muharram, Id-e-Milad. They are recorded on
  the day that is expected, and moved by a circular a day or two before (Bakri Id 2023 was).

Sources: the new moon by the leading terms of J. Meeus, Astronomical Algorithms, chapter 49 (within half an hour); the
Islamic day by the tabular calendar, which the sighting in India differs from by a day or two.
"""

from datetime import UTC, date, datetime, timedelta
from math import radians, sin

_IST = timedelta(hours=5, minutes=30)
_J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)
_J2000_DAY = 2451545.0
_TERRESTRIAL_AHEAD = timedelta(seconds=70)
_FIRST_DIWALI, _LAST_DIWALI = (10, 16), (11, 15)
_BY_THE_MOON = ((1, 10), (3, 12), (10, 1), (12, 10))
"""Month and day: Muharram (Ashura), Id-e-Milad, Id-ul-Fitr, Bakri Id."""
_EARLIER, _LATER = 1, 2
"""By how many days the sighting in India may differ from the tabular day."""


def new_moon(number: int) -> datetime:
    """The new moon of that number, counted from the first of the year 2000, in UTC."""
    centuries = number / 1236.85
    mean = 2451550.09766 + 29.530588861 * number + 0.00015437 * centuries**2
    sun = radians(2.5534 + 29.1053567 * number)
    moon = radians(201.5643 + 385.81693528 * number)
    latitude = radians(160.7108 + 390.67050284 * number)
    true = mean + (
        -0.40720 * sin(moon)
        + 0.17241 * sin(sun)
        + 0.01608 * sin(2 * moon)
        + 0.01039 * sin(2 * latitude)
        + 0.00739 * sin(moon - sun)
        - 0.00514 * sin(moon + sun)
    )
    return _J2000 + timedelta(days=true - _J2000_DAY) - _TERRESTRIAL_AHEAD


def muhurat_days(year: int) -> frozenset[date]:
    """The days on one of which the Muhurat session of that year is held."""
    first, last = date(year, *_FIRST_DIWALI), date(year, *_LAST_DIWALI)
    around = int((year - 2000) * 12.3685)
    moons = ((new_moon(number) + _IST).date() for number in range(around, around + 14))
    return frozenset(day for moon in moons if first <= moon <= last for day in (moon, moon - timedelta(days=1)))


def days_by_the_moon(year: int) -> frozenset[date]:
    """The days of that year that a holiday by the sighting of the moon may fall on."""
    first, last = (_islamic_year(date(year, *day)) for day in ((1, 1), (12, 31)))
    tabular = (_tabular(islamic, month, day) for islamic in range(first - 1, last + 2) for month, day in _BY_THE_MOON)
    around = (day + timedelta(days=shift) for day in tabular for shift in range(-_EARLIER, _LATER + 1))
    return frozenset(day for day in around if day.year == year)


def _islamic_year(day: date) -> int:
    return int((day - date(622, 7, 19)).days / 354.36667) + 1


def _tabular(year: int, month: int, day: int) -> date:
    """A day of the tabular Islamic calendar: months of 30 and 29 days, 11 leap years in 30."""
    days = (year - 1) * 354 + (3 + 11 * year) // 30 + 29 * (month - 1) + month // 2 + day - 1
    return date(622, 7, 19) + timedelta(days=days)
