"""The answers to a dashboard's queries, as its panels show them."""

import math
from dataclasses import dataclass
from typing import Any

from support.scripted_day import Day

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answered:
    """A panel with what Prometheus said to each of its queries, by refId."""

    panel: Json
    answers: dict[str, list[Json]]

    def is_empty(self, ref: str) -> bool:
        """Whether there is no number in it."""
        return not any(not math.isnan(float(value)) for series in self.answers[ref] for _, value in points(series))


def points(series: Json) -> list[tuple[float, float]]:
    """Times and values of one series of an instant or a range query."""
    found = series.get("values") or [series["value"]]
    return [(float(moment), float(value)) for moment, value in found]


def answered(day: Day, dashboard: Json, chosen: dict[str, str]) -> list[Answered]:
    """All panels, with the variables as chosen."""
    made = []
    for panel in dashboard["panels"]:
        answers = {}
        for target in panel.get("targets", ()):
            expr = filled(target["expr"], chosen)
            answers[target["refId"]] = day.instant(expr) if target["instant"] else day.range(expr)
        made.append(Answered(panel, answers))
    return made


def filled(expr: str, chosen: dict[str, str]) -> str:
    """As Grafana fills it in for panels over four hours; the rate's window is four scrapes and more."""
    values = {"__rate_interval": "15m", "__range": "4h", **chosen}
    for name in sorted(values, key=len, reverse=True):
        expr = expr.replace(f"${name}", values[name])
    assert "$" not in expr
    return expr


def lines(of: Answered) -> list[Json]:
    """A table's lines after `merge` and `organize`: columns by their titles."""
    renamed = of.panel["transformations"][1]["options"]["renameByName"]
    several = len(of.answers) > 1
    merged: list[Json] = []
    for ref, series in of.answers.items():
        title = renamed.get(f"Value #{ref}" if several else "Value")
        for each in series:
            line = {**each["metric"], **({title: float(each["value"][1])} if title else {})}
            _merge(merged, each["metric"], line)
    return sorted(merged, key=lambda line: tuple(str(value) for key, value in sorted(line.items()) if key.islower()))


def _merge(merged: list[Json], labels: Json, line: Json) -> None:
    """Into the line with which it shares every label that both have."""
    for other in merged:
        shared = labels.keys() & other.keys()
        if shared and all(labels[each] == other[each] for each in shared):
            other.update(line)
            return
    merged.append(line)


def columns(of: Answered) -> list[str]:
    """The titles of a table's columns, in order."""
    options = of.panel["transformations"][1]["options"]
    return [options["renameByName"].get(each, each) for each in options["indexByName"]]
