//! What the OTLP protocol fixes for both ends of weir: service paths, gRPC codes, gRPC message framing, the answers of OTLP and of `google.rpc`.

pub mod frame;
pub mod partial;
pub mod rpc;

use weir_otlp::Signal;

/// The gRPC codes that weir names. They travel as `u8` in the pipeline's vocabulary.
pub mod code {
    #![allow(missing_docs, reason = "the names are gRPC's own")]
    pub const OK: u8 = 0;
    pub const CANCELLED: u8 = 1;
    pub const UNKNOWN: u8 = 2;
    pub const INVALID_ARGUMENT: u8 = 3;
    pub const DEADLINE_EXCEEDED: u8 = 4;
    pub const NOT_FOUND: u8 = 5;
    pub const ALREADY_EXISTS: u8 = 6;
    pub const PERMISSION_DENIED: u8 = 7;
    pub const RESOURCE_EXHAUSTED: u8 = 8;
    pub const FAILED_PRECONDITION: u8 = 9;
    pub const ABORTED: u8 = 10;
    pub const OUT_OF_RANGE: u8 = 11;
    pub const UNIMPLEMENTED: u8 = 12;
    pub const INTERNAL: u8 = 13;
    pub const UNAVAILABLE: u8 = 14;
    pub const DATA_LOSS: u8 = 15;
    pub const UNAUTHENTICATED: u8 = 16;
}

/// Whether OTLP lets a client send the same again after this code. RESOURCE_EXHAUSTED is retryable only with RetryInfo.
pub fn is_retryable(code: u8, has_retry_info: bool) -> bool {
    match code {
        code::CANCELLED
        | code::DEADLINE_EXCEEDED
        | code::ABORTED
        | code::OUT_OF_RANGE
        | code::UNAVAILABLE
        | code::DATA_LOSS => true,
        code::RESOURCE_EXHAUSTED => has_retry_info,
        _ => false,
    }
}

/// The gRPC path of a signal's `Export`.
pub fn grpc_path(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        Signal::Profiles => "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export",
    }
}

/// The HTTP path of a signal.
pub fn http_path(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "/v1/traces",
        Signal::Metrics => "/v1/metrics",
        Signal::Logs => "/v1/logs",
        Signal::Profiles => "/v1development/profiles",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_retryable_codes_are_those_of_the_otlp_table() {
        let retryable: Vec<u8> = (0..=16).filter(|&code| is_retryable(code, false)).collect();
        assert_eq!(retryable, [1, 4, 10, 11, 14, 15]);
        let with_retry_info: Vec<u8> = (0..=16).filter(|&code| is_retryable(code, true)).collect();
        assert_eq!(with_retry_info, [1, 4, 8, 10, 11, 14, 15]);
    }
}
