"""What Grafana's dashboards are put together from: panels, queries, variables, links, as JSON of its classic model.

Nothing is told by colour alone: lines have names and values in a table below, quantiles differ by their dashes, and
numbers stand as numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

SCHEMA_VERSION: Final = 42  # of Grafana 12
PROMETHEUS: Final = {"type": "prometheus", "uid": "${datasource}"}
_WIDTH: Final = 24
_DASHES: Final = {"p50": None, "p95": [10, 6], "p99": [2, 6], "mean": [20, 4, 2, 4], "objective": [30, 8]}

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Query:
    """PromQL, and what its series are called; `dots` shows exemplars."""

    expression: str
    name: str
    dots: bool = False
    kind: str = "time_series"  # or table, heatmap


@dataclass(frozen=True, slots=True)
class Panel:
    """One graph, number, table or heatmap. `unit` is one of Grafana's."""

    title: str
    description: str
    queries: tuple[Query, ...]
    unit: str
    kind: str = "timeseries"
    width: int = 12
    height: int = 8
    from_zero: bool = True
    columns: tuple[tuple[str, str, str], ...] = ()
    """Of a table: name of the field, title, unit."""
    link: tuple[str, str] | None = None
    """Title and address, opened from any value."""


def number(title: str, description: str, expression: str, unit: str, **more: Any) -> Panel:
    """One number, with its course behind it."""
    panel = Panel(title, description, (Query(expression, title),), unit, kind="stat", width=4, height=4)
    return replace(panel, **more)


def none_yet(expression: str, label: str) -> str:
    """The expression, or 0 under the word none while it has no series: what counts failures begins with the first."""
    return f'{expression} or on () label_replace(vector(0), "{label}", "none", "", "")'


def variable(name: str, label: str, query: str, *, many: bool = False, description: str) -> Json:
    """A choice among the values of a label; `many` allows several and all, series without the label included."""
    made: Json = {
        "name": name,
        "label": label,
        "description": description,
        "type": "query",
        "datasource": PROMETHEUS,
        "definition": query,
        "query": {"qryType": 1, "query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery"},
        "refresh": 2,
        "sort": 1,
        "regex": "",
        "hide": 0,
        "multi": many,
        "includeAll": many,
        "options": [],
        "current": {"text": ["All"], "value": ["$__all"]} if many else {},
    }
    if many:
        made["allValue"] = ".*"
    return made


_DATASOURCE: Final[Json] = {
    "name": "datasource",
    "label": "Prometheus",
    "description": "Where the metrics are.",
    "type": "datasource",
    "query": "prometheus",
    "regex": "",
    "refresh": 1,
    "hide": 0,
    "multi": False,
    "includeAll": False,
    "options": [],
    "current": {"text": "Prometheus", "value": "prometheus"},
}


def dashboard(
    uid: str, title: str, description: str, variables: list[Json], rows: list[tuple[str, list[Panel]]]
) -> Json:
    """A dashboard of titled rows, each panel beside the last one while there is room."""
    panels: list[Json] = []
    top = 0
    for row, of_row in rows:
        panels.append(
            {
                "id": len(panels) + 1,
                "type": "row",
                "title": row,
                "collapsed": False,
                "gridPos": {"h": 1, "w": _WIDTH, "x": 0, "y": top},
                "panels": [],
            }
        )
        top += 1
        left = height = 0
        for panel in of_row:
            if left + panel.width > _WIDTH:
                top, left, height = top + height, 0, 0
            grid = {"h": panel.height, "w": panel.width, "x": left, "y": top}
            panels.append(_panel(panel, len(panels) + 1, grid))
            left, height = left + panel.width, max(height, panel.height)
        top += height
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["otel_ia"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,  # one cross-hair for all graphs
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "timepicker": {},
        "annotations": {"list": []},
        "links": [
            {
                "type": "dashboards",
                "title": "otel_ia",
                "tags": ["otel_ia"],
                "asDropdown": False,
                "includeVars": True,
                "keepTime": True,
                "targetBlank": False,
                "icon": "external link",
                "tooltip": "",
                "url": "",
            }
        ],
        "templating": {"list": [_DATASOURCE, *variables]},
        "panels": panels,
    }


def _panel(panel: Panel, identity: int, grid: Json) -> Json:
    defaults: Json = {
        "unit": panel.unit,
        "color": {"mode": "palette-classic"},
        "mappings": [],
        "noValue": "none",
        "thresholds": {"mode": "absolute", "steps": [{"color": "text", "value": None}]},
        "custom": {},
        "links": [],
    }
    if panel.from_zero:
        defaults["min"] = 0
    if panel.link:
        defaults["links"] = [{"title": panel.link[0], "url": panel.link[1], "targetBlank": False}]
    made: Json = {
        "id": identity,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": PROMETHEUS,
        "gridPos": grid,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "targets": [_target(query, index) for index, query in enumerate(panel.queries)],
    }
    match panel.kind:
        case "stat":
            _shape_number(made)
        case "table":
            _shape_table(made, panel)
        case "heatmap":
            _shape_heatmap(made, panel)
        case _:
            _shape_lines(made, panel)
    return made


def _target(query: Query, index: int) -> Json:
    is_table = query.kind == "table"
    return {
        "refId": chr(ord("A") + index),
        "datasource": PROMETHEUS,
        "expr": query.expression,
        "legendFormat": query.name,
        "editorMode": "code",
        "format": query.kind,
        "exemplar": query.dots,
        "instant": is_table,
        "range": not is_table,
    }


def _shape_number(made: Json) -> None:
    made["fieldConfig"]["defaults"]["color"] = {"mode": "thresholds"}
    made["options"] = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "value",
        "graphMode": "area",
        "justifyMode": "auto",
        "orientation": "auto",
        "textMode": "auto",
        "wideLayout": True,
    }


def _shape_lines(made: Json, panel: Panel) -> None:
    made["fieldConfig"]["defaults"]["custom"] = {
        "drawStyle": "line",
        "lineInterpolation": "linear",
        "lineWidth": 2,
        "fillOpacity": 0,
        "showPoints": "auto",
        "pointSize": 4,
        "spanNulls": 120_000,  # ms: a gap of one export is none
        "axisLabel": "",
    }
    made["options"] = {
        "legend": {"showLegend": True, "displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    made["fieldConfig"]["overrides"] = [
        {
            "matcher": {"id": "byRegexp", "options": f".*{word}.*"},
            "properties": [{"id": "custom.lineStyle", "value": {"fill": "dash", "dash": dash}}],
        }
        for word, dash in _DASHES.items()
        if dash and any(word in query.name for query in panel.queries)
    ]


def _shape_table(made: Json, panel: Panel) -> None:
    made["options"] = {"showHeader": True, "cellHeight": "sm", "footer": {"show": False}}
    made["transformations"] = [
        {"id": "merge", "options": {}},
        {
            "id": "organize",
            "options": {
                "excludeByName": {"Time": True, "__name__": True, "Value": len(panel.queries) > 1},
                "indexByName": {field: index for index, (field, _, _) in enumerate(panel.columns)},
                "renameByName": {field: title for field, title, _ in panel.columns},
            },
        },
    ]
    made["fieldConfig"]["overrides"] = [
        {"matcher": {"id": "byName", "options": title}, "properties": [{"id": "unit", "value": unit}]}
        for _, title, unit in panel.columns
    ]


def _shape_heatmap(made: Json, panel: Panel) -> None:
    del made["fieldConfig"]["defaults"]["min"]
    made["options"] = {
        "calculate": False,
        "cellGap": 1,
        "color": {"mode": "scheme", "scheme": "Blues", "scale": "exponential", "exponent": 0.5, "steps": 32},
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "rowsFrame": {"layout": "auto"},
        "showValue": "auto",  # the number stands in the cell where it fits
        "tooltip": {"mode": "single", "showColorScale": True, "yHistogram": True},
        "yAxis": {"axisPlacement": "left", "unit": panel.unit, "reverse": False},
    }
