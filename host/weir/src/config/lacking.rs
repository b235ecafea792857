//! What the Collector knows and weir does not, yet: keys and values by the struct or enum that lacks them.
//!
//! weir takes no key that it would then ignore, unless no data depends on it: such a key is worth a warning. Every other
//! key of these tables gets a message of its own, so that a reader of a Collector configuration can tell "not yet" from
//! "mistyped".

/// The struct, and the Collector's keys that change how it goes about something and nothing of what arrives where.
const HARMLESS: &[(&str, &str)] = &[
    ("GrpcServerConfig", "read_buffer_size write_buffer_size"),
    ("OtlpGrpcExporterConfig", "keepalive read_buffer_size write_buffer_size wait_for_ready"),
    (
        "OtlpHttpExporterConfig",
        "read_buffer_size write_buffer_size max_idle_conns max_conns_per_host http2_read_idle_timeout \
         http2_ping_timeout force_attempt_http2",
    ),
    (
        "RemoteWriteExporterConfig",
        "read_buffer_size write_buffer_size max_idle_conns max_conns_per_host http2_read_idle_timeout \
         http2_ping_timeout force_attempt_http2 max_batch_request_parallelism",
    ),
    ("RawMemoryLimiter", "min_gc_interval_when_soft_limited min_gc_interval_when_hard_limited"),
    ("DebugExporterConfig", "sampling_initial sampling_thereafter use_internal_logger"),
    ("HealthCheckConfig", "check_collector_pipeline"),
    ("LogsConfig", "development disable_caller disable_stacktrace sampling disable_zap_resource"),
];

/// The struct, and the Collector's keys that it lacks.
const KEYS: &[(&str, &str)] = &[
    ("GrpcServerConfig", "read_buffer_size write_buffer_size auth include_metadata middlewares"),
    ("HttpServerConfig", "auth include_metadata compression_algorithms middlewares profiles_url_path"),
    (
        "OtlpGrpcExporterConfig",
        "balancer_name keepalive read_buffer_size write_buffer_size auth authority user_agent middlewares \
         wait_for_ready batcher",
    ),
    (
        "OtlpHttpExporterConfig",
        "read_buffer_size write_buffer_size auth max_idle_conns max_conns_per_host \
         http2_read_idle_timeout http2_ping_timeout cookies force_attempt_http2 middlewares batcher",
    ),
    (
        "LokiExporterConfig",
        "read_buffer_size write_buffer_size auth max_idle_conns max_conns_per_host \
          http2_read_idle_timeout http2_ping_timeout cookies force_attempt_http2 middlewares tenant_id tenant labels format",
    ),
    (
        "OtlpJsonFileReceiverConfig",
        "acquire_fs_lock compression delete_after_read encoding exclude_older_than file_cache_advise \
         fingerprint_size force_flush_period header include_file_name include_file_name_resolved \
         include_file_owner_group_name include_file_owner_name include_file_path include_file_path_resolved \
         include_file_record_number include_file_record_offset initial_buffer_size max_batches \
         max_log_size_behavior multiline on_truncate ordering_criteria polls_to_archive \
         preserve_leading_whitespaces preserve_trailing_whitespaces",
    ),
    ("FileExporterConfig", "encoding group_by compression_params"),
    ("SendingQueueConfig", "blocking"),
    ("BatchConfig", "partition"),
    ("RawBatchProcessor", "metadata_keys metadata_cardinality_limit"),
    ("RawMemoryLimiter", "min_gc_interval_when_soft_limited min_gc_interval_when_hard_limited"),
    ("RawMatch", "regexp"),
    (
        "ServerTlsConfig",
        "ca_file ca_pem include_system_ca_certs_pool max_version cipher_suites curve_preferences tpm",
    ),
    ("TlsConfig", "cipher_suites curve_preferences client_ca_file client_ca_file_reload tpm"),
    (
        "DebugExporterConfig",
        "sampling_initial sampling_thereafter use_internal_logger output_paths sending_queue",
    ),
    (
        "PrometheusExporterConfig",
        "auth cors include_metadata compression_algorithms middlewares max_request_body_size read_timeout sending_queue",
    ),
    (
        "RemoteWriteExporterConfig",
        "auth cookies middlewares compression_params include_metadata_keys convert_explicit_histograms_to_nhcb \
         keep_classic_histograms export_created_metric scope_info",
    ),
    (
        "HealthCheckConfig",
        "tls cors auth include_metadata response_headers response_body check_collector_pipeline read_timeout \
         read_header_timeout write_timeout idle_timeout transport use_v2 grpc http component_health",
    ),
    ("RawTelemetry", "traces"),
    (
        "LogsConfig",
        "development disable_caller disable_stacktrace sampling output_paths error_output_paths \
         initial_fields processors disable_zap_resource",
    ),
    ("RawMetrics", "views"),
    ("MetricReader", "periodic"),
    ("PullReader", "cardinality_limits producers"),
    ("PullExporter", "opencensus"),
    (
        "PrometheusReader",
        "with_resource_constant_labels translation_strategy scope_info_enabled target_info_enabled",
    ),
];

/// The enum, and the Collector's values that it lacks.
const VALUES: &[(&str, &str)] = &[
    ("Compression", "snappy zlib deflate lz4 x-snappy-framed"),
    ("Encoding", "json"),
    ("WriteMessage", "io.prometheus.write.v2.request"),
    ("MinTlsVersion", "1.0 1.1"),
    ("BatchSizer", "requests"),
];

/// Whether weir may go on without this key of the Collector's.
pub fn is_harmless(name: &str, key: &str) -> bool {
    has(HARMLESS, name, key)
}

/// Whether the Collector has this key where weir has the struct `name`.
pub fn key(name: &str, key: &str) -> bool {
    has(KEYS, name, key)
}

/// Whether the Collector has this value where weir has the enum `name`.
pub fn value(name: &str, value: &str) -> bool {
    has(VALUES, name, value)
}

fn has(table: &[(&str, &str)], name: &str, word: &str) -> bool {
    table.iter().any(|(owner, words)| *owner == name && words.split_whitespace().any(|known| known == word))
}
