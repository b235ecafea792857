"""What dashboards are made of: panels in rows on Grafana's grid of 24 columns, variables, links. No more of Grafana than these four use."""

import json
import urllib.parse

COLUMNS = 24
ALL = {"selected": True, "text": "All", "value": "$__all"}
PROMETHEUS = {"type": "prometheus", "uid": "${datasource}"}
LOKI = {"type": "loki", "uid": "${logs}"}


def query(expr, legend="", **extra):
    """One query in PromQL."""
    return {"expr": " ".join(expr.split()), "legendFormat": legend or "__auto", "range": True, **extra}


def instant(expr, legend="", **extra):
    """One that is asked for the end of the time range alone."""
    return {**query(expr, legend), "range": False, "instant": True, **extra}


def steps(*levels):
    """Thresholds: colours from values on, the first from minus infinity."""
    return {"mode": "absolute", "steps": [{"color": color, "value": value} for color, value in levels]}


GOOD_IF_ZERO = steps(("green", None), ("red", 1e-9))


def panel(kind, title, description, unit, queries, *, width, height, source=PROMETHEUS, options=None, **defaults):
    """Any panel. Where it stands is decided by `dashboard`."""
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": source,
        "gridPos": {"w": width, "h": height},
        "fieldConfig": {"defaults": {"unit": unit, **defaults}, "overrides": []},
        "options": options or {},
        "targets": [{"refId": chr(ord("A") + at), "datasource": source, **one} for at, one in enumerate(queries)],
    }


def series(title, description, unit, *queries, width=8, stacked=False, links=(), **defaults):
    """Lines over time."""
    custom = {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 20 if stacked else 5,
        "showPoints": "never",
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
    }
    options = {
        "legend": {"showLegend": True, "displayMode": "table", "placement": "bottom", "calcs": ["mean", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    made = panel(
        "timeseries",
        title,
        description,
        unit,
        queries,
        width=width,
        height=8,
        options=options,
        custom=custom,
        **defaults,
    )
    made["fieldConfig"]["defaults"].setdefault("min", 0)
    if links:
        made["fieldConfig"]["defaults"]["links"] = list(links)
    return made


def stat(title, description, unit, expr, *, width=4, thresholds=None, mappings=(), **extra):
    """One number, as it is now."""
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "value" if thresholds else "none",
        "graphMode": "none",
        "textMode": "value",
    }
    defaults = {"thresholds": thresholds or steps(("text", None)), "mappings": list(mappings)}
    return panel(
        "stat", title, description, unit, [instant(expr, **extra)], width=width, height=4, options=options, **defaults
    )


def timeline(title, description, mappings, *queries, width=12):
    """States over time."""
    options = {
        "showValue": "never",
        "mergeValues": True,
        "rowHeight": 0.8,
        "legend": {"showLegend": True, "displayMode": "list", "placement": "bottom"},
    }
    thresholds = steps(("green", None), ("orange", 1), ("red", 2))
    return panel(
        "state-timeline",
        title,
        description,
        "none",
        queries,
        width=width,
        height=8,
        options=options,
        mappings=mappings,
        thresholds=thresholds,
    )


def values(**names):
    """What values are called, and their colours: `values(_0=("closed", "green"))`."""
    texts = {
        name[1:]: {"text": text, "color": color, "index": at} for at, (name, (text, color)) in enumerate(names.items())
    }
    return [{"type": "value", "options": texts}]


def variable(name, label, metric, matchers="", values_of=""):
    """One that is chosen among the values of a label, that of its own name if no other is named; several, or all."""
    selector = f"{metric}{{{matchers}}}" if matchers else metric
    definition = f"label_values({selector}, {values_of or name})"
    return {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": PROMETHEUS,
        "definition": definition,
        "query": {"query": definition, "refId": "StandardVariableQuery"},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": ALL,
    }


def source_variable(name, label, kind):
    """One that is chosen among the data sources of a kind."""
    return {
        "type": "datasource",
        "name": name,
        "label": label,
        "query": kind,
        "refresh": 1,
        "multi": False,
        "includeAll": False,
    }


def text_variable(name, label, value):
    """One that is typed in."""
    current = {"selected": True, "text": value, "value": value}
    return {"type": "textbox", "name": name, "label": label, "query": value, "current": current, "options": [current]}


def explore(title, source_name, **search):
    """A link to Explore with a query for another data source, over the same time."""
    panes = {
        "a": {
            "datasource": f"${{{source_name}}}",
            "queries": [{"refId": "A", **search}],
            "range": {"from": "${__from}", "to": "${__to}"},
        }
    }
    # Grafana puts its variables into the link before it is followed, so they stay as they are.
    text = urllib.parse.quote(json.dumps(panes, separators=(",", ":")), safe="${}:._")
    return {"title": title, "url": f"/explore?schemaVersion=1&orgId=1&panes={text}", "targetBlank": True}


def dashboard(uid, title, description, tags, variables, rows):
    """The whole: `rows` are titles with their panels, which are put side by side, line by line."""
    panels, y, number = [], 0, 1
    for heading, members in rows:
        panels.append(
            {
                "id": number,
                "type": "row",
                "title": heading,
                "collapsed": False,
                "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1},
                "panels": [],
            }
        )
        number, y, x, line = number + 1, y + 1, 0, 0
        for member in members:
            size = member["gridPos"]
            if x + size["w"] > COLUMNS:
                x, y, line = 0, y + line, 0
            panels.append({"id": number, **member, "gridPos": {"x": x, "y": y, **size}})
            number, x, line = number + 1, x + size["w"], max(line, size["h"])
        y += line
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": tags,
        "schemaVersion": 39,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "links": [
            {
                "type": "dashboards",
                "title": "weir",
                "tags": ["weir"],
                "asDropdown": True,
                "includeVars": True,
                "keepTime": True,
            }
        ],
        "annotations": {"list": []},
        "templating": {"list": variables},
        "panels": panels,
    }
