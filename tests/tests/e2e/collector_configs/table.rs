//! What is expected of each file of `tests/configs/collector`.

/// One file.
pub struct Row {
    /// Its name.
    pub file: &'static str,
    /// Components that a weir may lack; then the row is skipped.
    pub needs: &'static [&'static str],
    /// What becomes of it.
    pub expected: Expected,
}

/// What becomes of a file. Lines begin behind the file's name and a colon.
#[derive(Clone, Copy)]
pub enum Expected {
    /// It is taken, with these warnings.
    Taken(&'static [&'static str]),
    /// It is refused with these reasons.
    Refused(&'static [&'static str]),
}

use Expected::{Refused, Taken};

const fn row(file: &'static str, needs: &'static [&'static str], expected: Expected) -> Row {
    Row { file, needs, expected }
}

/// Every file.
pub const ROWS: &[Row] = &[
    row(
        "agent.yaml",
        &[],
        Taken(&[
            "5:3: extensions::pprof: left out, since no data depends on it: weir has no profiling server; `perf` shows where its time goes",
            "8:3: extensions::zpages: left out, since no data depends on it: weir has none; its metrics, its health page and GET /plugins say what it does",
        ]),
    ),
    row("attributes.yaml", &["attributes", "resource"], Taken(&[])),
    row(
        "authenticated.yaml",
        &[],
        Refused(&[
            "3:3: extensions::basicauth/server: weir has no extension \"basicauth\": weir has no authenticators; give an exporter its key in headers, from a variable or a file (${file:PATH})",
            "4:3: extensions::bearertokenauth/vendor: weir has no extension \"bearertokenauth\": weir has no authenticators; give an exporter its key in headers, from a variable or a file (${file:PATH})",
            "8:40: receivers::otlp::protocols::http::auth: not supported yet by weir; leave it out",
            "12:5: exporters::otlp_http::auth: not supported yet by weir; leave it out",
        ]),
    ),
    row("batching.yaml", &[], Taken(&[])),
    row("browser.yaml", &[], Taken(&[])),
    row(
        "durable-queue.yaml",
        &[],
        Taken(&[
            "10:5: extensions::file_storage/queue::timeout: has no effect in weir: weir waits for no lock: a directory that another process has is an error",
            "11:5: extensions::file_storage/queue::compaction: has no effect in weir: a queue's files are removed as soon as they were sent",
        ]),
    ),
    row("files.yaml", &["file"], Taken(&[])),
    row("gateway-anchors.yaml", &[], Taken(&[])),
    row(
        "k8s-agent.yaml",
        &[],
        Refused(&[
            "6:3: receivers::hostmetrics: weir has no receiver \"hostmetrics\": weir looks after the telemetry of its pod and collects nothing itself; leave this to a Collector on the node or in the cluster",
            "7:3: receivers::filelog: weir has no receiver \"filelog\": weir reads no logs but those that are sent by OTLP; log through an OpenTelemetry SDK, or let the node's agent that reads them send them to weir's otlp receiver",
            "9:3: processors::k8sattributes: weir has no processor \"k8sattributes\": a sidecar knows its pod without asking the API server: the shipped plugin enrich takes it from the downward API",
            "12:3: processors::resourcedetection: weir has no processor \"resourcedetection\": what the pod's environment knows, the shipped plugin enrich puts on the resource",
        ]),
    ),
    row(
        "metrics-sampled.yaml",
        &[],
        Refused(&[
            "7:52: processors::probabilistic_sampler::attribute_source: with \"record\", from_attribute must name the attribute by which records are judged",
            "13:5: service::pipelines::metrics: processor \"probabilistic_sampler\" takes logs, traces and no metrics",
            "13:77: service::pipelines::metrics: references processor \"batch\" multiple times",
        ]),
    ),
    row(
        "mistyped.yaml",
        &[],
        Refused(&[
            "5:14: receivers::otlp::protocols::grpc::endpont: unknown key \"endpont\"; did you mean \"endpoint\"? (valid: endpoint, transport, tls, keepalive, max_recv_msg_size_mib, max_concurrent_streams)",
            "7:20: processors::batch::timeout: expected a duration with its unit, such as 200ms, 1m30s or 1h, found 5",
            "8:52: processors::probabilistic_sampler::hashseed: unknown key \"hashseed\"; did you mean \"hash_seed\"? (valid: sampling_percentage, hash_seed, mode, fail_closed, sampling_precision, attribute_source, from_attribute, sampling_priority)",
            "10:54: exporters::otlp_grpc::compression: unknown value \"gzp\"; did you mean \"gzip\"? (valid: gzip, zstd, none)",
            "14:5: service::pipelines::trace: unknown signal \"trace\"; did you mean \"traces\"? (valid: traces, metrics, logs, profiles)",
        ]),
    ),
    row(
        "old-exporters.yaml",
        &[],
        Refused(&[
            "7:3: exporters::logging: weir has no exporter \"logging\": it has been called debug since 2024, and means the same",
            "8:3: exporters::jaeger: weir has no exporter \"jaeger\": Jaeger takes OTLP on its port 4317: use otlp_grpc",
            "9:3: exporters::kafka: weir has no exporter \"kafka\": send by OTLP to a Collector that has this exporter",
        ]),
    ),
    row(
        "ottl.yaml",
        &[],
        Refused(&[
            "7:3: processors::filter: weir has no processor \"filter\": a condition on items is a plugin of some lines (weir has no OTTL); this one is plugins/examples/drop-health-checks",
            "11:3: processors::transform: weir has no processor \"transform\": a change of items is a plugin of some lines (weir has no OTTL), or the shipped plugin enrich if attributes are set, renamed or deleted; this one is plugins/examples/rename-attribute",
        ]),
    ),
    row(
        "own-telemetry.yaml",
        &[],
        Refused(&[
            "5:40: receivers::otlp::protocols::grpc::include_metadata: not supported yet by weir; leave it out",
            "7:11: processors::batch::metadata_keys: not supported yet by weir; leave it out",
            "7:39: processors::batch::metadata_cardinality_limit: not supported yet by weir; leave it out",
            "12:5: service::telemetry::traces: not supported yet by weir; leave it out",
            "15:11: service::telemetry::metrics::readers::0::periodic: not supported yet by weir; leave it out",
            "15:11: service::telemetry::metrics::readers::0: the key \"pull\" is required",
        ]),
    ),
    row("redaction.yaml", &["redaction"], Taken(&[])),
    row("sampling.yaml", &[], Taken(&[])),
    row(
        "sidecar-env.yaml",
        &[],
        Taken(&[
            "17:5: service::telemetry::resource: has no effect yet: weir's metrics and logs carry no resource",
        ]),
    ),
    row(
        "span-metrics.yaml",
        &[],
        Refused(&[
            "7:3: connectors::spanmetrics: weir has no connector \"spanmetrics\": weir makes no metrics of spans and logs; make them where all spans come together, in the gateway's Collector or the backend (Tempo's metrics generator, for instance), before anything is sampled",
        ]),
    ),
    row(
        "tail-sampling-gateway.yaml",
        &[],
        Refused(&[
            "7:3: processors::tail_sampling: weir has no processor \"tail_sampling\": a whole trace comes together at a gateway, not in a sidecar: keep this in the gateway's Collector, and let weir sample by trace id and keep its service's own errors and slow spans",
            "14:3: processors::groupbytrace: weir has no processor \"groupbytrace\": a whole trace comes together at a gateway, not in a sidecar: keep this in the gateway's Collector, and let weir sample by trace id and keep its service's own errors and slow spans",
        ]),
    ),
    row("tls.yaml", &[], Taken(&[])),
    row(
        "tuned.yaml",
        &[],
        Taken(&[
            "5:40: receivers::otlp::protocols::grpc::read_buffer_size: left out, since no data depends on it: weir has no such key",
            "5:66: receivers::otlp::protocols::grpc::write_buffer_size: left out, since no data depends on it: weir has no such key",
            "10:5: processors::memory_limiter::min_gc_interval_when_soft_limited: left out, since no data depends on it: weir has no such key",
            "13:45: extensions::health_check::check_collector_pipeline: left out, since no data depends on it: weir has no such key",
            "18:5: exporters::otlp::keepalive: left out, since no data depends on it: weir has no such key",
            "19:5: exporters::otlp::wait_for_ready: left out, since no data depends on it: weir has no such key",
            "20:30: exporters::debug::sampling_initial: left out, since no data depends on it: weir has no such key",
            "20:51: exporters::debug::sampling_thereafter: left out, since no data depends on it: weir has no such key",
            "24:25: service::telemetry::logs::development: left out, since no data depends on it: weir has no such key",
            "24:45: service::telemetry::logs::disable_caller: left out, since no data depends on it: weir has no such key",
            "24:67: service::telemetry::logs::sampling: left out, since no data depends on it: weir has no such key",
        ]),
    ),
    row("unix-socket.yaml", &[], Taken(&[])),
    row(
        "unused.yaml",
        &[],
        Taken(&[
            "6:3: receivers::jaeger: weir has no such component, and nothing uses it",
            "9:3: processors::filter/noise: weir has no such component, and nothing uses it",
            "12:3: processors::tail_sampling: weir has no such component, and nothing uses it",
            "15:3: connectors::spanmetrics: weir has no such component, and nothing uses it",
            "18:3: exporters::zipkin: weir has no such component, and nothing uses it",
            "19:3: exporters::debug: configured but used in no pipeline, so it is not started",
            "21:3: extensions::opamp: weir has no such component, and nothing uses it",
            "22:3: extensions::memory_ballast: left out, since no data depends on it: weir needs no ballast",
        ]),
    ),
];
