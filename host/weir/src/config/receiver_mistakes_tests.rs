//! Tests of receivers that are refused: the exact words.

use super::mistakes_tests::each_says;
use super::testing::*;

#[test]
fn each_mistake_in_a_receiver_has_its_own_words() {
    each_says(&[
        (
            with_receivers("{otlp: }"),
            "receivers::otlp::protocols: must specify at least one protocol: grpc, http or both",
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
    ]);
}

#[test]
fn each_mistake_in_where_a_receiver_listens_has_its_own_words() {
    each_says(&[
        (
            with_receivers("{otlp: {protocols: {grpc: {transport: udp}}}}"),
            "receivers::otlp::protocols::grpc::transport: OTLP needs a stream of bytes: use tcp or unix",
        ),
        (
            with_receivers("{otlp: {protocols: {grpc: {transport: tcp6}}}}"),
            "receivers::otlp::protocols::grpc::transport: use tcp, with an address of that family as the endpoint",
        ),
        (
            with_receivers("{otlp: {protocols: {grpc: {transport: pigeon}}}}"),
            "receivers::otlp::protocols::grpc::transport: expected tcp or unix",
        ),
        (
            with_receivers("{otlp: {protocols: {grpc: {transport: unix}}}}"),
            "receivers::otlp::protocols::grpc::endpoint: expected the path of a socket, from the root on, such as /run/weir/otlp.sock",
        ),
        (
            with_receivers("{otlp: {protocols: {grpc: {endpoint: /run/otlp.sock}}}}"),
            "receivers::otlp::protocols::grpc::endpoint: this is the path of a socket, which needs transport: unix beside it",
        ),
        (
            with_receivers(&format!(
                "{{otlp: {{protocols: {{http: {{transport: unix, endpoint: /{}}}}}}}}}",
                "x".repeat(107)
            )),
            "receivers::otlp::protocols::http::endpoint: the path of a socket has at most 107 bytes",
        ),
    ]);
}

#[test]
fn each_mistake_in_the_tls_and_the_connections_of_a_receiver_has_its_own_words() {
    each_says(&[
        (
            with_receivers("{otlp: {protocols: {grpc: {tls: {}}}}}"),
            "receivers::otlp::protocols::grpc::tls: a server with TLS needs cert_file or cert_pem",
        ),
        (
            with_receivers("{otlp: {protocols: {grpc: {tls: {cert_pem: c, key_pem: k, key_file: /none}}}}}"),
            "receivers::otlp::protocols::grpc::tls::key_pem: give key_file or key_pem, not both",
        ),
        (
            with_receivers(
                "{otlp: {protocols: {grpc: {tls: {cert_pem: c, key_pem: k, client_ca_file: /none}}}}}",
            ),
            "receivers::otlp::protocols::grpc::tls::client_ca_file: cannot read /none: no such file or directory",
        ),
        (
            with_receivers("{otlp: {protocols: {http: {tls: {cert_pem: c, key_pem: k, ca_file: /none}}}}}"),
            "receivers::otlp::protocols::http::tls::ca_file: not supported yet by weir; leave it out",
        ),
        (
            with_receivers(
                "{otlp: {protocols: {http: {tls: {cert_pem: c, key_pem: k, client_ca_file_reload: true}}}}}",
            ),
            "receivers::otlp::protocols::http::tls::client_ca_file_reload: there is no client_ca_file to look at",
        ),
        (
            with_receivers(
                "{otlp: {protocols: {grpc: {keepalive: {server_parameters: {max_connection_age: 5}}}}}}",
            ),
            "receivers::otlp::protocols::grpc::keepalive::server_parameters::max_connection_age: expected a duration with its unit, such as 200ms, 1m30s or 1h, found 5",
        ),
        (
            with_receivers("{otlp: {protocols: {http: {response_headers: {'a b': c}}}}}"),
            "receivers::otlp::protocols::http::response_headers::a b: \"a b\" cannot be the name of a header",
        ),
    ]);
}
