"""weir's own health: what it takes and refuses, what becomes of it, what it costs."""

from common import SELECTED, SIGNALS, all_signals, by_signal, rate, variables
from grafana import GOOD_IF_ZERO, dashboard, query, series, stat, steps, values

RELOADED = values(_0=("refused", "red"), _1=("in service", "green"))


def fates(signal, items):
    """What becomes of the items of one signal."""
    return series(
        f"What becomes of {signal}",
        "What is taken is sent, dropped by a plugin, or fails; what is neither yet is in a queue. With several exporters each counts for itself.",
        "cps",
        query(rate(f"otelcol_receiver_accepted_{items}_total"), "accepted"),
        query(rate(f"otelcol_exporter_sent_{items}_total", by="exporter"), "sent: {{exporter}}"),
        query(rate(f"otelcol_exporter_send_failed_{items}_total", by="exporter"), "failed: {{exporter}}"),
        query(
            rate("weir_plugin_items_dropped_total", by="plugin, reason", matchers=f'signal="{signal}"'),
            "dropped: {{plugin}} ({{reason}})",
        ),
    )


def build():
    cpu = rate("otelcol_process_cpu_seconds_total")
    now = [
        stat(
            "Instances", "weirs that are scraped.", "none", f"count(otelcol_process_uptime_seconds_total{{{SELECTED}}})"
        ),
        stat("Accepted", "Items a second whose fate is in weir's hands.", "cps", all_signals("receiver_accepted")),
        stat(
            "Refused",
            "Items a second that weir did not take: their senders have them.",
            "cps",
            all_signals("receiver_refused"),
            thresholds=GOOD_IF_ZERO,
        ),
        stat(
            "Not delivered",
            "Items a second that exporters gave up.",
            "cps",
            all_signals("exporter_send_failed"),
            thresholds=GOOD_IF_ZERO,
        ),
        stat(
            "Configuration",
            "Whether what the files say is in service, everywhere.",
            "none",
            f"min(weir_config_last_reload_successful{{{SELECTED}}})",
            thresholds=steps(("red", None), ("green", 1)),
            mappings=RELOADED,
        ),
        stat(
            "Budget in use",
            "Requests in memory, as a part of what they may take: the fullest instance.",
            "percentunit",
            f"max(weir_memory_in_flight_bytes{{{SELECTED}}} / weir_memory_budget_bytes{{{SELECTED}}})",
            thresholds=steps(("green", None), ("orange", 0.7), ("red", 0.9)),
        ),
    ]
    receivers = [
        series(
            "Accepted",
            "Items a second that were taken.",
            "cps",
            *by_signal("receiver_accepted", by="receiver, transport", legend="{{receiver}} {{transport}}"),
        ),
        series(
            "Refused",
            "Items a second that were not taken. Their senders are told whether to try again.",
            "cps",
            *by_signal("receiver_refused", by="receiver, transport", legend="{{receiver}} {{transport}}"),
        ),
        series(
            "Failed",
            "Items a second that met a fault of weir's own.",
            "cps",
            *by_signal("receiver_failed", by="receiver, transport", legend="{{receiver}} {{transport}}"),
        ),
        series(
            "Requests",
            "What senders were told.",
            "reqps",
            query(rate("otelcol_receiver_requests_total", by="transport, outcome"), "{{transport}} {{outcome}}"),
            stacked=True,
        ),
        series(
            "Items in and out of processors",
            "The difference is what a processor drops.",
            "cps",
            query(
                rate("otelcol_processor_incoming_items_total", by="processor, otel_signal"),
                "{{processor}} {{otel_signal}} in",
            ),
            query(
                rate("otelcol_processor_outgoing_items_total", by="processor, otel_signal"),
                "{{processor}} {{otel_signal}} out",
            ),
        ),
        series(
            "Panics",
            "Requests over which weir panicked, which is a bug: it went on with the others.",
            "cps",
            query(rate("weir_receiver_panics_total", by="receiver, transport"), "{{receiver}} {{transport}}"),
            query(rate("weir_exporter_panics_total", by="exporter"), "{{exporter}}"),
        ),
    ]
    resources = [
        series(
            "Memory",
            "Resident memory, and what requests take of their budget.",
            "bytes",
            query(f"otelcol_process_memory_rss{{{SELECTED}}}", "{{instance}} resident"),
            query(f"weir_memory_in_flight_bytes{{{SELECTED}}}", "{{instance}} requests"),
            query(f"weir_memory_budget_bytes{{{SELECTED}}}", "{{instance}} budget"),
        ),
        series(
            "CPU",
            "Cores in use.",
            "none",
            query(rate("otelcol_process_cpu_seconds_total", by="instance"), "{{instance}}"),
        ),
        series(
            "CPU for each item",
            "CPU time over items taken.",
            "s",
            query(f"{cpu} / (({all_signals('receiver_accepted')}) > 0)", "all instances"),
        ),
        series(
            "Time since start",
            "A line that falls is a restart.",
            "s",
            query(f"otelcol_process_uptime_seconds_total{{{SELECTED}}}", "{{instance}}"),
        ),
    ]
    reloads = [
        series(
            "Configuration",
            "Reloads, by whether they took effect.",
            "short",
            query(
                f"sum by (instance, result) (increase(weir_config_reloads_total{{{SELECTED}}}[$__rate_interval]))",
                "{{instance}} {{result}}",
            ),
        ),
        series(
            "Plugins",
            "Reloads of plugins: success, failure (the former version goes on), rolled_back (it failed in service).",
            "short",
            query(
                f"sum by (plugin, result) (increase(weir_plugin_reloads_total{{{SELECTED}}}[$__rate_interval]))",
                "{{plugin}} {{result}}",
            ),
        ),
        series(
            "Certificates",
            "Certificates whose files had changed, by whether they are in use.",
            "short",
            query(
                f"sum by (receiver, transport, result) (increase(weir_receiver_certificate_renewals_total{{{SELECTED}}}[$__rate_interval]))",
                "{{receiver}} {{transport}} {{result}}",
            ),
        ),
    ]
    return dashboard(
        "weir-health",
        "weir: health",
        "What weir takes and refuses, what becomes of it, and what it costs.",
        ["weir"],
        variables(),
        [
            ("Now", now),
            ("Receivers and processors", receivers),
            ("Accounts", [fates(*pair) for pair in SIGNALS.items()]),
            ("Memory and CPU", resources),
            ("Reloads", reloads),
        ],
    )
