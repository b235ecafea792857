//! Tests of configurations that are refused: the exact words, and that no secret is among them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::testing::*;
use super::{Source, load, load_sources};

/// Each configuration must give its message, whatever its place.
pub(super) fn each_says(cases: &[(String, &str)]) {
    for (yaml, message) in cases {
        let found = problems(yaml);
        let bare: Vec<&str> = found.iter().map(|line| line.split_once(": ").unwrap().1).collect();
        assert!(bare.contains(message), "wanted {message}\nfound {found:#?}");
    }
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
        "{otlp: {endpoint: 'up:1', sending_queue: {enabled: '${env:TOKEN}'}}}",
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
      grpc: {endpont: 'localhost:4317', max_recv_msg_size_mib: 0, auth: {}}
processors:
  filter:
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
            "f.yaml:5:14: receivers::otlp::protocols::grpc::endpont: unknown key \"endpont\"; did you mean \"endpoint\"? (valid: endpoint, transport, tls, keepalive, max_recv_msg_size_mib, max_concurrent_streams)",
            "f.yaml:5:64: receivers::otlp::protocols::grpc::max_recv_msg_size_mib: expected a whole number from 1 to 2047, found 0",
            "f.yaml:5:67: receivers::otlp::protocols::grpc::auth: not supported yet by weir; leave it out",
            "f.yaml:9:45: exporters::otlp_grpc::timeout: expected a duration with its unit, such as 200ms, 1m30s or 1h, found 5",
            "f.yaml:9:48: exporters::otlp_grpc::colour: unknown key \"colour\" (valid: endpoint, tls, headers, compression, timeout, retry_on_failure, sending_queue)",
            "f.yaml:10:3: exporters::nopp: unknown exporter type \"nopp\"; did you mean \"nop\"? (valid: otlp_grpc, otlp, otlp_http, otlphttp, loki, debug, file, prometheus, prometheusremotewrite, nop)",
            "f.yaml:13:46: service::pipelines::traces: references processor \"wasm/x\" which is not configured",
            "f.yaml:13:78: service::pipelines::traces: references exporter \"otlp_grpc\" multiple times",
            "f.yaml:14:5: service::pipelines::trace: unknown signal \"trace\"; did you mean \"traces\"? (valid: traces, metrics, logs, profiles)",
            "f.yaml:14:5: service::pipelines::trace: must have at least one exporter",
        ]
    );
}

#[test]
fn a_pipeline_that_is_wrong_is_told_in_the_words_of_the_collector() {
    let service = |service: &str| with(OTLP, "", NOP, service);
    each_says(&[
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
        (format!("connectors: []\n{}", with_receivers(OTLP)), "connectors: expected a map of connectors"),
    ]);
}

#[test]
fn what_weir_lacks_is_told_with_what_to_do_instead_where_it_is_used() {
    let yaml = "receivers: {otlp: {protocols: {grpc: }}, jaeger: }
connectors: {spanmetrics: , count: }
processors: {filter/x: {traces: {span: []}}, tail_sampling: }
extensions: {zpages: , oidc: , basicauth: }
exporters: {nop: , kafka: }
service:
  extensions: [zpages, basicauth]
  pipelines:
    traces: {receivers: [otlp, jaeger], processors: [filter/x], exporters: [nop, spanmetrics]}
    metrics: {receivers: [spanmetrics], exporters: [nop, kafka]}
";
    let problems = load_sources(&[text(yaml)], &no_environment()).unwrap_err();
    let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
    for (said, expected) in said.iter().zip([
        "f.yaml:1:42: receivers::jaeger: weir has no receiver \"jaeger\": weir takes OTLP alone",
        "f.yaml:2:14: connectors::spanmetrics: weir has no connector \"spanmetrics\": weir makes no metrics of",
        "f.yaml:3:14: processors::filter/x: weir has no processor \"filter\": a condition on items is a plugin",
        "f.yaml:4:32: extensions::basicauth: weir has no extension \"basicauth\": weir has no authenticators",
        "f.yaml:5:20: exporters::kafka: weir has no exporter \"kafka\": send by OTLP to a Collector",
    ]) {
        assert!(said.starts_with(expected), "{said}");
    }
    assert_eq!(said.len(), 5, "{said:#?}");
    assert!(problems[2].shown.unwrap().contains("impl Plugin for DropHealthChecks"));
}

#[test]
fn keys_on_which_no_data_depends_are_left_out_with_a_warning() {
    let yaml = "receivers: {otlp: {protocols: {grpc: {read_buffer_size: 1}}}}
exporters:
  otlp: {endpoint: 'up:1', keepalive: {time: 10s}, wait_for_ready: true}
service:
  telemetry: {logs: {development: true, level: warn}}
  pipelines: {traces: {receivers: [otlp], exporters: [otlp]}}
";
    let loaded = loaded(yaml);
    let warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    let reason = "left out, since no data depends on it: weir has no such key";
    let expected = [
        "f.yaml:1:39: receivers::otlp::protocols::grpc::read_buffer_size",
        "f.yaml:3:28: exporters::otlp::keepalive",
        "f.yaml:3:52: exporters::otlp::wait_for_ready",
        "f.yaml:5:22: service::telemetry::logs::development",
    ];
    assert_eq!(warnings, expected.map(|path| format!("{path}: {reason}")));
    assert_eq!(loaded.config.telemetry.logs.level, crate::config::LogLevel::Warn, "the keys beside it count");
    // They hide nothing that is wrong.
    let wrong = yaml.replace("wait_for_ready: true", "wait_for_redy: true");
    assert!(problems(&wrong)[0].starts_with("f.yaml:3:52: exporters::otlp::wait_for_redy: unknown key"));
}

#[test]
fn what_weir_lacks_and_nothing_uses_is_a_warning() {
    let yaml = "receivers: {otlp: {protocols: {grpc: }}, zipkin: }
connectors: {forward: }
processors: {transform: {log_statements: []}}
extensions: {pprof: {endpoint: 'localhost:1777'}, zpages/x: , opamp: }
exporters: {nop: , zipkin: }
service:
  extensions: [pprof, zpages/x]
  pipelines: {traces: {receivers: [otlp], exporters: [nop]}}
";
    let warnings: Vec<String> = loaded(yaml).warnings.iter().map(ToString::to_string).collect();
    for expected in [
        "f.yaml:1:42: receivers::zipkin: weir has no such component, and nothing uses it",
        "f.yaml:2:14: connectors::forward: weir has no such component, and nothing uses it",
        "f.yaml:3:14: processors::transform: weir has no such component, and nothing uses it",
        "f.yaml:4:14: extensions::pprof: left out, since no data depends on it: ",
        "f.yaml:4:51: extensions::zpages/x: left out, since no data depends on it: ",
        "f.yaml:4:63: extensions::opamp: weir has no such component, and nothing uses it",
        "f.yaml:5:20: exporters::zipkin: weir has no such component, and nothing uses it",
    ] {
        assert!(warnings.iter().any(|said| said.starts_with(expected)), "{expected}\n{warnings:#?}");
    }
    assert_eq!(warnings.len(), 7, "{warnings:#?}");
}

#[test]
fn each_mistake_about_weirs_own_telemetry_has_its_own_words() {
    let telemetry = |telemetry: &str| {
        let service = format!(
            "{{pipelines: {{traces: {{receivers: [otlp], exporters: [nop]}}}}, telemetry: {telemetry}}}"
        );
        with(OTLP, "", NOP, &service)
    };
    each_says(&[
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
    ]);
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
fn a_variable_that_is_not_set_is_told_beside_what_came_of_it() {
    assert_eq!(
        problems(&with_exporter("{otlp: {endpoint: '${env:UPSTREAM}'}}", "otlp")),
        [
            "f.yaml:3:19: exporters::otlp: the key \"endpoint\" is required",
            "f.yaml:3:30: exporters::otlp::endpoint: the variable UPSTREAM is not set; it counts as empty",
        ]
    );
}

#[test]
fn a_mistyped_key_is_not_reported_as_missing_too() {
    assert_eq!(problems(&with_exporter("{otlp: {endpont: 'up:1'}}", "otlp")).len(), 1);
    assert_eq!(problems(&with_exporter("{otlp: {colour: red}}", "otlp")).len(), 2);
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
