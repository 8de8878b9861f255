"""A dashboard's answers as a page of HTML, of which the pictures of the documentation are taken. Not Grafana's look."""

import math
from collections.abc import Callable
from datetime import datetime
from html import escape
from typing import Any

from kite_operator.model.expiry import IST
from support.dashboard_day import Answered, columns, lines, points
from support.scripted_day import STEP_SECONDS, Day

Json = dict[str, Any]
WIDTH = 1240
CELL, UNIT, GAP = WIDTH / 24, 30, 8
COLOURS = {
    "green": "#37872d",
    "yellow": "#b58900",
    "red": "#c4162a",
    "blue": "#1f60c4",
    "text": "#333",
    "transparent": "",
}
PALETTE = ("#37872d", "#b58900", "#1f60c4", "#c4162a", "#8f3bb8", "#0a7f87", "#8a5a00", "#5a5f66", "#d6438a", "#4b6b00")
HOUR_SECONDS = 3600
STYLE = f"""
body {{ margin: 0; width: {WIDTH}px; font: 13px 'DejaVu Sans', sans-serif; color: #333; background: #f4f5f5 }}
.panel {{ position: absolute; background: #fff; border: 1px solid #d8dadd; box-sizing: border-box; overflow: hidden;
  padding: 4px 8px }}
.row {{ position: absolute; font-weight: bold; padding-top: 8px }}
h2 {{ font-size: 12px; margin: 0 0 4px; font-weight: bold; white-space: nowrap; overflow: hidden }}
.big {{ font-size: 21px; text-align: center; padding-top: 18px }}
.many {{ display: flex; flex-wrap: wrap; gap: 10px 18px; padding-top: 10px }}
.many b {{ display: block; font-size: 20px; font-weight: normal }}
table {{ border-collapse: collapse; width: 100%; font-size: 12px }}
th {{ text-align: left; color: #1f60c4; font-weight: normal }}
td, th {{ padding: 3px 6px; border-bottom: 1px solid #eee }}
td.c {{ color: #fff }} .legend {{ font-size: 10px; line-height: 13px }} .legend i {{ font-style: normal }}
.none {{ color: #888; text-align: center; padding-top: 30px }} svg text {{ font-size: 9px; fill: #666 }}
"""


def page(day: Day, panels: list[Answered]) -> str:
    """The whole dashboard, every panel in its place."""
    bottom = max(each.panel["gridPos"]["y"] + each.panel["gridPos"]["h"] for each in panels)
    drawn = "".join(_panel(day, each) for each in panels)
    return (
        f"<!doctype html><meta charset=utf-8><style>{STYLE}</style>"
        f"<body style='height:{bottom * UNIT + GAP}px'>{drawn}</body>"
    )


def _panel(day: Day, of: Answered) -> str:
    place, kind = of.panel["gridPos"], of.panel["type"]
    width, height = place["w"] * CELL - GAP, place["h"] * UNIT - GAP
    where = f"left:{place['x'] * CELL + GAP / 2:.0f}px;top:{place['y'] * UNIT + GAP / 2:.0f}px;width:{width:.0f}px"
    title = escape(of.panel["title"])
    if kind == "row":
        return f"<div class=row style='{where}'>{title}</div>"
    draw: dict[str, Callable[[], str]] = {
        "stat": lambda: _stat(of),
        "table": lambda: _table(of),
        "timeseries": lambda: _curves(day, of, width - 18, height - 30),
        "state-timeline": lambda: _bands(day, of, width - 18, height - 30),
    }
    inside = "<div class=none>No data</div>" if not any(of.answers.values()) else draw[kind]()
    return f"<div class=panel style='{where};height:{height:.0f}px'><h2>{title}</h2>{inside}</div>"


def _stat(of: Answered) -> str:
    field, found = of.panel["fieldConfig"]["defaults"], [each for every in of.answers.values() for each in every]
    label = of.panel["options"]["reduceOptions"]["fields"].strip("/^$")
    if label:
        return f"<div class=big>{escape(found[0]['metric'][label])}</div>"
    told = [(_name(of, "A", each), *shown(points(each)[-1][1], field)) for each in found]
    if len(told) == 1:
        return f"<div class=big style='color:{told[0][2]}'>{escape(told[0][1])}</div>"
    return (
        "<div class=many>"
        + "".join(
            f"<div>{escape(name)}<b style='color:{colour}'>{escape(text)}</b></div>" for name, text, colour in told
        )
        + "</div>"
    )


def _table(of: Answered) -> str:
    looks = {
        override["matcher"]["options"]: {each["id"]: each["value"] for each in override["properties"]}
        for override in of.panel["fieldConfig"]["overrides"]
    }
    titles = columns(of)
    head = "".join(f"<th>{escape(each)}" for each in titles)
    body = "".join("<tr>" + "".join(_cell(line.get(title), looks.get(title)) for title in titles) for line in lines(of))
    return f"<table><tr>{head}{body}</table>"


def _cell(value: object, look: Json | None) -> str:
    if not isinstance(value, float) or look is None:
        return f"<td>{escape(str(value if value is not None else '-'))}"
    text, colour = shown(value, look)
    return f"<td class=c style='background:{colour}'>{escape(text)}" if colour else f"<td>{escape(text)}"


def shown(value: float, field: Json) -> tuple[str, str]:
    """A value's text and colour by unit, words and thresholds."""
    for mapping in field["mappings"]:
        word = mapping["options"].get(f"{value:.0f}" if value == round(value) else "")
        if word is not None:
            return word["text"], COLOURS[word["color"]]
    steps = [each for each in field["thresholds"]["steps"] if each["value"] is None or value >= each["value"]]
    return _text(value, field["unit"]), COLOURS[steps[-1]["color"]]


def _text(value: float, unit: str) -> str:
    if unit == "dateTimeAsIso":
        return f"{datetime.fromtimestamp(value / 1000, IST):%Y-%m-%d %H:%M:%S}"
    if unit == "dtdurations":
        minutes = round(abs(value) / 60)
        return f"{'-' if value < 0 else ''}{minutes // 60} h {minutes % 60:02} min"
    if unit == "percentunit":
        return f"{value:.0%}"
    if unit == "bytes":
        return f"{value / 2**20:.0f} MiB"
    if unit == "s" and (abs(value) < 1 or abs(value) >= HOUR_SECONDS):
        return f"{value * 1000:.0f} ms" if abs(value) < 1 else f"{value / HOUR_SECONDS:.1f} h"
    number = f"{value:.0f}" if value == round(value) else f"{value:.3g}"
    return number + {"s": " s", "ops": "/s"}.get(unit, "")


def _name(of: Answered, ref: str, series: Json) -> str:
    legend = next(each["legendFormat"] for each in of.panel["targets"] if each["refId"] == ref)
    for label, value in series["metric"].items():
        legend = legend.replace(f"{{{{{label}}}}}", value)
    return str(legend)


def _named(of: Answered) -> list[tuple[str, list[tuple[float, float]]]]:
    return [
        (_name(of, ref, each), [(moment, value) for moment, value in points(each) if math.isfinite(value)])
        for ref, found in of.answers.items()
        for each in found
    ]


def _hours(day: Day, width: float, height: float, left: float) -> str:
    """A line and a time for each hour."""
    first = math.ceil((day.start + 1800) / 3600) * 3600 - 1800
    made = ""
    for moment in range(int(first), int(day.now), 3600):
        x = left + (moment - day.start) / (day.now - day.start) * (width - left)
        made += f"<path d='M{x:.1f} 0V{height}' stroke='#e3e5e8'/><text x='{x - 13:.1f}' y='{height + 11}'>"
        made += f"{datetime.fromtimestamp(moment, IST):%H:%M}</text>"
    return made


def _curves(day: Day, of: Answered, width: float, height: float) -> str:
    field, left = of.panel["fieldConfig"]["defaults"], 48.0
    series = [(name, told) for name, told in _named(of) if told]
    stacked = field["custom"]["stacking"]["mode"] == "normal"
    below: dict[float, float] = {}
    curves = []
    for name, told in series:
        raised = [(moment, value + (below.get(moment, 0.0) if stacked else 0.0)) for moment, value in told]
        below.update(raised)
        curves.append((name, raised))
    values = [value for _, told in curves for _, value in told]
    high, low = max([0.0, *values]) or 1.0, min([0.0, *values])
    tall = height - 14 - 13 * min(3, 1 + sum(len(name) + 4 for name, _ in curves) // int(width / 6))

    def place(moment: float, value: float) -> str:
        x = left + (moment - day.start) / (day.now - day.start) * (width - left)
        return f"{x:.1f} {4 + (high - value) / (high - low) * (tall - 4):.1f}"

    drawn = _hours(day, width, tall, left)
    for share in (0.0, 0.5, 1.0):
        level = low + share * (high - low)
        drawn += f"<path d='M{place(day.start, level)}H{width}' stroke='#e3e5e8'/>"
        y = place(day.start, level).split()[1]
        drawn += f"<text x='0' y='{float(y) + 3:.1f}'>{_text(level, field['unit'])}</text>"
    for number, (_, told) in enumerate(curves):
        drawn += f"<path d='{_path(told, place)}' fill='none' stroke-width='1.6' stroke='{_colour(number)}'/>"
        drawn += "".join(_dot(place(*each), _colour(number)) for each in _alone(told))
    legend = " &nbsp; ".join(
        f"<i style='color:{_colour(number)}'>&#9644;</i> {escape(name)}" for number, (name, _) in enumerate(curves)
    )
    return f"<svg width='{width}' height='{tall + 14}'>{drawn}</svg><div class=legend>{legend}</div>"


def _path(told: list[tuple[float, float]], place: Callable[[float, float], str]) -> str:
    """A line, broken where there was nothing."""
    made, before = "", -math.inf
    for moment, value in told:
        made += f"{'L' if moment - before < STEP_SECONDS + 1 else 'M'}{place(moment, value)}"
        before = moment
    return made


def _alone(told: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """What no line leads to or from."""
    moments = {round(moment / STEP_SECONDS) for moment, _ in told}
    return [each for each in told if not {round(each[0] / STEP_SECONDS) + by for by in (-1, 1)} & moments]


def _dot(where: str, colour: str) -> str:
    x, y = where.split()
    return f"<circle cx='{x}' cy='{y}' r='1.4' fill='{colour}'/>"


def _colour(number: int) -> str:
    return PALETTE[number % len(PALETTE)]


def _bands(day: Day, of: Answered, width: float, height: float) -> str:
    field, left = of.panel["fieldConfig"]["defaults"], 130.0
    series = _named(of)
    tall = height - 16
    each_tall = tall / max(1, len(series))
    drawn = ""
    for number, (name, told) in enumerate(series):
        top = number * each_tall
        drawn += f"<text x='0' y='{top + each_tall / 2 + 3:.1f}'>{escape(name)}</text>"
        for moment, value in told:
            x = left + (moment - day.start) / (day.now - day.start) * (width - left)
            wide = STEP_SECONDS / (day.now - day.start) * (width - left) + 0.5
            colour = shown(value, field)[1] if value else "#dfe1e4"
            drawn += (
                f"<rect x='{x:.1f}' y='{top + 2:.1f}' width='{wide:.1f}' height='{each_tall - 4:.1f}' fill='{colour}'/>"
            )
    return f"<svg width='{width}' height='{height}'>{drawn}{_hours(day, width, tall, left)}</svg>"
