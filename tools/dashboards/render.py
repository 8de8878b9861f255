"""A dashboard as Grafana reads it: the JSON of Grafana 10 and later, for import and for provisioning alike.

The data source is a variable, not an import input: a file that is provisioned (or mounted from a ConfigMap) is taken as
it is, and nobody is asked for inputs there.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from alerts.render import RUNBOOK, runbook_entry
from dashboards.parts import GREY, Dashboard, Look, Panel, Query, Row, Variable

SCHEMA_VERSION = 39
"""Of Grafana 10.4; later ones migrate it by themselves."""
GRAFANA = "10.4.0"
TAG = "kite-operator"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
COLUMNS = 24
_PANEL_TYPES = {"stat": "Stat", "table": "Table", "timeseries": "Time series", "state-timeline": "State timeline"}

Json = dict[str, Any]


def text(dashboard: Dashboard, siblings: tuple[Dashboard, ...], runbook: str = RUNBOOK) -> str:
    """The file's content."""
    return json.dumps(document(dashboard, siblings, runbook), indent=1, ensure_ascii=False) + "\n"


def document(dashboard: Dashboard, siblings: tuple[Dashboard, ...], runbook: str = RUNBOOK) -> Json:
    """The dashboard with links to its siblings."""
    return {
        "__inputs": [],
        "__requires": _requires(dashboard),
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.description,
        "tags": [TAG],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": dashboard.since, "to": "now"},
        "timezone": "Asia/Kolkata",
        "annotations": {"list": []},
        "templating": {"list": [_source(), *(_variable(each) for each in dashboard.variables)]},
        "links": [*(_sibling(each) for each in siblings if each != dashboard), *_runbook(runbook)],
        "panels": list(_panels(dashboard, runbook)),
    }


def _requires(dashboard: Dashboard) -> list[Json]:
    kinds = sorted({panel.kind for row in dashboard.rows for panel in row.panels})
    return [
        {"type": "grafana", "id": "grafana", "name": "Grafana", "version": GRAFANA},
        {"type": "datasource", "id": "prometheus", "name": "Prometheus", "version": "1.0.0"},
        *({"type": "panel", "id": kind, "name": _PANEL_TYPES[kind], "version": ""} for kind in kinds),
    ]


def _source() -> Json:
    return {
        "name": "datasource",
        "label": "Data source",
        "description": "The Prometheus that scrapes the operator.",
        "type": "datasource",
        "query": "prometheus",
        "refresh": 1,
        "hide": 0,
        "includeAll": False,
        "multi": False,
    }


def _variable(variable: Variable) -> Json:
    query = f"label_values({variable.of}, {variable.name})"
    several: Json = {"allValue": ".*", "current": {"text": ["All"], "value": ["$__all"]}} if variable.several else {}
    return {
        "name": variable.name,
        "label": variable.title,
        "description": variable.description,
        "type": "query",
        "datasource": SOURCE,
        "definition": query,
        "query": {"query": query, "refId": variable.name},
        "refresh": 2,
        "sort": 1,
        "hide": 0,
        "includeAll": variable.several,
        "multi": variable.several,
        **several,
    }


def _sibling(other: Dashboard) -> Json:
    return {
        "title": other.title,
        "type": "link",
        "icon": "dashboard",
        "url": f"/d/{other.uid}?${{datasource:queryparam}}",
        "keepTime": True,
        "tooltip": other.description,
    }


def _runbook(base: str) -> list[Json]:
    if not base:
        return []
    address = f"{base}#alerts"
    return [{"title": "Runbook", "type": "link", "icon": "doc", "url": address, "targetBlank": True, "tooltip": ""}]


def _panels(dashboard: Dashboard, runbook: str) -> Iterator[Json]:
    identity, top = 0, 0
    for row in dashboard.rows:
        identity += 1
        yield {
            "id": identity,
            "type": "row",
            "title": row.title,
            "collapsed": False,
            "gridPos": {"x": 0, "y": top, "w": COLUMNS, "h": 1},
            "panels": [],
        }
        top += 1
        for panel, place in placed(row, top):
            identity += 1
            yield _panel(panel, identity, place, runbook)
            top = max(top, place["y"] + place["h"])


def placed(row: Row, top: int) -> Iterator[tuple[Panel, dict[str, int]]]:
    """Panels from the left to the right, and below where the width is used up."""
    left, below = 0, top
    for panel in row.panels:
        if left + panel.width > COLUMNS:
            left, top = 0, below
        yield panel, {"x": left, "y": top, "w": panel.width, "h": panel.height}
        left, below = left + panel.width, max(below, top + panel.height)


def _panel(panel: Panel, identity: int, place: dict[str, int], runbook: str) -> Json:
    made: Json = {
        "id": identity,
        "type": panel.kind,
        "title": panel.title,
        "description": _described(panel),
        "datasource": SOURCE,
        "gridPos": place,
        "targets": [_target(panel, query, letter(number)) for number, query in enumerate(panel.queries)],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": _overrides(panel)},
        "options": _options(panel),
        "links": _links(panel, runbook),
    }
    if panel.kind == "table":
        made["transformations"] = _columns(panel)
    return made


def letter(number: int) -> str:
    """The refId of a panel's query."""
    return chr(ord("A") + number)


def _described(panel: Panel) -> str:
    """With the entry of the runbook, for who has no link to it; the chart makes one of it (`monitoring.runbookUrl`)."""
    return f"{panel.description} Runbook: `{runbook_entry(panel.runbook)}`." if panel.runbook else panel.description


def _links(panel: Panel, runbook: str) -> list[Json]:
    if not panel.runbook or not runbook:
        return []
    address = runbook_entry(panel.runbook, runbook)
    return [{"title": f"Runbook: {panel.runbook}", "url": address, "targetBlank": True}]


def _target(panel: Panel, query: Query, ref: str) -> Json:
    instant = panel.kind in ("table", "stat")
    return {
        "refId": ref,
        "datasource": SOURCE,
        "expr": query.expr,
        "legendFormat": query.legend or "__auto",
        "instant": instant,
        "range": not instant,
        "format": "table" if panel.kind == "table" or panel.shows else "time_series",
        "editorMode": "code",
    }


def look_of(look: Look) -> Json:
    """Unit, colours and words of a field."""
    made: Json = {
        "unit": look.unit,
        "thresholds": {
            "mode": "absolute",
            "steps": [{"value": each.value, "color": each.colour} for each in look.steps],
        },
        "mappings": [
            {
                "type": "value",
                "options": {
                    str(each.value): {"text": each.text, "color": each.colour, "index": index}
                    for index, each in enumerate(look.words)
                },
            }
        ]
        if look.words
        else [],
    }
    return made if look.decimals is None else made | {"decimals": look.decimals}


def _cell_look(look: Look) -> Json:
    """The same for a cell, whose colour is its background: what has none stays as it is."""
    plain = {GREY: "transparent"}
    steps = tuple(replace(each, colour=plain.get(each.colour, each.colour)) for each in look.steps)
    words = tuple(replace(each, colour=plain.get(each.colour, each.colour)) for each in look.words)
    return look_of(replace(look, steps=steps, words=words))


def _defaults(panel: Panel) -> Json:
    made = look_of(panel.look)
    if panel.kind == "timeseries":
        custom = {"lineWidth": 2, "fillOpacity": 15, "showPoints": "auto", "spanNulls": False, "axisSoftMin": 0}
        stacking = {"mode": "normal" if panel.stacked else "none", "group": "A"}
        return made | {"color": {"mode": "palette-classic"}, "custom": custom | {"stacking": stacking}}
    if panel.kind == "state-timeline":
        return made | {"color": {"mode": "thresholds"}, "custom": {"lineWidth": 0, "fillOpacity": 80}}
    return made | {"color": {"mode": "thresholds"}, "noValue": "-"}


def _overrides(panel: Panel) -> list[Json]:
    made = []
    for query in panel.queries:
        if panel.kind == "table" and query.look is not None:
            properties = [{"id": key, "value": value} for key, value in _cell_look(query.look).items()]
            properties.append({"id": "custom.cellOptions", "value": {"type": "color-background", "mode": "basic"}})
            matcher = {"id": "byName", "options": query.column}
            made.append({"matcher": matcher, "properties": properties})
    if panel.kind == "table" and "name" in panel.labels:
        url = (
            "/d/kite-operator-credential?${datasource:queryparam}&var-namespace=${__data.fields.namespace}"
            "&var-name=${__data.fields.name}&${__url_time_range}"
        )
        link = {"title": "This credential", "url": url}
        made.append({"matcher": {"id": "byName", "options": "name"}, "properties": [{"id": "links", "value": [link]}]})
    return made


def _options(panel: Panel) -> Json:
    if panel.kind == "stat":
        fields = f"/^{panel.shows}$/" if panel.shows else ""
        reduce = {"calcs": ["lastNotNull"], "fields": fields, "values": False}
        return {"reduceOptions": reduce, "colorMode": "value", "graphMode": "none", "textMode": "auto"}
    if panel.kind == "table":
        return {"showHeader": True, "cellHeight": "sm"}
    if panel.kind == "state-timeline":
        return {"mergeValues": True, "showValue": "auto", "rowHeight": 0.8, "legend": {"showLegend": False}}
    legend = {"displayMode": "list", "placement": "bottom", "showLegend": True}
    return {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}


def _columns(panel: Panel) -> list[Json]:
    """One line for each set of labels; the columns in the order in which they are written."""
    values = {
        f"Value #{letter(number)}" if len(panel.queries) > 1 else "Value": query.column
        for number, query in enumerate(panel.queries)
    }
    order = [*panel.labels, *(value for value, column in values.items() if column)]
    hidden = ["Time", *(value for value, column in values.items() if not column)]
    options = {
        "excludeByName": dict.fromkeys(hidden, True),
        "indexByName": {name: index for index, name in enumerate(order)},
        "renameByName": {value: column for value, column in values.items() if column},
    }
    return [{"id": "merge", "options": {}}, {"id": "organize", "options": options}]
