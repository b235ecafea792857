"""Plugins: what they do, how long they take, how they fail."""

from common import SELECTED, quantiles, rate, variables
from grafana import GOOD_IF_ZERO, dashboard, query, series, stat, timeline, values, variable

SHOWN = f'{SELECTED}, plugin=~"$plugin"'
BREAKER = values(_0=("closed", "green"), _1=("half-open", "orange"), _2=("open", "red"))


def counted(metric, by):
    return rate(metric, by=by, selected=SHOWN)


def build():
    now = [
        stat(
            "Plugins",
            "Names of plugins that are in service.",
            "none",
            f"count(count by (plugin) (weir_plugin_instances{{{SHOWN}}}))",
        ),
        stat("Calls", "Calls a second.", "cps", counted("weir_plugin_calls_total", "")),
        stat(
            "Failures",
            "Failed calls a second.",
            "cps",
            counted("weir_plugin_failures_total", ""),
            thresholds=GOOD_IF_ZERO,
        ),
        stat(
            "Lost by failing",
            "Items a second that were dropped since a plugin failed on them.",
            "cps",
            rate("weir_plugin_items_dropped_total", matchers='reason=~"error|isolated"', selected=SHOWN),
            thresholds=GOOD_IF_ZERO,
        ),
        stat(
            "Resting",
            "Plugins whose circuit breaker is not closed.",
            "none",
            f"count(weir_plugin_breaker_state{{{SHOWN}}} > 0) or vector(0)",
            thresholds=GOOD_IF_ZERO,
        ),
        stat("Memory", "Linear memory of all instances.", "bytes", f"sum(weir_plugin_memory_bytes{{{SHOWN}}})"),
    ]
    calls = [
        series(
            "Calls",
            "A batch is one call; none if it has nothing that the plugin asked for.",
            "cps",
            query(counted("weir_plugin_calls_total", "plugin, signal"), "{{plugin}} {{signal}}"),
        ),
        series(
            "Duration of calls",
            "From the call until its answer, without the checks of the answer.",
            "s",
            *quantiles("weir_plugin_call_duration_seconds", by="plugin", legend="{{plugin}}", selected=SHOWN),
        ),
        series(
            "Time in plugins",
            "Seconds a second that calls take, which is cores if they do not wait.",
            "s",
            query(counted("weir_plugin_call_duration_seconds_sum", "plugin"), "{{plugin}}"),
            stacked=True,
        ),
        series(
            "Items shown",
            "Items a second that plugins were shown.",
            "cps",
            query(counted("weir_plugin_items_in_total", "plugin, signal"), "{{plugin}} {{signal}}"),
        ),
        series(
            "Edits",
            "Edits a second that were applied.",
            "cps",
            query(counted("weir_plugin_edits_total", "plugin, signal"), "{{plugin}} {{signal}}"),
        ),
        series(
            "Items dropped",
            "By the plugin's own rule (plugin), or since it failed (error, isolated).",
            "cps",
            query(
                counted("weir_plugin_items_dropped_total", "plugin, signal, reason"),
                "{{plugin}} {{signal}} ({{reason}})",
            ),
        ),
    ]
    failures = [
        series(
            "Failures",
            "Failed calls a second, by their reason. What becomes of a batch then is the plugin's `on_error`.",
            "cps",
            query(counted("weir_plugin_failures_total", "plugin, reason"), "{{plugin}} {{reason}}"),
            width=12,
            stacked=True,
        ),
        timeline(
            "Circuit breaker",
            "Open after ten failures in a row; then one batch at a time is a probe.",
            BREAKER,
            query(f"max by (instance, plugin) (weir_plugin_breaker_state{{{SHOWN}}})", "{{instance}} {{plugin}}"),
        ),
        series(
            "Reloads",
            "New versions that took effect, that did not load, and that were taken back.",
            "short",
            query(
                f"sum by (plugin, result) (increase(weir_plugin_reloads_total{{{SHOWN}}}[$__rate_interval]))",
                "{{plugin}} {{result}}",
            ),
            width=12,
        ),
        series(
            "Lines over the rate",
            "Lines of plugins that were not logged, since there were too many.",
            "cps",
            query(counted("weir_plugin_log_lines_dropped_total", "plugin"), "{{plugin}}"),
            width=12,
        ),
    ]
    resources = [
        series(
            "Instances",
            "Live instances.",
            "none",
            query(f"sum by (plugin) (weir_plugin_instances{{{SHOWN}}})", "{{plugin}}"),
        ),
        series(
            "Memory",
            "Linear memory of the live instances.",
            "bytes",
            query(f"sum by (plugin) (weir_plugin_memory_bytes{{{SHOWN}}})", "{{plugin}}"),
        ),
        series(
            "Cache of compiled code",
            "Lookups: hit, miss (compiled then), rejected (damaged or foreign); store_failed if the directory takes nothing.",
            "short",
            query(
                f"sum by (result) (increase(weir_plugin_code_cache_total{{{SELECTED}}}[$__rate_interval]))",
                "{{result}}",
            ),
        ),
    ]
    own = [
        series(
            "Counters of plugins",
            "What plugins count themselves: values that were redacted, by detector, for instance.",
            "cps",
            query(counted("weir_plugin_counter_total", "plugin, counter, label"), "{{plugin}} {{counter}} {{label}}"),
            width=24,
        ),
    ]
    return dashboard(
        "weir-plugins",
        "weir: plugins",
        "What plugins do, how long they take, and how they fail.",
        ["weir"],
        variables(variable("plugin", "Plugin", "weir_plugin_instances", SELECTED)),
        [
            ("Now", now),
            ("Work", calls),
            ("Failures and versions", failures),
            ("Resources", resources),
            ("Their own counters", own),
        ],
    )
