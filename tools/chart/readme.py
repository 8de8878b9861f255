"""The table of values in the chart's README, between two marks."""

import json
from collections.abc import Iterable

from chart.values import Value

BEGIN = "<!-- values: written by `make chart` from values.yaml -->"
END = "<!-- end of values -->"


def with_table(text: str, values: Iterable[Value]) -> str:
    """The README with its table made anew."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table(values)}\n{END}{after}"


def table(values: Iterable[Value]) -> str:
    """A row for each value; a group has none."""
    rows = [
        f"| `{each.name}` | `{json.dumps(each.default)}` | {each.text.replace('|', chr(92) + '|')} |\n"
        for each in values
        if not each.is_group
    ]
    return "| Value | Default | Meaning |\n|---|---|---|\n" + "".join(rows)
