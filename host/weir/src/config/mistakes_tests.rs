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
fn each_mistake_in_an_exporter_has_its_own_words() {
    let exporter = |keys: &str| with_exporter(&format!("{{otlp: {{endpoint: 'up:1', {keys}}}}}"), "otlp");
    each_says(&[
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
            exporter("retry_on_failure: {multiplier: 0.5}"),
            "exporters::otlp::retry_on_failure::multiplier: must be from 1 to 100",
        ),
        (
            exporter("sending_queue: {enabled: 'yes'}"),
            "exporters::otlp::sending_queue::enabled: expected true or false, found a string",
        ),
    ]);
}

#[test]
fn each_mistake_in_an_exporter_over_http_has_its_own_words() {
    each_says(&[
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
            with_exporter("{otlp_http: {endpoint: 'http://x', proxy_url: 'socks5://u:p@x'}}", "otlp_http"),
            "exporters::otlp_http::proxy_url: expected a URL such as http://proxy:3128 or http://user:password@proxy:3128; no other scheme is supported",
        ),
        (
            with_exporter(
                "{otlp_http: {endpoint: 'http://x', compression_params: {level: 10}}}",
                "otlp_http",
            ),
            "exporters::otlp_http::compression_params::level: gzip has levels from 0 to 9, and -1 for its default",
        ),
        (
            with_exporter(
                "{otlp_http: {endpoint: 'http://x', compression: zstd, compression_params: {level: 0}}}",
                "otlp_http",
            ),
            "exporters::otlp_http::compression_params::level: zstd has levels from 1 to 11",
        ),
        (
            with_exporter(
                "{otlp_http: {endpoint: 'http://x', compression: none, compression_params: {level: 3}}}",
                "otlp_http",
            ),
            "exporters::otlp_http::compression_params::level: nothing is compressed, so there is no level",
        ),
        (
            with_exporter("{otlp_http: {endpoint: 'http://x', cookies: {}}}", "otlp_http"),
            "exporters::otlp_http::cookies: not supported yet by weir; leave it out",
        ),
        (
            with_exporter("{otlp: {endpoint: 'unix:relative'}}", "otlp"),
            "exporters::otlp::endpoint: expected host:port, http://host:port or https://host:port, with neither path nor user, or unix:///path",
        ),
    ]);
}

#[test]
fn each_mistake_in_tls_and_headers_has_its_own_words() {
    let exporter = |keys: &str| with_exporter(&format!("{{otlp: {{endpoint: 'up:1', {keys}}}}}"), "otlp");
    each_says(&[
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
            exporter("tls: {min_version: '1.3', max_version: '1.2'}"),
            "exporters::otlp::tls::max_version: must not be older than min_version",
        ),
        (
            exporter("tls: {reload_interval: 0}"),
            "exporters::otlp::tls::reload_interval: expected a duration above zero, found 0",
        ),
    ]);
}

#[test]
fn each_mistake_in_a_processor_has_its_own_words() {
    each_says(&[
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
        (
            with_processor("{batch: {send_batch_size: 10, send_batch_max_size: 5}}"),
            "processors::batch::send_batch_max_size: must be 0, which is no limit, or at least send_batch_size, which is 10",
        ),
        (
            with_processor("{batch: {timeout: 1h}}"),
            "processors::batch::timeout: must be 10m at most: senders wait as long",
        ),
        (
            with_processor("{batch: {metadata_keys: [a]}}"),
            "processors::batch::metadata_keys: not supported yet by weir; leave it out",
        ),
        (
            with_processor("{memory_limiter: {limit_mib: 10}}"),
            "processors::memory_limiter: the key \"check_interval\" is required",
        ),
        (
            with_processor("{memory_limiter: {check_interval: 0s, limit_mib: 10}}"),
            "processors::memory_limiter::check_interval: expected a duration above zero, found \"0s\"",
        ),
        (
            with_processor("{memory_limiter: {check_interval: 1s}}"),
            "processors::memory_limiter: one of the keys \"limit_mib\" and \"limit_percentage\" is required",
        ),
        (
            with_processor("{memory_limiter: {check_interval: 1s, limit_mib: 10, spike_limit_mib: 10}}"),
            "processors::memory_limiter::spike_limit_mib: must be less than the limit, which leaves nothing for telemetry",
        ),
        (
            with_processors(
                "{memory_limiter: {check_interval: 1s, limit_mib: 10}, memory_limiter/b: {check_interval: 1s, limit_mib: 20}}",
                "memory_limiter, memory_limiter/b",
            ),
            "processors::memory_limiter/b: weir has one budget for all pipelines; give every memory_limiter the same limits",
        ),
        (
            with_processors("{batch: {}, batch/b: {}}", "batch, batch/b"),
            "service::pipelines::traces: requests are merged once; leave processor \"batch/b\" out",
        ),
    ]);
}

#[test]
fn each_mistake_about_a_durable_queue_has_its_own_words() {
    let stored = |queue: &str, extensions: &str, listed: &str| {
        let exporter = format!("{{otlp_grpc: {{endpoint: 'up:1', sending_queue: {queue}}}}}");
        let service =
            format!("{{{listed} pipelines: {{traces: {{receivers: [otlp], exporters: [otlp_grpc]}}}}}}");
        format!("{}extensions: {extensions}\n", with(OTLP, "", &exporter, &service))
    };
    let storage = "{file_storage: {directory: /x}}";
    let listed = "extensions: [file_storage],";
    let in_queue = "exporters::otlp_grpc::sending_queue";
    each_says(&[
        (
            stored("{storage: file_storage}", "{}", ""),
            &format!(
                "{in_queue}::storage: references extension \"file_storage\" which is not a configured file_storage"
            ),
        ),
        (
            stored("{storage: file_storage}", storage, ""),
            &format!("{in_queue}::storage: list \"file_storage\" in service::extensions, which starts it"),
        ),
        (
            stored("{storage: file_storage, wait_for_result: true}", storage, listed),
            &format!(
                "{in_queue}::wait_for_result: cannot be true with storage: the sender is answered when its data is on disk"
            ),
        ),
        (
            stored("{storage: file_storage, enabled: false}", storage, listed),
            &format!("{in_queue}::enabled: cannot be false with storage: there is nothing to store"),
        ),
        (
            stored("{storage: 'a b'}", storage, listed),
            &format!(
                "{in_queue}::storage: invalid id \"a b\": a type starts with a letter and has letters, digits and underscores, 63 at most"
            ),
        ),
        (
            stored("{batch: {max_size: 5, min_size: 6}}", storage, listed),
            &format!(
                "{in_queue}::batch::max_size: must be 0, which is no limit, or at least min_size, which is 6"
            ),
        ),
        (
            stored("{batch: {sizer: requests}}", storage, listed),
            &format!(
                "{in_queue}::batch::sizer: \"requests\" is not supported yet by weir (valid: items, bytes)"
            ),
        ),
        (
            stored("{}", "{file_storage: {}}", listed),
            "extensions::file_storage: the key \"directory\" is required",
        ),
        (
            stored("{}", "{file_storage: {directory: /none, create_directory: false}}", listed),
            "extensions::file_storage::directory: /none is not a directory, and create_directory is false",
        ),
        (
            stored("{}", "{file_storage: {directory: /x}, file_storage/b: {directory: /x}}", listed),
            "extensions::file_storage/b::directory: the directory is that of extensions::file_storage already",
        ),
    ]);
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
fn each_mistake_about_a_loki_exporter_has_its_own_words() {
    let loki = |keys: &str, signal: &str| {
        let service = format!("{{pipelines: {{{signal}: {{receivers: [otlp], exporters: [loki/a]}}}}}}");
        with(OTLP, "", &format!("{{loki/a: {{{keys}}}}}"), &service)
    };
    let push = "endpoint: 'http://loki:3100/loki/api/v1/push'";
    let with_push = |more: &str| loki(&format!("{push}, {more}"), "logs");
    each_says(&[
        (loki("", "logs"), "exporters::loki/a: the key \"endpoint\" is required"),
        (
            loki("endpoint: 'http://loki:3100'", "logs"),
            "exporters::loki/a::endpoint: it is the whole URL of the push API; Loki's own ends in /loki/api/v1/push",
        ),
        (loki(push, "traces"), "service::pipelines::traces: exporter \"loki/a\" takes logs and no traces"),
        (
            with_push("default_labels_enabled: {pod: true}"),
            "exporters::loki/a::default_labels_enabled::pod: unknown key \"pod\" (valid: exporter, job, instance, level)",
        ),
        (
            with_push("compression: zstd"),
            "exporters::loki/a::compression: Loki's push API takes gzip or none",
        ),
        (
            with_push("compression_params: {level: 3}"),
            "exporters::loki/a::compression_params::level: nothing is compressed, so there is no level",
        ),
        (
            with_push("tenant_id: acme"),
            "exporters::loki/a::tenant_id: not supported yet by weir; leave it out",
        ),
        (
            with_push("encoding: xml"),
            "exporters::loki/a::encoding: unknown value \"xml\" (valid: proto, json)",
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
