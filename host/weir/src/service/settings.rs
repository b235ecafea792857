//! From the configuration's words to the settings of the parts, one function a part.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use weir_pipeline::{BatchSettings, QueueSettings, RetrySettings, Sizer};

use crate::config::{
    self, BatchConfig, BatchSizer, ComponentId, Environment, ExporterConfig, FileCompression,
    FileExporterConfig, GrpcAddress, HttpServerConfig, KeepaliveParameters, LokiExporterConfig,
    MemoryLimiterConfig, MinTlsVersion, OtlpJsonFileReceiverConfig, OtlpReceiverConfig, ProcessEnvironment,
    PrometheusExporterConfig, RetryConfig, RotationConfig, SendingQueueConfig, ServerTlsConfig, StartAt,
    TlsConfig, TranslationStrategy,
};
use crate::dead_letters::DeadLetterSettings;
use crate::exporter::{
    Compression, DefaultLabels, EnvironmentProxies, ExporterSettings, FileFormat, FileSettings, Form,
    Headers, HttpClientSettings, LokiSettings, OpenFiles, Opening, OtlpGrpcSettings, OtlpHttpSettings,
    PoolSettings, PrometheusSettings, ProxySettings, ProxyUrl, PushEncoding, ResourceLabels, Rotation,
    ScrapeSettings, SignalEndpoints, Strategy, TlsSettings, Verbosity,
};
use crate::listen::{self, Bounds};
use crate::memory;
use crate::receiver::{
    AdmissionSettings, CorsSettings, FileReceiverSettings, GrpcSettings, HttpPaths, HttpSettings,
    MemoryBound, Ping, REQUEST_BYTES_MAX, ReceiverSettings,
};
use crate::tls::{Pem, TlsVersion};

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

/// `files` are those that exporters write to.
pub(super) fn exporter(config: &ExporterConfig, files: &OpenFiles) -> ExporterSettings {
    match config {
        ExporterConfig::OtlpGrpc(grpc) => {
            let scheme = if grpc.uses_tls() { "https" } else { "http" };
            ExporterSettings::OtlpGrpc(OtlpGrpcSettings {
                endpoint: match &grpc.endpoint.address {
                    GrpcAddress::Tcp(address) => format!("{scheme}://{address}"),
                    GrpcAddress::Unix(path) => format!("unix://{path}"),
                },
                tls: tls(&grpc.tls),
                headers: headers(&grpc.headers),
                compression: compression(grpc.compression),
                timeout: grpc.timeout,
            })
        }
        ExporterConfig::OtlpHttp(http) => {
            let url = |url: &Option<config::HttpUrl>| url.as_ref().map(ToString::to_string);
            ExporterSettings::OtlpHttp(OtlpHttpSettings {
                endpoint: url(&http.endpoint),
                signal_endpoints: SignalEndpoints {
                    traces: url(&http.traces_endpoint),
                    metrics: url(&http.metrics_endpoint),
                    logs: url(&http.logs_endpoint),
                    profiles: url(&http.profiles_endpoint),
                },
                client: HttpClientSettings {
                    tls: tls(&http.tls),
                    proxy: proxy(http.proxy_url.as_ref(), &ProcessEnvironment),
                    pool: pool(
                        http.max_idle_conns_per_host,
                        http.idle_conn_timeout,
                        http.disable_keep_alives,
                    ),
                    headers: headers(&http.headers),
                    compression: compression(http.compression),
                    compression_level: http.compression_params.level,
                    timeout: http.timeout,
                },
            })
        }
        ExporterConfig::Loki(config) => ExporterSettings::Loki(Box::new(loki(config))),
        ExporterConfig::Debug(debug) => ExporterSettings::Debug(match debug.verbosity {
            config::Verbosity::Basic => Verbosity::Basic,
            config::Verbosity::Normal => Verbosity::Normal,
            config::Verbosity::Detailed => Verbosity::Detailed,
        }),
        ExporterConfig::File(config) => ExporterSettings::File(Box::new(file(config, files))),
        ExporterConfig::Prometheus(prometheus) => {
            ExporterSettings::Prometheus(Box::new(prometheus_settings(prometheus)))
        }
        ExporterConfig::Nop => ExporterSettings::Nop,
    }
}

fn file(config: &FileExporterConfig, files: &OpenFiles) -> FileSettings {
    FileSettings {
        path: config.path.clone(),
        opening: match &config.rotation {
            Some(rotation) => Opening::Rotate(self::rotation(rotation)),
            None if config.append => Opening::Append,
            None => Opening::Empty,
        },
        form: Form {
            format: match config.format {
                config::FileFormat::Json => FileFormat::Json,
                config::FileFormat::Proto => FileFormat::Proto,
            },
            is_compressed: config.compression == FileCompression::Zstd,
        },
        directory_mode: config.directory_mode(),
        files: files.clone(),
    }
}

fn rotation(config: &RotationConfig) -> Rotation {
    let megabytes = match config.max_megabytes {
        0 => RotationConfig::default().max_megabytes,
        given => given,
    };
    Rotation {
        bytes_max: megabytes << 20,
        backups_max: Some(config.max_backups).filter(|&max| max > 0),
        age_max: given(Duration::from_secs(config.max_days * 24 * 60 * 60)),
        is_local: config.localtime,
    }
}

fn loki(config: &LokiExporterConfig) -> LokiSettings {
    let labels = config.default_labels_enabled;
    LokiSettings {
        endpoint: config.endpoint.to_string(),
        default_labels: DefaultLabels {
            exporter: labels.exporter,
            job: labels.job,
            instance: labels.instance,
            level: labels.level,
        },
        encoding: match config.encoding {
            config::PushEncoding::Proto => PushEncoding::Proto,
            config::PushEncoding::Json => PushEncoding::Json,
        },
        structured_metadata: config.structured_metadata,
        client: HttpClientSettings {
            tls: tls(&config.tls),
            proxy: proxy(config.proxy_url.as_ref(), &ProcessEnvironment),
            pool: pool(config.max_idle_conns_per_host, config.idle_conn_timeout, config.disable_keep_alives),
            headers: headers(&config.headers),
            compression: compression(config.compression()),
            compression_level: config.compression_params.level,
            timeout: config.timeout,
        },
    }
}

fn prometheus_settings(config: &PrometheusExporterConfig) -> PrometheusSettings {
    let strategy = |keeps_utf8, without_suffixes| Strategy { keeps_utf8, without_suffixes };
    let (constant, conversion) = (&config.resource_constant_labels, &config.resource_to_telemetry_conversion);
    let constant =
        ResourceLabels { included: constant.included.clone(), excluded: constant.excluded.clone() };
    let is_older_way = constant == ResourceLabels::default() && conversion.enabled;
    PrometheusSettings {
        namespace: config.namespace.clone(),
        const_labels: config.const_labels.clone().into_iter().collect(),
        send_timestamps: config.send_timestamps,
        metric_expiration: config.metric_expiration,
        enable_open_metrics: config.enable_open_metrics,
        strategy: match config.strategy() {
            TranslationStrategy::UnderscoreEscapingWithSuffixes => strategy(false, false),
            TranslationStrategy::UnderscoreEscapingWithoutSuffixes => strategy(false, true),
            TranslationStrategy::NoUTF8EscapingWithSuffixes => strategy(true, false),
            TranslationStrategy::NoTranslation => strategy(true, true),
        },
        resource_labels: match is_older_way {
            true => ResourceLabels::all(conversion.exclude_service_attributes),
            false => constant,
        },
        without_scope_info: config.without_scope_info,
        series_max: config.max_series,
    }
}

/// Where the page of an exporter is served, if it has one.
pub(super) fn scrape(config: &ExporterConfig) -> Option<ScrapeSettings> {
    let ExporterConfig::Prometheus(config) = config else { return None };
    let bounds = Bounds::default();
    Some(ScrapeSettings {
        endpoint: config.endpoint.as_ref()?.to_string(),
        tls: config.tls.as_ref().map(server_tls),
        bounds: Bounds {
            head: config.read_header_timeout,
            idle: given(config.idle_timeout),
            answer: given(config.write_timeout).unwrap_or(bounds.answer),
            ..bounds
        },
        keeps_alive: config.keep_alives_enabled,
        response_headers: response_headers(&config.response_headers),
    })
}

pub(super) fn queue(config: &ExporterConfig) -> QueueSettings {
    match config {
        ExporterConfig::OtlpGrpc(grpc) => queue_settings(&grpc.sending_queue, &grpc.retry_on_failure),
        ExporterConfig::OtlpHttp(http) => queue_settings(&http.sending_queue, &http.retry_on_failure),
        ExporterConfig::Loki(loki) => queue_settings(&loki.sending_queue, &loki.retry_on_failure),
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

fn headers(headers: &config::Headers) -> Headers {
    Headers(headers.iter().map(|(name, value)| (name.to_owned(), value.expose().to_owned())).collect())
}

fn compression(compression: config::Compression) -> Compression {
    match compression {
        config::Compression::Gzip => Compression::Gzip,
        config::Compression::Zstd => Compression::Zstd,
        config::Compression::None => Compression::None,
    }
}

/// The configured proxy, or what the environment says: its variables in capitals, or else in small letters, as in Go.
fn proxy(configured: Option<&config::ProxyUrl>, environment: &dyn Environment) -> ProxySettings {
    let settings = |url: &config::ProxyUrl| ProxyUrl {
        address: url.address.to_string(),
        credentials: url.credentials.as_ref().map(|credentials| credentials.expose().to_owned()),
    };
    if let Some(url) = configured {
        return ProxySettings::Url(settings(url));
    }
    let variable = |name: &str| {
        [name.to_owned(), name.to_ascii_lowercase()]
            .iter()
            .find_map(|name| environment.var(name).filter(|value| !value.is_empty()))
    };
    let proxy = |name: &str| match variable(name) {
        None => Ok(None),
        Some(value) => match config::ProxyUrl::parse_variable(&value) {
            Some(url) => Ok(Some(settings(&url))),
            None => Err(format!("the variable {name} of the environment is no URL of an http proxy")),
        },
    };
    ProxySettings::Environment(Box::new(EnvironmentProxies {
        http: proxy("HTTP_PROXY"),
        https: proxy("HTTPS_PROXY"),
        no_proxy: variable("NO_PROXY").unwrap_or_default(),
    }))
}

fn pool(idle_max: usize, idle_timeout: Duration, disable_keep_alives: bool) -> PoolSettings {
    let idle_max = Some(idle_max).filter(|&max| max > 0);
    PoolSettings {
        idle_max_per_host: if disable_keep_alives { Some(0) } else { idle_max },
        idle_timeout: given(idle_timeout),
    }
}

fn tls(tls: &TlsConfig) -> TlsSettings {
    let pem = |file: Option<&Path>, text: Option<&str>| {
        file.map(|path| Pem::File(path.to_owned())).or_else(|| text.map(|text| Pem::Text(text.to_owned())))
    };
    TlsSettings {
        insecure: tls.insecure,
        insecure_skip_verify: tls.insecure_skip_verify,
        ca: pem(tls.ca_file.as_deref(), tls.ca_pem.as_deref()),
        include_system_ca_certs_pool: tls.include_system_ca_certs_pool,
        cert: pem(tls.cert_file.as_deref(), tls.cert_pem.as_deref()),
        key: pem(tls.key_file.as_deref(), tls.key_pem.as_ref().map(config::Secret::expose)),
        server_name_override: tls.server_name_override.clone(),
        min_version: tls_version(tls.min_version),
        max_version: tls.max_version.map(tls_version),
        reload_interval: tls.reload_interval,
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

    #[test]
    fn the_environments_proxies_stand_in_capitals_or_in_small_letters() {
        let environment = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            proxy(None, &pairs.collect::<std::collections::BTreeMap<String, String>>())
        };
        let url = |address: &str| Ok(Some(ProxyUrl { address: address.to_owned(), credentials: None }));
        let of = |http, https, no_proxy: &str| {
            let no_proxy = no_proxy.to_owned();
            ProxySettings::Environment(Box::new(EnvironmentProxies { http, https, no_proxy }))
        };
        assert_eq!(environment(&[]), of(Ok(None), Ok(None), ""));
        let given =
            [("HTTP_PROXY", "a:1"), ("http_proxy", "b:1"), ("https_proxy", "http://c"), ("NO_PROXY", "d")];
        assert_eq!(environment(&given), of(url("a:1"), url("c:80"), "d"));
        let odd = environment(&[("HTTPS_PROXY", "socks5://ada:s3cret@x")]);
        assert!(!format!("{odd:?}").contains("s3cret"), "{odd:?}");
        let expected = "the variable HTTPS_PROXY of the environment is no URL of an http proxy";
        assert_eq!(odd, of(Ok(None), Err(expected.to_owned()), ""));
    }
}
