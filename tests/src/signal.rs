//! The four signals of OTLP with their names on the wire.

/// A signal of OTLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Data points.
    Metrics,
    /// Log records.
    Logs,
    /// Profiles, still in development.
    Profiles,
}

impl Signal {
    /// The signals whose items weir reads.
    pub const READ: [Signal; 3] = [Signal::Traces, Signal::Metrics, Signal::Logs];

    /// The path of the gRPC method.
    pub fn grpc_path(self) -> &'static str {
        match self {
            Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            Signal::Profiles => {
                "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export"
            }
        }
    }

    /// The path of the HTTP endpoint.
    pub fn http_path(self) -> &'static str {
        match self {
            Signal::Traces => "/v1/traces",
            Signal::Metrics => "/v1/metrics",
            Signal::Logs => "/v1/logs",
            Signal::Profiles => "/v1development/profiles",
        }
    }

    /// The signal that a gRPC or an HTTP path belongs to.
    pub fn of_path(path: &str) -> Option<Signal> {
        [Signal::Traces, Signal::Metrics, Signal::Logs, Signal::Profiles]
            .into_iter()
            .find(|signal| signal.grpc_path() == path || signal.http_path() == path)
    }

    /// What weir's configuration calls it, as in `service.pipelines`.
    pub fn name(self) -> &'static str {
        match self {
            Signal::Traces => "traces",
            Signal::Metrics => "metrics",
            Signal::Logs => "logs",
            Signal::Profiles => "profiles",
        }
    }

    /// What its items are called in the Collector's metric names.
    pub fn items(self) -> &'static str {
        match self {
            Signal::Traces => "spans",
            Signal::Metrics => "metric_points",
            Signal::Logs => "log_records",
            Signal::Profiles => "samples",
        }
    }
}
