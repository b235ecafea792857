//! Each mistake in the configuration of an exporter or of its queue, with its message.

use super::mistakes_tests::each_says;
use super::testing::*;

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
