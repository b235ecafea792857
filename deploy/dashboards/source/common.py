"""What the dashboards of weir's own metrics share."""

from grafana import query, source_variable, variable

SIGNALS = {"traces": "spans", "metrics": "metric_points", "logs": "log_records"}
SELECTED = 'job=~"$job", instance=~"$instance"'


def variables(*more):
    """The data source, jobs and instances, and what else a dashboard has."""
    started = "otelcol_process_uptime_seconds_total"
    return [
        source_variable("datasource", "Prometheus", "prometheus"),
        variable("job", "Job", started),
        variable("instance", "Instance", started, 'job=~"$job"'),
        *more,
    ]


def rate(metric, *, by="", matchers="", over="$__rate_interval", selected=SELECTED):
    """The sum of the rates of a counter."""
    selector = ", ".join(part for part in (selected, matchers) if part)
    grouping = f" by ({by})" if by else ""
    return f"sum{grouping} (rate({metric}{{{selector}}}[{over}]))"


def by_signal(what, *, by="", selected=SELECTED, legend=""):
    """A query for each signal, since the signal is part of the Collector's names."""
    return [
        query(rate(f"otelcol_{what}_{items}_total", by=by, selected=selected), f"{signal} {legend}".strip())
        for signal, items in SIGNALS.items()
    ]


def all_signals(what, *, selected=SELECTED):
    """The sum over all signals, of which some may have no pipeline."""
    return " + ".join(
        f"({rate(f'otelcol_{what}_{items}_total', selected=selected)} or vector(0))" for items in SIGNALS.values()
    )


def quantiles(metric, *, by, legend, levels=(0.5, 0.95, 0.99), selected=SELECTED, **extra):
    """A query for each of these quantiles of a histogram."""
    buckets = rate(f"{metric}_bucket", by=f"le, {by}" if by else "le", selected=selected)
    return [
        query(f"histogram_quantile({level}, {buckets})", f"{legend} p{level * 100:g}".strip(), **extra)
        for level in levels
    ]
