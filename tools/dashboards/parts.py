"""The parts of a dashboard. Values only: render.py turns them into Grafana's JSON."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["stat", "table", "timeseries", "state-timeline"]
GREEN, YELLOW, RED, BLUE = "green", "yellow", "red", "blue"
GREY = "text"

# What Grafana calls the units.
COUNT, SECONDS, BYTES, RATIO, PER_SECOND = "short", "s", "bytes", "percentunit", "ops"
SPAN = "dtdurations"
"""Seconds as days, hours and minutes."""
MOMENT = "dateTimeAsIso"
"""Milliseconds since 1970, as a date and a time."""
NO_UNIT = "none"
"""The value is one of a few words, by its `Words`."""


@dataclass(frozen=True, slots=True)
class Step:
    """From this value on a field has this colour; the first step has no value."""

    value: float | None
    colour: str


@dataclass(frozen=True, slots=True)
class Word:
    """A text that is shown in place of a value."""

    value: int
    text: str
    colour: str


@dataclass(frozen=True, slots=True)
class Look:
    """The format of numbers."""

    unit: str = COUNT
    steps: tuple[Step, ...] = (Step(None, GREY),)
    words: tuple[Word, ...] = ()
    decimals: int | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """One question. In a table, `column` is the title of its values, and `look` is theirs; no column: not shown."""

    expr: str
    legend: str = ""
    column: str = ""
    look: Look | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture: `width` of 24, `height` in Grafana's units, and the entry of the runbook that goes with it.

    `labels` are a table's first columns. A stat shows a number, or with `shows` the text of that label.
    """

    kind: Kind
    title: str
    description: str
    queries: tuple[Query, ...]
    look: Look = Look()
    width: int = 12
    height: int = 8
    runbook: str = ""
    labels: tuple[str, ...] = ()
    shows: str = ""
    stacked: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Panels side by side under a heading."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """A choice at the top: values of the label `name` of the series `of`."""

    name: str
    title: str
    of: str
    description: str
    several: bool = True


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One file: its name without `.json` is the uid."""

    uid: str
    title: str
    description: str
    variables: tuple[Variable, ...]
    rows: tuple[Row, ...]
    since: str = "now-24h"


def number(title: str, description: str, expr: str, look: Look | None = None, *, runbook: str = "") -> Panel:
    """A small panel with one number."""
    return Panel("stat", title, description, (Query(expr),), look or Look(), width=4, height=4, runbook=runbook)


def yes_no(yes: str, no: str, *, yes_is: str = GREEN, no_is: str = RED) -> Look:
    """1 and 0 as words."""
    return Look(NO_UNIT, (Step(None, GREY),), (Word(1, yes, yes_is), Word(0, no, no_is)))


def none_is_well(colour: str = RED) -> Look:
    """A count that should be zero."""
    return Look(COUNT, (Step(None, GREEN), Step(1, colour)), decimals=0)


def quantile(q: str, by: str, bucket: str, window: str = "$__rate_interval") -> str:
    """A quantile of a histogram for each value of the label `by` (or of none)."""
    return f"histogram_quantile({q}, sum by ({by + ', ' if by else ''}le) (rate({bucket}[{window}])))"
