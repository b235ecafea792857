//! Tests of whole configurations that are taken: what they say, and with which defaults.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use weir_otlp::Signal;

use super::*;
use crate::config::testing::*;
use crate::config::{
    BatchConfig, Compression, ExporterConfig, HostPort, LogEncoding, LogLevel, MetricsLevel,
    OtlpGrpcExporterConfig, PushEncoding, Sizer, Verbosity, WasmSource,
};

fn grpc_exporter(keys: &str) -> OtlpGrpcExporterConfig {
    let yaml = with_exporter(&format!("{{otlp: {{{keys}}}}}"), "otlp");
    match config(&yaml).exporters.into_values().next() {
        Some(ExporterConfig::OtlpGrpc(exporter)) => *exporter,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_built_in_configuration_is_valid_with_and_without_plugins() {
    let directory = tempfile::tempdir().unwrap();
    let base = crate::config::builtin::sources(directory.path());
    let config = load_sources(&base, &no_environment()).unwrap().config;
    assert_eq!(config.pipelines.len(), 3);
    assert!(config.plugins.is_empty() && config.processors.is_empty());
    let receiver = config.receivers.values().next().unwrap().otlp().unwrap();
    assert_eq!(receiver.grpc.as_ref().unwrap().endpoint.to_string(), "localhost:4317");
    assert_eq!(receiver.http.as_ref().unwrap().endpoint.to_string(), "localhost:4318");
    std::fs::create_dir(directory.path().join("plugins.d")).unwrap();
    assert_eq!(crate::config::builtin::sources(directory.path()).len(), 2);
}

#[test]
fn what_is_left_out_has_the_defaults_of_the_collector() {
    let config = config(&with_receivers(OTLP));
    let receiver = config.receivers.values().next().unwrap().otlp().unwrap();
    let (grpc, http) = (receiver.grpc.as_ref().unwrap(), receiver.http.as_ref().unwrap());
    assert_eq!((grpc.max_recv_msg_size_mib, grpc.max_concurrent_streams), (64, 128));
    assert_eq!((http.max_request_body_size, http.traces_url_path.as_str()), (64 << 20, "/v1/traces"));
    assert_eq!(config.health_check.endpoint.to_string(), "localhost:13133");
    let metrics = config.telemetry.metrics.unwrap();
    assert_eq!(
        (metrics.endpoint.to_string().as_str(), metrics.level),
        ("localhost:8888", MetricsLevel::Normal)
    );
    assert_eq!(config.telemetry.logs.level, LogLevel::Info);
}

#[test]
fn a_protocol_that_is_not_named_is_off() {
    let config = config(&with_receivers("{otlp: {protocols: {http: {endpoint: '0.0.0.0:1'}}}}"));
    let receiver = config.receivers.values().next().unwrap().otlp().unwrap();
    assert!(receiver.grpc.is_none());
    assert_eq!(
        receiver.http.as_ref().unwrap().endpoint,
        HostPort { host: "0.0.0.0".to_owned(), port: 1 }.into()
    );
}

#[test]
fn an_otlp_grpc_exporter_has_the_defaults_of_the_collector() {
    let exporter = grpc_exporter("endpoint: 'up:4317'");
    assert_eq!(exporter.compression, Compression::Gzip);
    assert_eq!(exporter.timeout, Duration::from_secs(5));
    assert!(exporter.uses_tls());
    assert_eq!(exporter.retry_on_failure.max_elapsed_time(false), Duration::from_secs(300));
    assert_eq!((exporter.sending_queue.num_consumers, exporter.sending_queue.queue_size), (10, 1000));
    assert!(exporter.sending_queue.wait_for_result(), "weir answers when the upstream has answered");
}

#[test]
fn batch_and_memory_limiter_are_taken_out_of_the_pipelines_and_concern_what_they_are_about() {
    let config = config(
        "receivers: {otlp: {protocols: {grpc: }}}
processors:
  memory_limiter: {check_interval: 1s, limit_mib: 64, spike_limit_mib: 24}
  batch: {send_batch_size: 100, timeout: 1s}
  batch/small: {send_batch_size: 1, send_batch_max_size: 2}
exporters: {nop: }
service:
  pipelines:
    traces: {receivers: [otlp], processors: [memory_limiter, batch], exporters: [nop]}
    logs: {receivers: [otlp], processors: [memory_limiter, batch/small], exporters: [nop]}
    metrics: {receivers: [otlp], exporters: [nop]}
",
    );
    let (limit, budget) = config.memory_limiter.unwrap().bytes(u64::MAX);
    assert_eq!((limit >> 20, budget >> 20), (64, 40));
    let batching: Vec<_> = config.pipelines.iter().map(|pipeline| pipeline.batching).collect();
    let sizes: Vec<_> =
        batching.iter().map(|batch| batch.map(|batch| (batch.min_size, batch.max_size))).collect();
    assert_eq!(sizes, [Some((100, 0)), Some((1, 2)), None]);
    assert!(config.pipelines.iter().all(|pipeline| pipeline.processors.is_empty()));
}

#[test]
fn a_durable_queue_does_not_give_up_unless_it_is_told_to() {
    let text = |retry: &str| {
        format!(
            "receivers: {{otlp: {{protocols: {{grpc: }}}}}}
extensions: {{file_storage/q: {{directory: /x, compaction: {{on_start: true}}}}}}
exporters:
  otlp_grpc: {{endpoint: 'up:1', sending_queue: {{storage: file_storage/q, batch: {{}}}}, retry_on_failure: {retry}}}
service:
  extensions: [file_storage/q]
  pipelines: {{logs: {{receivers: [otlp], exporters: [otlp_grpc]}}}}
"
        )
    };
    let exporter = |retry: &str| match config(&text(retry)).exporters.into_values().next() {
        Some(ExporterConfig::OtlpGrpc(exporter)) => *exporter,
        other => panic!("{other:?}"),
    };
    let usual = exporter("{}");
    assert!(!usual.sending_queue.wait_for_result());
    assert_eq!(usual.sending_queue.batch, Some(BatchConfig::default()));
    assert_eq!(usual.retry_on_failure.max_elapsed_time(true), Duration::ZERO);
    assert_eq!(
        exporter("{max_elapsed_time: 1m}").retry_on_failure.max_elapsed_time(true),
        Duration::from_secs(60)
    );
}

#[test]
fn every_key_of_an_otlp_grpc_exporter_is_read() {
    let exporter = grpc_exporter(
        "endpoint: 'http://up:4317', compression: zstd, timeout: 1m30s,
         headers: {X-Token: abc, other: 'd e'},
         retry_on_failure: {enabled: false, initial_interval: 1s, randomization_factor: 0, multiplier: 2,
                            max_interval: 10s, max_elapsed_time: 0},
         sending_queue: {enabled: true, num_consumers: 2, queue_size: 10, sizer: bytes,
                         block_on_overflow: true, wait_for_result: false}",
    );
    assert!(!exporter.uses_tls());
    assert_eq!((exporter.compression, exporter.timeout), (Compression::Zstd, Duration::from_secs(90)));
    assert!(!exporter.retry_on_failure.enabled);
    assert_eq!(exporter.retry_on_failure.max_elapsed_time(false), Duration::ZERO);
    assert_eq!(
        (exporter.sending_queue.sizer, exporter.sending_queue.wait_for_result()),
        (Sizer::Bytes, false)
    );
    let headers: Vec<(&str, &str)> = exporter.headers.iter().map(|(n, v)| (n, v.expose())).collect();
    assert_eq!(headers, [("x-token", "abc"), ("other", "d e")]);
}

#[test]
fn headers_may_be_a_list_of_names_and_values() {
    let exporter = grpc_exporter("endpoint: 'up:1', headers: [{name: a, value: x}, {name: a, value: y}]");
    assert_eq!(exporter.headers.iter().count(), 2);
}

#[test]
fn an_otlp_http_exporter_appends_the_path_of_each_signal_to_its_endpoint_alone() {
    let yaml = with_exporter(
        "{otlphttp: {endpoint: 'http://up:4318/', logs_endpoint: 'http://logs/in'}}",
        "otlphttp",
    );
    let config = config(&yaml);
    let Some(ExporterConfig::OtlpHttp(exporter)) = config.exporters.values().next() else { panic!() };
    assert_eq!(exporter.url(Signal::Traces).unwrap().as_str(), "http://up:4318/v1/traces");
    assert_eq!(exporter.url(Signal::Logs).unwrap().as_str(), "http://logs/in");
    assert_eq!(exporter.timeout, Duration::from_secs(30));
}

#[test]
fn a_loki_exporter_is_read_as_the_collector_wrote_it() {
    let loki = |keys: &str| {
        let service = "{pipelines: {logs: {receivers: [otlp], exporters: [loki]}}}";
        let exporter = format!("{{loki: {{endpoint: 'http://loki:3100/loki/api/v1/push', {keys}}}}}");
        match config(&with(OTLP, "", &exporter, service)).exporters.into_values().next() {
            Some(ExporterConfig::Loki(loki)) => *loki,
            other => panic!("{other:?}"),
        }
    };
    let usual = loki("");
    assert_eq!(usual.endpoint.as_str(), "http://loki:3100/loki/api/v1/push");
    assert_eq!((usual.timeout, usual.structured_metadata), (Duration::from_secs(30), true));
    assert_eq!((usual.encoding, usual.compression()), (PushEncoding::Proto, Compression::None));
    let labels = loki("default_labels_enabled: {exporter: false}").default_labels_enabled;
    assert_eq!([labels.exporter, labels.job, labels.instance, labels.level], [false, true, true, true]);
    assert_eq!(loki("encoding: json").compression(), Compression::Gzip);
    assert_eq!(loki("encoding: json, compression: none").compression(), Compression::None);
}

#[test]
fn a_wasm_processor_is_one_plugin_or_a_directory() {
    let directory = tempfile::tempdir().unwrap();
    let plugin = directory.path().join("p.wasm");
    std::fs::write(&plugin, "x").unwrap();
    let (directory, plugin) = (directory.path().display(), plugin.display());
    let processor = format!(
        "{{wasm: {{plugin: '{plugin}', config: {{rules: [1, a, 0.5, null]}}, on_error: drop, timeout: 2s,
          memory_limit_mib: 32, files: [{{source: '{directory}', path: /data}}]}}}}"
    );
    let config_one = config(&with_processor(&processor));
    let WasmSource::Plugin(settings) = &config_one.plugins.values().next().unwrap().source else { panic!() };
    assert_eq!(settings.config, serde_json::json!({"rules": [1, "a", 0.5, null]}));
    assert_eq!(settings.on_error, weir_plugin::OnError::Drop);
    assert_eq!((settings.timeout, settings.memory_limit_bytes), (Duration::from_secs(2), 32 << 20));
    assert_eq!(settings.files.len(), 1);

    let config_many = config(&with_processor(&format!("{{wasm: {{directory: '{directory}'}}}}")));
    assert!(matches!(config_many.plugins.values().next().unwrap().source, WasmSource::Directory(_)));
}

#[test]
fn the_settings_of_a_drop_in_plugin_are_the_keys_of_the_processor() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("redact.yaml");
    let plugin = directory.path().join("redact.wasm");
    let read = |yaml: &str| {
        std::fs::write(&file, yaml).unwrap();
        let environment = BTreeMap::from([("KEY".to_owned(), "k".to_owned())]);
        crate::config::read_drop_in(&file, &plugin, &environment)
    };
    let settings = read("config: {key: '${env:KEY}'}\ntimeout: 200ms\n").unwrap();
    assert_eq!(settings.plugin, plugin);
    assert_eq!(settings.config, serde_json::json!({"key": "k"}));
    assert_eq!((settings.timeout, settings.memory_limit_bytes), (Duration::from_millis(200), 64 << 20));
    assert_eq!(read("").unwrap().config, serde_json::Value::Null);
    let limits = "limits: {edits: 5, answer_factor: 0, answer_mib: 2, start_timeout: 3s, counters: 0}";
    let limits = read(limits).unwrap().limits;
    let expected = weir_plugin::GuestLimits {
        edits: 5,
        answer_factor: 0,
        answer_bytes: 2 << 20,
        start_timeout: Duration::from_secs(3),
        counters: 0,
        ..weir_plugin::GuestLimits::default()
    };
    assert_eq!(limits, expected);
    let message = read("limits: {edits: 0, edist: 1}").unwrap_err();
    assert!(message.contains("limits::edits: "), "{message}");
    assert!(message.contains("did you mean \"edits\"?"), "{message}");
    let message = read("on_eror: drop\nplugin: x.wasm\n").unwrap_err();
    assert!(
        message.contains("redact.yaml:1:1: on_eror: unknown key \"on_eror\"; did you mean \"on_error\"?"),
        "{message}"
    );
    let message = read("plugin: x.wasm\n").unwrap_err();
    assert!(message.contains("redact.yaml:1:1: plugin: not here"), "{message}");
    let message = read("on_error: retry").unwrap_err();
    assert!(message.contains("(valid: reject, drop, bypass, isolate)"), "{message}");
}

#[test]
fn own_metrics_are_configured_in_the_old_form_and_in_the_new() {
    let telemetry = |telemetry: &str| {
        let service = format!(
            "{{pipelines: {{traces: {{receivers: [otlp], exporters: [nop]}}}}, telemetry: {telemetry}}}"
        );
        config(&with(OTLP, "", NOP, &service)).telemetry
    };
    let endpoint = |text: &str| telemetry(text).metrics.map(|metrics| metrics.endpoint.to_string());
    for (text, expected) in [
        ("{metrics: {address: '0.0.0.0:1'}}", Some("0.0.0.0:1")),
        ("{metrics: {readers: [{pull: {exporter: {prometheus: {host: h, port: 2}}}}]}}", Some("h:2")),
        ("{metrics: {readers: [{pull: {exporter: {prometheus: }}}]}}", Some("localhost:8888")),
        ("{metrics: {readers: [{pull: {exporter: {prometheus: {host: '::1', port: 2}}}}]}}", Some("[::1]:2")),
        ("{metrics: {readers: []}}", None),
        ("{metrics: {level: none}}", None),
        ("{metrics: {level: Detailed}}", Some("localhost:8888")),
    ] {
        assert_eq!(endpoint(text).as_deref(), expected, "{text}");
    }
    let logs = telemetry("{logs: {level: WARN, encoding: json}}").logs;
    assert_eq!((logs.level, logs.encoding), (LogLevel::Warn, LogEncoding::Json));
}

#[test]
fn a_resource_of_weirs_own_is_taken_with_a_warning() {
    let service = "{pipelines: {traces: {receivers: [otlp], exporters: [nop]}},
                    telemetry: {resource: {service.name: x, host.name: }}}";
    let Loaded { warnings, .. } = loaded(&with(OTLP, "", NOP, service));
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].to_string().contains("service::telemetry::resource: has no effect yet"));
}

#[test]
fn the_debug_exporter_is_basic_unless_told_otherwise() {
    for (keys, verbosity) in [("", Verbosity::Basic), ("{verbosity: detailed}", Verbosity::Detailed)] {
        let config = config(&with_exporter(&format!("{{debug: {keys}}}"), "debug"));
        let Some(ExporterConfig::Debug(debug)) = config.exporters.values().next() else { panic!() };
        assert_eq!(debug.verbosity, verbosity);
    }
}

#[test]
fn components_that_no_pipeline_uses_are_left_out_with_a_warning() {
    let Loaded { config, warnings } = loaded(&with(OTLP, "", "{nop: , debug/x: }", TRACES));
    assert_eq!(config.exporters.len(), 1);
    let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        ["f.yaml:3:20: exporters::debug/x: configured but used in no pipeline, so it is not started"]
    );
}

#[test]
fn pipelines_keep_their_order_and_their_names() {
    let service = "{pipelines: {traces/b: {receivers: [otlp], exporters: [nop]}, logs: {receivers: [otlp], exporters: [nop]},
                    profiles: {receivers: [otlp], exporters: [nop]}}}";
    let config = config(&with(OTLP, "", NOP, service));
    let names: Vec<(&str, Signal)> = config.pipelines.iter().map(|p| (p.name.as_str(), p.signal)).collect();
    assert_eq!(names, [("traces/b", Signal::Traces), ("logs", Signal::Logs), ("profiles", Signal::Profiles)]);
}

#[test]
fn later_sources_win_and_settings_of_the_command_line_win_over_all() {
    let sources = [
        text(&with_receivers(OTLP)),
        text("service: {telemetry: {logs: {level: warn}}}"),
        Source::Set("service.telemetry.logs.encoding=json".to_owned()),
        Source::Set("receivers::otlp::protocols::grpc::endpoint=localhost:1".to_owned()),
    ];
    let config = load_sources(&sources, &no_environment()).unwrap().config;
    assert_eq!(
        (config.telemetry.logs.level, config.telemetry.logs.encoding),
        (LogLevel::Warn, LogEncoding::Json)
    );
    let grpc = config.receivers.values().next().unwrap().otlp().unwrap().grpc.clone().unwrap();
    assert_eq!(grpc.endpoint.to_string(), "localhost:1");
}

#[test]
fn a_configuration_may_come_from_a_variable() {
    let environment = BTreeMap::from([("CONF".to_owned(), with_receivers(OTLP))]);
    assert!(load_sources(&[Source::of_argument("env:CONF")], &environment).is_ok());
    let problems = load_sources(&[Source::of_argument("env:NONE")], &environment).unwrap_err();
    assert_eq!(problems[0].to_string(), "the variable NONE is to hold the configuration and is not set");
}

#[test]
fn a_string_from_the_environment_keeps_its_text_where_a_string_is_wanted() {
    let environment = BTreeMap::from([("TOKEN".to_owned(), "0123".to_owned())]);
    let yaml = with_exporter("{otlp: {endpoint: 'up:1', headers: {token: '${env:TOKEN}'}}}", "otlp");
    let config = load_sources(&[text(&yaml)], &environment).unwrap().config;
    let Some(ExporterConfig::OtlpGrpc(exporter)) = config.exporters.values().next() else { panic!() };
    assert_eq!(exporter.headers.iter().next().unwrap().1.expose(), "0123");
}

#[test]
fn the_debug_form_of_a_configuration_shows_no_secret() {
    let exporter = grpc_exporter(
        "endpoint: 'up:1', headers: {authorization: hunter2}, tls: {cert_pem: c, key_pem: hunter2}",
    );
    let shown = format!("{exporter:?}");
    assert!(shown.contains("authorization") && shown.contains("[REDACTED]"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(yaml in "[a-z:{}\\[\\], \n$&*!'\"0-9./-]{0,120}") {
        let _ = load_sources(&[text(&yaml)], &no_environment());
    }

    #[test]
    fn any_value_in_any_place_never_panics(
        value in prop::sample::select(vec!["", "~", "x", "-1", "1e999", "[]", "{}", "[{}]", "{a: }", "${A}", "'${file:x}'", "18446744073709551616"]),
        key in 0usize..14,
    ) {
        let keys = ["receivers", "receivers.otlp", "receivers.otlp.protocols", "receivers.otlp.protocols.grpc",
            "receivers.otlp.protocols.grpc.endpoint", "receivers.otlp.protocols.grpc.max_concurrent_streams", "exporters",
            "exporters.nop", "service", "service.pipelines", "service.pipelines.traces", "service.pipelines.traces.receivers",
            "service.telemetry.metrics.readers", "service.extensions"];
        let set = Source::Set(format!("{}={value}", keys[key]));
        let _ = load_sources(&[text(&with_receivers(OTLP)), set], &no_environment());
    }
}

#[test]
fn origins_of_pages_are_origins_and_nothing_else() {
    let cors = |cors: &str| with_receivers(&format!("{{otlp: {{protocols: {{http: {{cors: {cors}}}}}}}}}"));
    let origins = "allowed_origins: ['https://*.shop.example', '*']";
    let good =
        config(&cors(&format!("{{{origins}, allowed_headers: [x], exposed_headers: [y], max_age: 7}}")));
    let good = &good.receivers.values().next().unwrap().otlp().unwrap().http.as_ref().unwrap().cors;
    assert_eq!((good.allowed_origins.len(), good.max_age), (2, 7));
    let bad =
        problems(&cors("{allowed_origins: [shop.example, 'https://shop.example/page', 'https://*.*']}"));
    assert_eq!(bad.len(), 3, "{bad:?}");
    assert!(
        bad[0].contains("allowed_origins::0: expected an origin such as https://shop.example"),
        "{bad:?}"
    );
    assert!(bad[2].contains("one * only"), "{bad:?}");
}
