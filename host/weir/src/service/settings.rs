//! From the configuration's words to the settings of the parts, one function a part.

mod exporters;

use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use weir_pipeline::{BatchSettings, QueueSettings, RetrySettings, Sizer};

use crate::config::{
    self, BatchConfig, BatchSizer, ComponentId, ExporterConfig, HttpServerConfig, KeepaliveParameters,
    MemoryLimiterConfig, MinTlsVersion, OtlpJsonFileReceiverConfig, OtlpReceiverConfig, RetryConfig,
    SendingQueueConfig, ServerTlsConfig, StartAt,
};
use crate::dead_letters::DeadLetterSettings;
use crate::listen::{self, Bounds};
use crate::memory;
use crate::receiver::{
    AdmissionSettings, CorsSettings, FileReceiverSettings, GrpcSettings, HttpPaths, HttpSettings,
    MemoryBound, Ping, REQUEST_BYTES_MAX, ReceiverSettings,
};
use crate::tls::{Pem, TlsVersion};
pub(super) use exporters::{exporter, scrape};

/// How long a client may take to say that it is there, as in gRPC.
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// What the `memory_limiter` says. Without one, at most half of the memory that weir may use is for telemetry, and the rest for
/// plugins; one request of the recommended size must fit even so.
pub(super) fn admission(
    limiter: Option<&MemoryLimiterConfig>,
    limit_bytes: Option<u64>,
) -> AdmissionSettings {
    let usual = AdmissionSettings::default();
    let Some(limiter) = limiter else {
        let share = limit_bytes.map_or(usual.bytes_max, |limit| limit / 2);
        return AdmissionSettings { bytes_max: share.clamp(REQUEST_BYTES_MAX, usual.bytes_max), ..usual };
    };
    let available = limit_bytes.or_else(memory::total_bytes).unwrap_or(u64::MAX);
    let (limit, bytes_max) = limiter.bytes(available);
    // The spike is for what comes between two looks, and for what is not telemetry: a half each.
    let resident_max = limit - limit.saturating_sub(bytes_max) / 2;
    let memory = Some(MemoryBound { resident_max, check_interval: limiter.check_interval });
    AdmissionSettings { bytes_max, memory, ..usual }
}

pub(super) fn receiver(id: &ComponentId, config: &OtlpReceiverConfig) -> ReceiverSettings {
    let grpc = config.grpc.as_ref().map(|grpc| GrpcSettings {
        endpoint: grpc.endpoint.to_string(),
        tls: grpc.tls.as_ref().map(server_tls),
        bounds: grpc_bounds(&grpc.keepalive.server_parameters),
        ping: ping(&grpc.keepalive.server_parameters),
        message_bytes_max: grpc.max_recv_msg_size_mib << 20,
        concurrent_streams_max: grpc.max_concurrent_streams,
        ..GrpcSettings::default()
    });
    let http = config.http.as_ref().map(|http| HttpSettings {
        endpoint: http.endpoint.to_string(),
        tls: http.tls.as_ref().map(server_tls),
        bounds: http_bounds(http),
        keeps_alive: http.keep_alives_enabled,
        response_headers: response_headers(&http.response_headers),
        body_bytes_max: http.max_request_body_size,
        paths: HttpPaths {
            traces: http.traces_url_path.clone(),
            metrics: http.metrics_url_path.clone(),
            logs: http.logs_url_path.clone(),
            ..HttpPaths::default()
        },
        cors: CorsSettings {
            allowed_origins: http.cors.allowed_origins.clone(),
            allowed_headers: http.cors.allowed_headers.clone(),
            exposed_headers: http.cors.exposed_headers.clone(),
            max_age: http.cors.max_age,
        },
        body_timeout: given(http.read_timeout).unwrap_or(HttpSettings::default().body_timeout),
    });
    ReceiverSettings { id: id.to_string(), grpc, http }
}

/// `storage` is the file in which it is kept how far the reader is.
pub(super) fn file_receiver(
    id: String,
    config: &OtlpJsonFileReceiverConfig,
    storage: Option<PathBuf>,
) -> FileReceiverSettings {
    let patterns = |globs: &[config::Glob]| globs.iter().map(|glob| glob.as_str().to_owned()).collect();
    FileReceiverSettings {
        id,
        include: patterns(&config.include),
        exclude: patterns(&config.exclude),
        from_beginning: config.start_at == StartAt::Beginning,
        poll_interval: config.poll_interval,
        replay: config.replay_file,
        line_bytes_max: config.max_log_size,
        files_max: config.max_concurrent_files,
        storage,
    }
}

fn grpc_bounds(keepalive: &KeepaliveParameters) -> Bounds {
    let bounds = GrpcSettings::default().bounds;
    Bounds {
        idle: given(keepalive.max_connection_idle).or(bounds.idle),
        age: given(keepalive.max_connection_age),
        grace: given(keepalive.max_connection_age_grace).unwrap_or(bounds.grace),
        ..bounds
    }
}

fn http_bounds(http: &HttpServerConfig) -> Bounds {
    let bounds = Bounds::default();
    Bounds {
        head: http.read_header_timeout,
        idle: given(http.idle_timeout),
        answer: given(http.write_timeout).unwrap_or(bounds.answer),
        ..bounds
    }
}

/// gRPC does not ask more often than every second, whatever it is told.
fn ping(keepalive: &KeepaliveParameters) -> Option<Ping> {
    let after = given(keepalive.time)?.max(Duration::from_secs(1));
    Some(Ping { after, timeout: given(keepalive.timeout).unwrap_or(PING_TIMEOUT) })
}

/// Zero is how a duration is left out.
fn given(duration: Duration) -> Option<Duration> {
    (!duration.is_zero()).then_some(duration)
}

/// They have been checked. The values may be secrets, which HPACK then keeps out of its tables.
fn response_headers(headers: &config::Headers) -> HeaderMap {
    let header = |(name, value): (&str, &config::Secret)| {
        let mut value = HeaderValue::try_from(value.expose()).ok()?;
        value.set_sensitive(true);
        Some((HeaderName::try_from(name).ok()?, value))
    };
    headers.iter().filter_map(header).collect()
}

fn server_tls(tls: &ServerTlsConfig) -> listen::TlsSettings {
    let pem = |file: &Option<PathBuf>, text: Option<&str>| match file {
        Some(file) => Pem::File(file.clone()),
        None => Pem::Text(text.unwrap_or_default().to_owned()),
    };
    listen::TlsSettings {
        cert: pem(&tls.cert_file, tls.cert_pem.as_deref()),
        key: pem(&tls.key_file, tls.key_pem.as_ref().map(config::Secret::expose)),
        client_ca: tls.client_ca_file.clone(),
        min_version: tls_version(tls.min_version),
        reload_interval: given(tls.reload_interval),
        client_ca_reload: tls.client_ca_file_reload,
    }
}

pub(super) fn queue(config: &ExporterConfig) -> QueueSettings {
    match config {
        ExporterConfig::OtlpGrpc(grpc) => queue_settings(&grpc.sending_queue, &grpc.retry_on_failure),
        ExporterConfig::OtlpHttp(http) => queue_settings(&http.sending_queue, &http.retry_on_failure),
        ExporterConfig::Loki(loki) => queue_settings(&loki.sending_queue, &loki.retry_on_failure),
        ExporterConfig::RemoteWrite(write) => {
            queue_settings(&write.remote_write_queue, &write.retry_on_failure)
        }
        // They have no upstream that could be away.
        ExporterConfig::Debug(_) | ExporterConfig::File(_) | ExporterConfig::Nop => QueueSettings::default(),
        // Deltas are to be added up in the order in which they came.
        ExporterConfig::Prometheus(_) => QueueSettings { num_consumers: 1, ..QueueSettings::default() },
    }
}

/// What a queue on disk may hold, if its size is not given in bytes. As much as weir leaves of a disk is not for it to know:
/// one that is full refuses.
const DISK_BYTES_MAX: u64 = 1 << 30;

fn queue_settings(queue: &SendingQueueConfig, retry: &RetryConfig) -> QueueSettings {
    let usual = QueueSettings::default();
    let is_durable = queue.storage.is_some();
    let bytes_max = match queue.sizer {
        config::Sizer::Bytes => queue.queue_size,
        _ if is_durable => DISK_BYTES_MAX,
        _ => usual.bytes_max,
    };
    QueueSettings {
        enabled: queue.enabled,
        num_consumers: queue.num_consumers,
        queue_size: queue.queue_size,
        sizer: match queue.sizer {
            config::Sizer::Requests => Sizer::Requests,
            config::Sizer::Items => Sizer::Items,
            config::Sizer::Bytes => Sizer::Bytes,
        },
        wait_for_result: queue.wait_for_result(),
        bytes_max,
        batch: queue.batch.as_ref().map(batching),
        block_on_overflow: queue.block_on_overflow,
        retry: RetrySettings {
            enabled: retry.enabled,
            initial_interval: retry.initial_interval,
            randomization_factor: retry.randomization_factor,
            multiplier: retry.multiplier,
            max_interval: retry.max_interval,
            max_elapsed_time: retry.max_elapsed_time(is_durable),
        },
    }
}

/// Where batches go that will not be sent, if they are kept.
pub(super) fn dead_letters(config: &ExporterConfig) -> Option<DeadLetterSettings> {
    let letters = config.sending_queue()?.dead_letters.as_ref()?;
    Some(DeadLetterSettings { directory: letters.directory.clone(), bytes_max: letters.max_mib << 20 })
}

pub(super) fn batching(batch: &BatchConfig) -> BatchSettings {
    BatchSettings {
        flush_timeout: batch.flush_timeout,
        sizer: match batch.sizer {
            BatchSizer::Items => Sizer::Items,
            BatchSizer::Bytes => Sizer::Bytes,
        },
        min_size: batch.min_size,
        max_size: batch.max_size,
    }
}

fn tls_version(version: MinTlsVersion) -> TlsVersion {
    match version {
        MinTlsVersion::V1_2 => TlsVersion::V1_2,
        MinTlsVersion::V1_3 => TlsVersion::V1_3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_under_way_get_half_of_the_memory_that_there_is() {
        let bytes = |limit: Option<u64>| admission(None, limit).bytes_max >> 20;
        assert_eq!(
            [bytes(None), bytes(Some(4 << 30)), bytes(Some(256 << 20)), bytes(Some(64 << 20))],
            [256, 256, 128, 64]
        );
    }

    fn receiver_of(protocols: &str) -> ReceiverSettings {
        let text = format!(
            "receivers: {{otlp: {{protocols: {protocols}}}}}\nexporters: {{nop: }}\n\
             service: {{pipelines: {{logs: {{receivers: [otlp], exporters: [nop]}}}}}}\n"
        );
        let source = config::Source::Text { name: "test", text };
        let none = std::collections::BTreeMap::<String, String>::new();
        let config = config::load_sources(&[source], &none).unwrap().config;
        let (id, receiver) = config.receivers.iter().next().unwrap();
        super::receiver(id, receiver.otlp().unwrap())
    }

    #[test]
    fn what_is_left_out_has_the_receivers_own_defaults() {
        let settings = receiver_of("{grpc: , http: }");
        assert_eq!(settings.grpc, Some(GrpcSettings::default()));
        assert_eq!(settings.http, Some(HttpSettings::default()));
    }

    #[test]
    fn the_bounds_of_connections_are_those_of_the_configuration() {
        let parameters =
            "{max_connection_idle: 1m, max_connection_age: 2m, max_connection_age_grace: 3s, time: 10ms}";
        let seconds = Duration::from_secs;
        let grpc = receiver_of(&format!("{{grpc: {{keepalive: {{server_parameters: {parameters}}}}}}}"));
        let grpc = grpc.grpc.unwrap();
        let default = GrpcSettings::default().bounds;
        let bounds =
            Bounds { idle: Some(seconds(60)), age: Some(seconds(120)), grace: seconds(3), ..default };
        assert_eq!(grpc.bounds, bounds);
        assert_eq!(grpc.ping, Some(Ping { after: seconds(1), timeout: PING_TIMEOUT }));
        let http = "{read_header_timeout: 5s, read_timeout: 6s, write_timeout: 7s, idle_timeout: 0}";
        let http = receiver_of(&format!("{{http: {http}}}")).http.unwrap();
        let bounds = Bounds { head: seconds(5), answer: seconds(7), idle: None, ..Bounds::default() };
        assert_eq!((http.bounds, http.body_timeout), (bounds, seconds(6)));
    }
}
