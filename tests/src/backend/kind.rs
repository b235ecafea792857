//! What differs between the backends.

/// Which backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Traces.
    Jaeger,
    /// Logs.
    Loki,
    /// Metrics.
    Prometheus,
    /// The OpenTelemetry Collector.
    Collector,
}

impl Kind {
    /// What it is called in the cache, and by `run.sh`.
    pub(super) fn binary(self) -> &'static str {
        match self {
            Kind::Jaeger => "jaeger",
            Kind::Loki => "loki",
            Kind::Prometheus => "prometheus",
            Kind::Collector => "otelcol",
        }
    }

    /// What its API answers with 200 from when it is ready.
    pub(super) fn ready_path(self) -> &'static str {
        match self {
            Kind::Jaeger => "/api/services",
            Kind::Loki => "/ready",
            Kind::Prometheus => "/-/ready",
            Kind::Collector => "/metrics",
        }
    }
}
