//! Upstreams behind a proxy, configured or named by the environment, as the Collector's HTTP client has it.

use serde_json::{Value, json};
use tonic::Code;
use weir_tests::ports::free_port;
use weir_tests::{GrpcSender, HttpSender, Launch, Proxy, Signal, Upstream, Weir, requests};

/// `ada:hush-hush`.
const AUTHORIZATION: &str = "Basic YWRhOmh1c2gtaHVzaA==";

fn http(endpoint: &str, proxy: Option<&str>) -> Value {
    let mut settings = json!({"endpoint": endpoint, "compression": "none"});
    if let Some(proxy) = proxy {
        settings["proxy_url"] = json!(proxy);
    }
    settings
}

async fn code_of(weir: &Weir) -> Code {
    let body = requests::unique(Signal::Logs, "proxied", 1);
    match GrpcSender::new(weir.ports.grpc).send(Signal::Logs, body).await {
        Ok(_) => Code::Ok,
        Err(status) => {
            assert!(!status.message().contains("hush"), "{}", status.message());
            status.code()
        }
    }
}

#[tokio::test]
async fn a_plain_upstream_is_asked_for_by_its_whole_url() {
    let upstream = Upstream::start().await;
    let proxy = Proxy::start(upstream.port(), Some(AUTHORIZATION)).await;
    let url = format!("http://ada:hush-hush@{}", proxy.address());
    let weir = Launch::new().exporter("otlp_http", http("http://up.example:4318", Some(&url))).start().await;
    for _ in 0..2 {
        assert_eq!(code_of(&weir).await, Code::Ok);
    }
    assert_eq!(upstream.delivered().len(), 2);
    let heads = proxy.heads();
    assert_eq!(heads.len(), 1, "the connection to the proxy is kept");
    assert!(heads[0].starts_with("POST http://up.example:4318/v1/logs HTTP/1.1\r\n"), "{}", heads[0]);
    assert!(heads[0].contains("host: up.example:4318\r\n"), "{}", heads[0]);
}

#[tokio::test]
async fn an_encrypted_upstream_is_reached_through_a_tunnel() {
    let upstream = Upstream::start().await;
    let proxy = Proxy::start(upstream.port(), Some(AUTHORIZATION)).await;
    let mut settings = http("https://up.example", Some(&format!("http://ada:hush-hush@{}", proxy.address())));
    settings["headers"] = json!({"authorization": "Bearer hush-hush"});
    let weir = Launch::new().exporter("otlp_http", settings).start().await;
    // The upstream of this test speaks no TLS: nothing of the request may reach it. A unit test has one that does.
    assert_eq!(code_of(&weir).await, Code::Unavailable);
    assert!(upstream.received().is_empty());
    let head = &proxy.heads()[0];
    assert!(head.starts_with("CONNECT up.example:443 HTTP/1.1\r\n"), "{head}");
    assert!(!head.contains("Bearer"), "the proxy sees no header of the request: {head}");
}

#[tokio::test]
async fn a_proxy_that_refuses_or_is_away_is_told_without_its_password() {
    let upstream = Upstream::start().await;
    let proxy = Proxy::start(upstream.port(), Some(AUTHORIZATION)).await;
    let nobody = format!("127.0.0.1:{}", free_port());
    for (endpoint, address, code, status) in [
        ("http://up.example:4318", proxy.address(), Code::Unauthenticated, 401),
        ("https://up.example:4318", proxy.address(), Code::Unavailable, 503),
        ("http://up.example:4318", nobody.clone(), Code::Unavailable, 503),
        ("https://up.example:4318", nobody, Code::Unavailable, 503),
    ] {
        let url = format!("http://ada:hush-wrong@{address}");
        let weir = Launch::new().exporter("otlp_http", http(endpoint, Some(&url))).start().await;
        assert_eq!(code_of(&weir).await, code, "{endpoint} by {address}");
        let body = requests::unique(Signal::Logs, "proxied", 1);
        let reply = HttpSender::new(weir.ports.http).send(Signal::Logs, body).await;
        assert_eq!(reply.status, status, "{endpoint} by {address}");
        assert!(!reply.text().contains("hush") && !weir.stderr().contains("hush"));
    }
    assert!(upstream.received().is_empty());
}

#[tokio::test]
async fn the_environment_names_proxies_and_what_is_reached_without() {
    let upstream = Upstream::start().await;
    let proxy = Proxy::start(upstream.port(), None).await;
    let variables = |no_proxy: &str| {
        vec![
            ("HTTP_PROXY".to_owned(), proxy.address()),
            ("HTTPS_PROXY".to_owned(), "http://nobody.example:1".to_owned()),
            ("NO_PROXY".to_owned(), no_proxy.to_owned()),
        ]
    };
    let remote = "http://up.example:4318";
    let local = format!("http://{}", upstream.address());
    for (endpoint, no_proxy, code, is_proxied) in [
        (remote, "", Code::Ok, true),
        // Nobody has this name, so that without the proxy there is no way to it.
        (remote, "example", Code::Unavailable, false),
        (local.as_str(), "", Code::Ok, false),
    ] {
        let before = proxy.heads().len();
        let mut launch = Launch::new().exporter("otlp_http", http(endpoint, None));
        launch.env = variables(no_proxy);
        let weir = launch.start().await;
        assert_eq!(code_of(&weir).await, code, "{endpoint} with {no_proxy:?}");
        assert_eq!(proxy.heads().len() > before, is_proxied, "{endpoint} with {no_proxy:?}");
    }
    // gRPC goes its own way.
    let mut launch = Launch::new().to_grpc(&upstream.address());
    launch.env = variables("");
    assert_eq!(code_of(&launch.start().await).await, Code::Ok);
}
