//! The recorded requests that the demo replays: see `tests/recorded/README.md`.

use bytes::Bytes;
use weir_otlp::Signal;

/// One request as the OpenTelemetry SDK for Python sent it.
pub(super) struct Recorded {
    pub signal: Signal,
    pub payload: Bytes,
}

/// What must not arrive anywhere: each of these stands in the recorded requests, in several kinds of places.
pub(super) const SECRETS: [(&str, &str); 4] = [
    ("an e-mail address", "ada.lovelace@example.org"),
    ("a card number", "4111 1111 1111 1111"),
    ("an API key", "AKIA"),
    ("a bearer token", "dGhpcyBpcyBub3QgYSByZWFsIHRva2Vu"),
];

/// All of them, in the order in which they were recorded.
pub(super) fn all() -> Vec<Recorded> {
    const TRACES_1: &[u8] = include_bytes!("../../../../tests/recorded/traces-1.bin");
    const TRACES_2: &[u8] = include_bytes!("../../../../tests/recorded/traces-2.bin");
    const LOGS_1: &[u8] = include_bytes!("../../../../tests/recorded/logs-1.bin");
    const LOGS_2: &[u8] = include_bytes!("../../../../tests/recorded/logs-2.bin");
    const METRICS_1: &[u8] = include_bytes!("../../../../tests/recorded/metrics-1.bin");
    [
        (Signal::Traces, TRACES_1),
        (Signal::Logs, LOGS_1),
        (Signal::Metrics, METRICS_1),
        (Signal::Traces, TRACES_2),
        (Signal::Logs, LOGS_2),
    ]
    .map(|(signal, bytes)| Recorded { signal, payload: Bytes::from_static(bytes) })
    .into()
}
