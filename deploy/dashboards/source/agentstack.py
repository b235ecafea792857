"""A platform of agents behind a weir with `prometheus` (namespace agentstack), `loki` and `otlp/tempo` exporters: HTTP, calls of language
models, tokens and what they cost, agents, and logs that lead to their traces."""

from common import quantiles, rate
from grafana import (
    LOKI,
    dashboard,
    explore,
    instant,
    panel,
    query,
    series,
    source_variable,
    stat,
    steps,
    text_variable,
    variable,
)

SELECTED = 'job=~"$job", instance=~"$instance"'
AGENTS = f'{SELECTED}, project_id=~"$project"'
SERVER_ERRORS = 'status=~"5.."'
LOGS = '{exporter="OTLP"}'


def http(by, matchers=""):
    return rate("agentstack_http_requests_total", by=by, matchers=matchers)


def llm(metric, by):
    return rate(f"agentstack_{metric}", by=by, selected=AGENTS)


def increase(metric, by=""):
    grouping = f" by ({by})" if by else ""
    return f"sum{grouping} (increase(agentstack_{metric}{{{AGENTS}}}[$__range]))"


def cost(spent, by=""):
    """What the tokens cost that `spent` says, at prices for a million."""
    return (
        f"{spent('llm_tokens_in_total', by)} / 1e6 * $price_in + {spent('llm_tokens_out_total', by)} / 1e6 * $price_out"
    )


def build():
    errors = f"{http('', SERVER_ERRORS)} / {http('')}"
    # An exemplar, or a peak, leads to what was logged and traced then.
    ways = (
        explore("Logs of this time", "logs", expr=LOGS),
        explore("Traces of this time", "traces", queryType="traceql", query="{}"),
    )
    slow = {"exemplar": True}
    now = [
        stat("Requests", "HTTP requests a second.", "reqps", http("")),
        stat(
            "Errors",
            "The part of them that was answered with 5xx.",
            "percentunit",
            f"({errors}) or vector(0)",
            thresholds=steps(("green", None), ("orange", 0.01), ("red", 0.05)),
        ),
        stat(
            "Slowest twentieth",
            "95 % of the HTTP requests take less.",
            "s",
            quantiles("agentstack_http_request_duration_seconds", by="", legend="", levels=(0.95,), selected=SELECTED)[
                0
            ]["expr"],
        ),
        stat("Calls of models", "Calls of language models a second.", "reqps", llm("llm_calls_total", "")),
        stat("Agents", "Agents that are active.", "none", f"sum(agentstack_agents_active{{{AGENTS}}})"),
        stat("Cost", "Of the tokens in the time range, at the prices above.", "currencyUSD", cost(increase), width=4),
    ]
    requests = [
        series(
            "Requests",
            "HTTP requests a second.",
            "reqps",
            query(http("method, path"), "{{method}} {{path}}"),
            stacked=True,
        ),
        series("Answers", "By status.", "reqps", query(http("status"), "{{status}}"), stacked=True),
        series(
            "Errors",
            "The part that was answered with 5xx, by path.",
            "percentunit",
            query(f"{http('path', SERVER_ERRORS)} / {http('path')}", "{{path}}"),
            links=ways,
            max=1,
        ),
        series(
            "Duration",
            "Of HTTP requests.",
            "s",
            *quantiles("agentstack_http_request_duration_seconds", by="", legend="", selected=SELECTED, **slow),
            width=12,
            links=ways,
        ),
        series(
            "Duration by path",
            "95 % take less.",
            "s",
            *quantiles(
                "agentstack_http_request_duration_seconds",
                by="path",
                legend="{{path}}",
                levels=(0.95,),
                selected=SELECTED,
            ),
            width=12,
            links=ways,
        ),
    ]
    models = [
        series(
            "Calls",
            "Calls of language models a second.",
            "reqps",
            query(llm("llm_calls_total", "model"), "{{model}}"),
            stacked=True,
        ),
        series(
            "Duration",
            "Of calls of language models.",
            "s",
            *quantiles("agentstack_llm_call_duration_seconds", by="model", legend="{{model}}", selected=AGENTS, **slow),
            links=ways,
        ),
        series(
            "Slowest agents",
            "95 % of the calls of each of the ten slowest take less.",
            "s",
            query(
                f"topk(10, histogram_quantile(0.95, {llm('llm_call_duration_seconds_bucket', 'le, agent_id')}))",
                "{{agent_id}}",
            ),
            links=ways,
        ),
        series(
            "Tokens",
            "Tokens a second, to and from models.",
            "short",
            query(llm("llm_tokens_in_total", "model"), "{{model}} in"),
            query(llm("llm_tokens_out_total", "model"), "{{model}} out"),
        ),
        series(
            "Tokens for each call",
            "To and from models.",
            "short",
            query(
                f"({llm('llm_tokens_in_total', 'model')} + {llm('llm_tokens_out_total', 'model')}) / ({llm('llm_calls_total', 'model')} > 0)",
                "{{model}}",
            ),
        ),
        series(
            "Tokens of chats",
            "Tokens a second.",
            "short",
            query(llm("chat_tokens_total", "project_id"), "{{project_id}}"),
            stacked=True,
        ),
        series(
            "Cost an hour",
            "At the present rate, at the prices above.",
            "currencyUSD",
            query(f"({cost(llm, 'model')}) * 3600", "{{model}}"),
            width=12,
            stacked=True,
        ),
        panel(
            "bargauge",
            "Cost by project",
            "Of the tokens in the time range, at the prices above.",
            "currencyUSD",
            [instant(f"sort_desc({cost(increase, 'project_id')})", "{{project_id}}")],
            width=12,
            height=8,
            options={
                "orientation": "horizontal",
                "displayMode": "basic",
                "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            },
            min=0,
        ),
    ]
    agents = [
        series(
            "Active agents",
            "By project.",
            "none",
            query(f"sum by (project_id) (agentstack_agents_active{{{AGENTS}}})", "{{project_id}}"),
            width=24,
            stacked=True,
        ),
    ]
    failed = panel(
        "table",
        "Errors with their traces",
        "Records of severity ERROR. The trace id leads to the trace.",
        "none",
        [{"expr": f'{LOGS} | json | severity="ERROR"', "queryType": "range", "maxLines": 200}],
        width=24,
        height=9,
        source=LOKI,
        options={"showHeader": True},
    )
    failed["transformations"] = [
        {"id": "extractFields", "options": {"source": "labels", "format": "json"}},
        {"id": "filterFieldsByName", "options": {"include": {"names": ["Time", "job", "body", "traceid"]}}},
    ]
    failed["fieldConfig"]["overrides"] = [
        {
            "matcher": {"id": "byName", "options": "traceid"},
            "properties": [
                {"id": "links", "value": [explore("Trace", "traces", queryType="traceql", query="${__value.raw}")]}
            ],
        }
    ]
    bars = series(
        "Records by level",
        "Records a second.",
        "cps",
        {"expr": f"sum by (level) (rate({LOGS}[$__auto]))", "legendFormat": "{{level}}", "queryType": "range"},
        width=24,
        stacked=True,
    )
    bars["datasource"] = bars["targets"][0]["datasource"] = LOKI
    logs = [
        bars,
        failed,
        panel(
            "logs",
            "Records",
            "Everything that is logged.",
            "none",
            [{"expr": f'{LOGS} | json | line_format "{{{{.body}}}}"', "queryType": "range", "maxLines": 500}],
            width=24,
            height=10,
            source=LOKI,
            options={
                "showTime": True,
                "showLabels": False,
                "wrapLogMessage": True,
                "enableLogDetails": True,
                "sortOrder": "Descending",
            },
        ),
    ]
    requests_made = "agentstack_http_requests_total"
    return dashboard(
        "agentstack",
        "Agents: service",
        "HTTP, calls of language models, tokens and their cost, agents, and logs that lead to their traces.",
        ["weir", "agents"],
        [
            source_variable("datasource", "Prometheus", "prometheus"),
            source_variable("logs", "Loki", "loki"),
            source_variable("traces", "Traces", "tempo"),
            variable("job", "Job", requests_made),
            variable("instance", "Instance", requests_made, 'job=~"$job"'),
            variable("project", "Project", "agentstack_llm_calls_total", SELECTED, values_of="project_id"),
            text_variable("price_in", "$ for 1M tokens in", "3"),
            text_variable("price_out", "$ for 1M tokens out", "15"),
        ],
        [("Now", now), ("HTTP", requests), ("Language models", models), ("Agents", agents), ("Logs", logs)],
    )
