"""Delivery: attempts, queues, what is not delivered."""

from common import SELECTED, all_signals, by_signal, quantiles, rate, variables
from grafana import GOOD_IF_ZERO, dashboard, query, series, stat, steps, variable

RETRYABLE = 'outcome="retryable"'
SHOWN = f'{SELECTED}, exporter=~"$exporter"'


def counted(metric, by, matchers=""):
    return rate(metric, by=by, matchers=matchers, selected=SHOWN)


def build():
    failing = counted("weir_exporter_attempts_total", "", 'outcome=~"retryable|permanent"')
    fullness = f"otelcol_exporter_queue_size{{{SHOWN}}} / (otelcol_exporter_queue_capacity{{{SHOWN}}} > 0)"
    now = [
        stat("Sent", "Items a second that upstreams took.", "cps", all_signals("exporter_sent", selected=SHOWN)),
        stat(
            "Failing attempts",
            "The part of the attempts that fails.",
            "percentunit",
            f"{failing} / {counted('weir_exporter_attempts_total', '')}",
            thresholds=steps(("green", None), ("orange", 0.01), ("red", 0.2)),
        ),
        stat(
            "Fullest queue",
            "As a part of its room.",
            "percentunit",
            f"max({fullness})",
            thresholds=steps(("green", None), ("orange", 0.5), ("red", 0.8)),
        ),
        stat(
            "Items queued",
            "Items that wait or are under way, in memory or on disk.",
            "short",
            f"sum(weir_exporter_queue_items{{{SHOWN}}})",
        ),
        stat(
            "Not delivered",
            "Items a second that were given up.",
            "cps",
            all_signals("exporter_send_failed", selected=SHOWN),
            thresholds=GOOD_IF_ZERO,
        ),
        stat(
            "Dead letters, last hour",
            "Items that were put aside, or lost.",
            "short",
            f"sum(increase(weir_exporter_dead_letter_items_total{{{SHOWN}}}[1h])) or vector(0)",
            thresholds=GOOD_IF_ZERO,
        ),
    ]
    upstreams = [
        series(
            "Sent",
            "Items a second that the upstream took.",
            "cps",
            *by_signal("exporter_sent", by="exporter", selected=SHOWN, legend="{{exporter}}"),
        ),
        series(
            "Attempts",
            "Attempts to send a request, by how they ended: success, retryable (tried again), permanent, abandoned (weir stopped).",
            "reqps",
            query(counted("weir_exporter_attempts_total", "exporter, outcome"), "{{exporter}} {{outcome}}"),
            stacked=True,
        ),
        series(
            "Duration of attempts",
            "Until the upstream's answer or the timeout.",
            "s",
            *quantiles("weir_exporter_attempt_duration_seconds", by="exporter", legend="{{exporter}}", selected=SHOWN),
        ),
        series(
            "Retries",
            "The part of the attempts that failed in a way that may pass, and so are made again.",
            "percentunit",
            query(
                f"{counted('weir_exporter_attempts_total', 'exporter', RETRYABLE)} / {counted('weir_exporter_attempts_total', 'exporter')}",
                "{{exporter}}",
            ),
            max=1,
        ),
        series(
            "Under way",
            "Attempts under way: at most `num_consumers`.",
            "none",
            query(f"sum by (exporter) (otelcol_exporter_in_flight_requests{{{SHOWN}}})", "{{exporter}}"),
        ),
        series(
            "What senders are told",
            "Requests by outcome. With `wait_for_result`, success means that the upstream has it; with a storage, that the disk has.",
            "reqps",
            query(rate("otelcol_receiver_requests_total", by="transport, outcome"), "{{transport}} {{outcome}}"),
        ),
    ]
    queues = [
        series(
            "Fullness",
            "Room in use, as a part of it all. A full queue refuses.",
            "percentunit",
            query(f"max by (instance, exporter) ({fullness})", "{{instance}} {{exporter}}"),
            max=1,
        ),
        series(
            "Items queued",
            "Items that wait or are under way.",
            "short",
            query(
                f"sum by (exporter, otel_signal) (weir_exporter_queue_items{{{SHOWN}}})", "{{exporter}} {{otel_signal}}"
            ),
            stacked=True,
        ),
        series(
            "Found the queue full",
            "Items a second. Their senders are told to try again.",
            "cps",
            *by_signal("exporter_enqueue_failed", by="exporter", selected=SHOWN, legend="{{exporter}}"),
        ),
        series(
            "Recovered",
            "Items that were on disk at a start.",
            "short",
            query(
                f"sum by (exporter, otel_signal) (weir_exporter_recovered_items_total{{{SHOWN}}})",
                "{{exporter}} {{otel_signal}}",
            ),
        ),
        series(
            "Storage failures",
            "Batches that the disk did not take, or did not give back.",
            "cps",
            query(counted("weir_exporter_storage_failures_total", "exporter"), "{{exporter}}"),
        ),
        series(
            "Sent again for another exporter",
            "Items a second that came again since another exporter did not have them; this one had them, and did not send them twice.",
            "cps",
            query(
                counted("weir_exporter_already_delivered_items_total", "exporter, otel_signal"),
                "{{exporter}} {{otel_signal}}",
            ),
        ),
    ]
    losses = [
        series(
            "Given up",
            "Items a second that the upstream did not take. With `wait_for_result` their sender knows.",
            "cps",
            *by_signal("exporter_send_failed", by="exporter", selected=SHOWN, legend="{{exporter}}"),
        ),
        series(
            "Rejected in part",
            "The part of it that upstreams rejected by partial success.",
            "cps",
            query(
                counted("weir_exporter_rejected_items_total", "exporter, otel_signal"), "{{exporter}} {{otel_signal}}"
            ),
        ),
        series(
            "Dead letters",
            "Items that were put into files (kept), or could not be (lost).",
            "cps",
            query(
                counted("weir_exporter_dead_letter_items_total", "exporter, otel_signal, result"),
                "{{exporter}} {{otel_signal}} {{result}}",
            ),
        ),
    ]
    return dashboard(
        "weir-delivery",
        "weir: delivery",
        "How upstreams answer, what waits for them, and what they do not get.",
        ["weir"],
        variables(variable("exporter", "Exporter", "otelcol_exporter_queue_size", SELECTED)),
        [
            ("Now", now),
            ("Upstreams and answers", upstreams),
            ("Queues and storage", queues),
            ("What is not delivered", losses),
        ],
    )
