//! Tests of whole configurations: what is taken, with which defaults, and the exact words for what is not.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use weir_otlp::Signal;

use super::*;
use crate::config::{
    Compression, ExporterConfig, HostPort, LogEncoding, LogLevel, MetricsLevel, OtlpGrpcExporterConfig,
    Sizer, Verbosity, WasmSource,
};

fn text(text: &str) -> Source {
    Source::Text { name: "f.yaml", text: text.to_owned() }
}

fn no_environment() -> BTreeMap<String, String> {
    BTreeMap::new()
}

fn loaded(yaml: &str) -> Loaded {
    load_sources(&[text(yaml)], &no_environment()).unwrap_or_else(|problems| {
        panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })
}

fn config(yaml: &str) -> Config {
    loaded(yaml).config
}

fn problems(yaml: &str) -> Vec<String> {
    let problems = load_sources(&[text(yaml)], &no_environment()).unwrap_err();
    problems.iter().map(ToString::to_string).collect()
}

/// A minimal configuration with one part replaced, on lines of their own.
fn with(receivers: &str, processors: &str, exporters: &str, service: &str) -> String {
    format!("receivers: {receivers}\nprocessors: {processors}\nexporters: {exporters}\nservice: {service}\n")
}

const OTLP: &str = "{otlp: {protocols: {grpc: , http: }}}";
const NOP: &str = "{nop: }";
const TRACES: &str = "{pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}";

fn with_receivers(receivers: &str) -> String {
    with(receivers, "", NOP, TRACES)
}

fn with_exporter(exporter: &str, id: &str) -> String {
    let service = format!("{{pipelines: {{traces: {{receivers: [otlp], exporters: [{id}]}}}}}}");
    with(OTLP, "", exporter, &service)
}

fn with_processor(processor: &str) -> String {
    let service = "{pipelines: {traces: {receivers: [otlp], processors: [wasm], exporters: [nop]}}}";
    with(OTLP, processor, NOP, service)
}

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
    assert!(config.processors.is_empty());
    let receiver = config.receivers.values().next().unwrap();
    assert_eq!(receiver.grpc.as_ref().unwrap().endpoint.to_string(), "localhost:4317");
    assert_eq!(receiver.http.as_ref().unwrap().endpoint.to_string(), "localhost:4318");
    std::fs::create_dir(directory.path().join("plugins.d")).unwrap();
    assert_eq!(crate::config::builtin::sources(directory.path()).len(), 2);
}

#[test]
fn what_is_left_out_has_the_defaults_of_the_collector() {
    let config = config(&with_receivers(OTLP));
    let receiver = config.receivers.values().next().unwrap();
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
    let receiver = config.receivers.values().next().unwrap();
    assert!(receiver.grpc.is_none());
    assert_eq!(receiver.http.as_ref().unwrap().endpoint, HostPort { host: "0.0.0.0".to_owned(), port: 1 });
}

#[test]
fn an_otlp_grpc_exporter_has_the_defaults_of_the_collector() {
    let exporter = grpc_exporter("endpoint: 'up:4317'");
    assert_eq!(exporter.compression, Compression::Gzip);
    assert_eq!(exporter.timeout, Duration::from_secs(5));
    assert!(exporter.uses_tls());
    assert_eq!(exporter.retry_on_failure.max_elapsed_time, Duration::from_secs(300));
    assert_eq!((exporter.sending_queue.num_consumers, exporter.sending_queue.queue_size), (10, 1000));
    assert!(exporter.sending_queue.wait_for_result, "weir answers when the upstream has answered");
}

#[test]
fn every_key_of_an_otlp_grpc_exporter_is_read() {
    let exporter = grpc_exporter(
        "endpoint: 'http://up:4317', compression: zstd, timeout: 1m30s, wait_for_ready: true,
         headers: {X-Token: abc, other: 'd e'},
         retry_on_failure: {enabled: false, initial_interval: 1s, randomization_factor: 0, multiplier: 2,
                            max_interval: 10s, max_elapsed_time: 0},
         sending_queue: {enabled: true, num_consumers: 2, queue_size: 10, sizer: bytes,
                         block_on_overflow: true, wait_for_result: false}",
    );
    assert!(!exporter.uses_tls());
    assert_eq!((exporter.compression, exporter.timeout), (Compression::Zstd, Duration::from_secs(90)));
    assert!(exporter.wait_for_ready && !exporter.retry_on_failure.enabled);
    assert_eq!(exporter.retry_on_failure.max_elapsed_time, Duration::ZERO);
    assert_eq!((exporter.sending_queue.sizer, exporter.sending_queue.wait_for_result), (Sizer::Bytes, false));
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
    let WasmSource::Plugin(settings) = &config_one.processors.values().next().unwrap().source else {
        panic!()
    };
    assert_eq!(settings.config, serde_json::json!({"rules": [1, "a", 0.5, null]}));
    assert_eq!(settings.on_error, weir_plugin::OnError::Drop);
    assert_eq!((settings.timeout, settings.memory_limit_bytes), (Duration::from_secs(2), 32 << 20));
    assert_eq!(settings.files.len(), 1);

    let config_many = config(&with_processor(&format!("{{wasm: {{directory: '{directory}'}}}}")));
    assert!(matches!(config_many.processors.values().next().unwrap().source, WasmSource::Directory(_)));
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
    let message = read("on_eror: drop\nplugin: x.wasm\n").unwrap_err();
    assert!(
        message.contains("redact.yaml:1:1: on_eror: unknown key \"on_eror\"; did you mean \"on_error\"?"),
        "{message}"
    );
    let message = read("plugin: x.wasm\n").unwrap_err();
    assert!(message.contains("redact.yaml:1:1: plugin: not here"), "{message}");
    let message = read("on_error: retry").unwrap_err();
    assert!(message.contains("(valid: reject, drop, bypass)"), "{message}");
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
    let resource = telemetry("{resource: {service.name: x, host.name: }}").resource;
    assert_eq!(resource.get("service.name"), Some(&Some("x".to_owned())));
    assert_eq!(resource.get("host.name"), Some(&None));
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
    let grpc = config.receivers.values().next().unwrap().grpc.clone().unwrap();
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

#[test]
fn a_secret_in_the_wrong_place_is_not_shown() {
    let environment = BTreeMap::from([
        ("TOKEN".to_owned(), "hunter2".to_owned()),
        ("MAP".to_owned(), "{hunter2: hunter2}".to_owned()),
    ]);
    for exporter in [
        "{otlp: {endpoint: '${env:TOKEN}'}}",
        "{otlp: {endpoint: 'https://user:hunter2@up:1'}}",
        "{otlp: {endpoint: 'up:1', timeout: '${env:TOKEN}'}}",
        "{otlp: {endpoint: 'up:1', compression: '${env:TOKEN}'}}",
        "{otlp: {endpoint: 'up:1', wait_for_ready: '${env:TOKEN}'}}",
        "{otlp: {endpoint: 'up:1', sending_queue: {queue_size: '${env:TOKEN}'}}}",
        "{otlp: {endpoint: 'up:1', headers: '${env:TOKEN}'}}",
        "{otlp: {endpoint: 'up:1', headers: hunter2}}",
        "{otlp: {endpoint: 'up:1', headers: {a: [hunter2]}}}",
        "{otlp: {endpoint: 'up:1', headers: {a: \"hunter2\\n\"}}}",
        "{otlp: {endpoint: 'up:1', tls: '${env:TOKEN}'}}",
        "{otlp: {endpoint: 'up:1', tls: '${env:MAP}'}}",
        "{otlp: {endpoint: 'up:1', tls: hunter2}}",
    ] {
        let yaml = with_exporter(exporter, "otlp");
        let problems = load_sources(&[text(&yaml)], &environment).unwrap_err();
        let shown: String = problems.iter().map(|p| format!("{p} {p:?}")).collect();
        assert!(!shown.contains("hunter2"), "{exporter}: {shown}");
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once_in_the_order_of_the_file() {
    let yaml = "\
recievers: {}
receivers:
  otlp:
    protocols:
      grpc: {endpont: 'localhost:4317', max_recv_msg_size_mib: 0, tls: {}}
processors:
  batch:
exporters:
  otlp_grpc: {endpoint: 'up:4317', timeout: 5, colour: red}
  nopp:
service:
  pipelines:
    traces: {receivers: [otlp], processors: [wasm/x], exporters: [otlp_grpc, otlp_grpc]}
    trace: {receivers: [otlp]}
";
    assert_eq!(
        problems(yaml),
        [
            "f.yaml:1:1: recievers: unknown key \"recievers\"; did you mean \"receivers\"? (valid: receivers, processors, exporters, connectors, extensions, service)",
            "f.yaml:5:14: receivers::otlp::protocols::grpc::endpont: unknown key \"endpont\"; did you mean \"endpoint\"? (valid: endpoint, transport, max_recv_msg_size_mib, max_concurrent_streams)",
            "f.yaml:5:64: receivers::otlp::protocols::grpc::max_recv_msg_size_mib: expected a whole number from 1 to 2047, found 0",
            "f.yaml:5:67: receivers::otlp::protocols::grpc::tls: not supported yet by weir; leave it out",
            "f.yaml:7:3: processors::batch: weir has no processor \"batch\" yet (valid: wasm)",
            "f.yaml:9:45: exporters::otlp_grpc::timeout: expected a duration with its unit, such as 200ms, 1m30s or 1h, found 5",
            "f.yaml:9:48: exporters::otlp_grpc::colour: unknown key \"colour\" (valid: endpoint, tls, headers, compression, timeout, wait_for_ready, retry_on_failure, sending_queue)",
            "f.yaml:10:3: exporters::nopp: unknown exporter type \"nopp\"; did you mean \"nop\"? (valid: otlp_grpc, otlp, otlp_http, otlphttp, debug, nop)",
            "f.yaml:13:46: service::pipelines::traces: references processor \"wasm/x\" which is not configured",
            "f.yaml:13:78: service::pipelines::traces: references exporter \"otlp_grpc\" multiple times",
            "f.yaml:14:5: service::pipelines::trace: unknown signal \"trace\"; did you mean \"traces\"? (valid: traces, metrics, logs, profiles)",
            "f.yaml:14:5: service::pipelines::trace: must have at least one exporter",
        ]
    );
}

/// Each with the one message that it must give, without its place.
#[test]
fn each_mistake_has_its_own_words() {
    let exporter = |keys: &str| with_exporter(&format!("{{otlp: {{endpoint: 'up:1', {keys}}}}}"), "otlp");
    let service = |service: &str| with(OTLP, "", NOP, service);
    let telemetry = |telemetry: &str| {
        service(&format!(
            "{{pipelines: {{traces: {{receivers: [otlp], exporters: [nop]}}}}, telemetry: {telemetry}}}"
        ))
    };
    for (yaml, message) in [
        (service("{}"), "service::pipelines: service must have at least one pipeline"),
        (
            service("{pipelines: {traces: {receivers: [otlp]}}}"),
            "service::pipelines::traces: must have at least one exporter",
        ),
        (
            service("{pipelines: {traces: {exporters: [nop]}}}"),
            "service::pipelines::traces: must have at least one receiver",
        ),
        (
            service("{pipelines: {traces: {receivers: [otpl], exporters: [nop]}}}"),
            "service::pipelines::traces: references receiver \"otpl\" which is not configured; did you mean \"otlp\"?",
        ),
        (
            service("{extensions: [zpages], pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}"),
            "service::extensions::0: references extension \"zpages\" which is not configured",
        ),
        (
            with_receivers("{otlp: }"),
            "receivers::otlp::protocols: must specify at least one protocol: grpc, http or both",
        ),
        (
            with_receivers("{otlp: {protocols: {grpc: {transport: unix}}}}"),
            "receivers::otlp::protocols::grpc::transport: \"unix\" is not supported yet by weir (valid: tcp)",
        ),
        (
            with_receivers("{otlp: {protocols: {grpc: {endpoint: 4317}}}}"),
            "receivers::otlp::protocols::grpc::endpoint: expected a string (put it in quotes), found a number",
        ),
        (
            with_receivers("{otlp: {protocols: {grpc: {endpoint: localhost}}}}"),
            "receivers::otlp::protocols::grpc::endpoint: expected host:port, such as localhost:4317 or 0.0.0.0:4317",
        ),
        (
            with_receivers("{otlp: {protocols: {grpc: , http: {endpoint: '0.0.0.0:4317'}}}}"),
            "receivers::otlp::protocols::http: the endpoint 0.0.0.0:4317 is that of receivers::otlp::protocols::grpc already",
        ),
        (
            with_receivers("{otlp: {protocols: {http: {traces_url_path: /v1/logs}}}}"),
            "receivers::otlp::protocols::http: each signal needs a URL path of its own",
        ),
        (
            with_receivers("{jaeger: , otlp: {protocols: {grpc: }}}"),
            "receivers::jaeger: weir has no receiver \"jaeger\" yet (valid: otlp)",
        ),
        (with_exporter("{otlp: }", "otlp"), "exporters::otlp: the key \"endpoint\" is required"),
        (
            exporter("compression: snappy"),
            "exporters::otlp::compression: \"snappy\" is not supported yet by weir (valid: gzip, zstd, none)",
        ),
        (
            exporter("compression: gzpi"),
            "exporters::otlp::compression: unknown value \"gzpi\"; did you mean \"gzip\"? (valid: gzip, zstd, none)",
        ),
        (
            exporter("balancer_name: x"),
            "exporters::otlp::balancer_name: not supported yet by weir; leave it out",
        ),
        (
            exporter("sending_queue: {storage: x}"),
            "exporters::otlp::sending_queue::storage: not supported yet by weir; leave it out",
        ),
        (
            exporter("headers: {content-type: x}"),
            "exporters::otlp::headers::content-type: the header content-type is weir's own to set",
        ),
        (
            exporter("headers: {'a b': x}"),
            "exporters::otlp::headers::a b: \"a b\" cannot be the name of a header",
        ),
        (exporter("headers: [x]"), "exporters::otlp::headers::0: expected a map, found a string"),
        (
            exporter("retry_on_failure: {multiplier: 0.5}"),
            "exporters::otlp::retry_on_failure::multiplier: must be from 1 to 100",
        ),
        (
            exporter("tls: {key_file: k, cert_pem: c, key_pem: d}"),
            "exporters::otlp::tls::key_pem: give key_file or key_pem, not both",
        ),
        (
            exporter("tls: {ca_file: /none}"),
            "exporters::otlp::tls::ca_file: cannot read /none: no such file or directory",
        ),
        (
            exporter("tls: {cert_pem: c}"),
            "exporters::otlp::tls: a client certificate needs both a cert and a key",
        ),
        (
            exporter("tls: {min_version: '1.1'}"),
            "exporters::otlp::tls::min_version: \"1.1\" is not supported yet by weir (valid: 1.2, 1.3)",
        ),
        (
            exporter("wait_for_ready: 'yes'"),
            "exporters::otlp::wait_for_ready: expected true or false, found a string",
        ),
        (
            with_exporter("{otlp_http: {logs_endpoint: 'http://x'}}", "otlp_http"),
            "exporters::otlp_http: the pipeline traces sends traces here; set endpoint or traces_endpoint",
        ),
        (
            with_exporter("{otlp_http: {endpoint: 'up:4318'}}", "otlp_http"),
            "exporters::otlp_http::endpoint: expected a URL that begins with http:// or https:// and names no user (use headers for that)",
        ),
        (
            with_exporter("{otlp_http: {endpoint: 'http://x', encoding: json}}", "otlp_http"),
            "exporters::otlp_http::encoding: \"json\" is not supported yet by weir (valid: proto)",
        ),
        (
            with_processor("{wasm: {}}"),
            "processors::wasm: one of the keys \"plugin\" and \"directory\" is required",
        ),
        (
            with_processor("{wasm: {plugin: a, directory: b}}"),
            "processors::wasm: plugin and directory are two forms of this processor; give one of them",
        ),
        (
            with_processor("{wasm: {plugin: /none.wasm}}"),
            "processors::wasm::plugin: /none.wasm is not a file",
        ),
        (
            with_processor("{wasm: {directory: /none}}"),
            "processors::wasm::directory: /none is not a directory",
        ),
        (
            with_processor("{wasm: {directory: /tmp, timeout: 1s}}"),
            "processors::wasm::timeout: belongs to one plugin; put it into NAME.yaml beside NAME.wasm in the directory",
        ),
        (
            with_processor("{wasm: {plugin: /dev/null, config: {x: .nan}}}"),
            "processors::wasm::config::x: expected a finite number, since JSON has no other, found a number",
        ),
        (telemetry("{traces: {}}"), "service::telemetry::traces: not supported yet by weir; leave it out"),
        (
            telemetry("{metrics: {address: 'localhost:1', readers: []}}"),
            "service::telemetry::metrics::address: give address or readers, not both",
        ),
        (
            telemetry(
                "{metrics: {readers: [{pull: {exporter: {prometheus: {without_type_suffix: true}}}}]}}",
            ),
            "service::telemetry::metrics::readers::0::pull::exporter::prometheus::without_type_suffix: true is not supported yet by weir; its metrics are as with false",
        ),
        (
            telemetry("{logs: {level: verbose}}"),
            "service::telemetry::logs::level: unknown value \"verbose\" (valid: debug, info, warn, error)",
        ),
        (
            format!("connectors: {{forward: }}\n{}", with_receivers(OTLP)),
            "connectors: connectors are not supported yet by weir; leave them out",
        ),
    ] {
        let found = problems(&yaml);
        let bare: Vec<&str> = found.iter().map(|line| line.split_once(": ").unwrap().1).collect();
        assert!(bare.contains(&message), "wanted {message}\nfound {found:#?}");
    }
}

#[test]
fn a_file_that_is_no_map_or_is_not_there_is_told() {
    assert_eq!(
        problems("[a]"),
        ["f.yaml:1:1: expected a map with the keys receivers, processors, exporters and service"]
    );
    let missing = load(&[PathBuf::from("/none/weir.yaml")], &no_environment()).unwrap_err();
    assert_eq!(missing[0].to_string(), "cannot read /none/weir.yaml: no such file or directory");
}

#[test]
fn an_empty_file_lacks_a_pipeline() {
    assert_eq!(problems(""), ["f.yaml:1:1: service::pipelines: service must have at least one pipeline"]);
}

#[test]
fn wrong_settings_of_the_command_line_are_told() {
    for (setting, message) in [
        ("x", "--set: expected key=value, such as service.telemetry.logs.level=debug"),
        ("a..b=1", "--set: a::::b: each part of the key must have a name"),
        ("a.b=[", "--set: a::b: the value is not valid YAML"),
    ] {
        let problems = load_sources(&[Source::Set(setting.to_owned())], &no_environment()).unwrap_err();
        assert_eq!(problems[0].to_string(), message);
    }
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
