"""Write the operator's module of trading days, or with --check say whether it is as it would be written."""

import sys
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from trading_days.recorded import Recorded, recorded

MODULE = Path(__file__).resolve().parents[2] / "operator" / "kite_operator" / "model" / "recorded_days.py"

_TEMPLATE = '''"""The trading days of the Indian exchanges, as far as they are recorded.

Written by `make calendar`: do not edit. From {source} (XBOM), as `tools/trading_days/` reads it. The
holidays that follow the moon and the days of Diwali are left out of CLOSED: they are moved at a day's notice, or have
a session all the same.
"""

from datetime import date

SOURCE = "{source}"
YEARS = ({years},)
CLOSED = frozenset(
    {{
{closed}
    }}
)
"""Weekdays without trading."""
SESSIONS = frozenset(
    {{
{sessions}
    }}
)
"""Saturdays and Sundays with trading."""
'''


def render(found: Recorded) -> str:
    """The text of the module."""
    return _TEMPLATE.format(
        source=found.source,
        years=", ".join(map(str, found.years)),
        closed=_lines(found.closed),
        sessions=_lines(found.sessions),
    )


def _lines(days: Iterable[date]) -> str:
    return "\n".join(f"        date({day.year}, {day.month}, {day.day}),  # {day:%A}" for day in days)


def main(arguments: list[str]) -> int:
    """Write or check."""
    found = recorded()
    text = render(found)
    if arguments == ["--check"]:
        if MODULE.exists() and MODULE.read_text() == text:
            return 0
        print(f"{MODULE.name} is not what {found.source} says: run `make calendar`", file=sys.stderr)
        return 1
    MODULE.write_text(text)
    print(f"{MODULE.name}: {found.years[0]} to {found.years[-1]} from {found.source}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
