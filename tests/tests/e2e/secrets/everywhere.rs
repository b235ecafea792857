//! Everything that weir says anywhere, while everything goes wrong: none of it holds a secret of an exporter.

use std::path::Path;

use serde_json::{Value, json};
use weir_tests::upstream::Raw;
use weir_tests::{
    Answer, GrpcSender, HttpSender, Launch, Proxy, Signal, Upstream, Weir, http, requests, weir,
};

const FROM_ENV: &str = "env-hush-1111";
const FROM_FILE: &str = "file-hush-2222";
const LITERAL: &str = "literal-hush-3333";
const PASSWORD: &str = "proxy-hush-4444";
/// The user and the password as the header has them.
const AUTHORIZATION: &str = "YWRhOnByb3h5LWh1c2gtNDQ0NA==";

const CA: &str = include_str!("../../../../host/weir/src/exporter/testdata/ca.pem");
const CERTIFICATE: &str = include_str!("../../../../host/weir/src/exporter/testdata/client.pem");
const KEY: &str = include_str!("../../../../host/weir/src/exporter/testdata/client.key.pem");

/// Traces go to an upstream that quotes headers, metrics to a proxy that does, logs to an upstream that speaks no TLS.
fn launch(home: &Path, quoting: &Upstream, proxy: &Proxy) -> Launch {
    let file = home.join("token");
    std::fs::write(&file, FROM_FILE).unwrap();
    let headers = json!({
        "authorization": "Bearer ${env:TOKEN}",
        "x-from-file": format!("${{file:{}}}", file.display()),
        "x-literal": LITERAL,
    });
    let mut launch = Launch::new();
    launch.config["exporters"] = json!({
        "otlp_grpc/quoting": {
            "endpoint": quoting.address(), "tls": {"insecure": true}, "compression": "none", "headers": headers,
        },
        "otlp_http/proxied": {
            "endpoint": "http://up.example:4318", "headers": headers,
            "proxy_url": format!("http://ada:{PASSWORD}@{}", proxy.address()),
        },
        "otlp_grpc/tls": {
            "endpoint": format!("https://{}", quoting.address()), "headers": headers,
            "tls": {"ca_pem": CA, "cert_pem": CERTIFICATE, "key_pem": KEY, "min_version": "1.2"},
        },
    });
    for exporter in launch.config["exporters"].as_object_mut().unwrap().values_mut() {
        exporter["retry_on_failure"] = json!({"enabled": false});
    }
    let exporters =
        [("traces", "otlp_grpc/quoting"), ("metrics", "otlp_http/proxied"), ("logs", "otlp_grpc/tls")];
    for (signal, exporter) in exporters {
        launch.config["service"]["pipelines"][signal]["exporters"] = json!([exporter]);
    }
    launch.config["service"]["telemetry"]["logs"] = json!({"level": "debug"});
    launch.env = vec![("TOKEN".to_owned(), FROM_ENV.to_owned())];
    launch
}

/// What an upstream may answer to a token that it does not like: with the token in it.
fn quotes() -> Vec<Answer> {
    let words = format!("Bearer {FROM_ENV}, {FROM_FILE} and {LITERAL} are unknown; so is {FROM_ENV}");
    let grpc = |code: &str| {
        Answer::Raw(Raw {
            status: 200,
            headers: vec![
                ("content-type", b"application/grpc".to_vec()),
                ("grpc-status", code.as_bytes().to_vec()),
                ("grpc-message", words.clone().into_bytes()),
                ("www-authenticate", words.clone().into_bytes()),
            ],
            ..Raw::default()
        })
    };
    let partial = Answer::Partial { rejected: 1, message: "env-hush-1111 is over its quota" };
    vec![grpc("16"), grpc("7"), grpc("8"), grpc("3"), partial, Answer::Http(401, None)]
}

/// Sends a request of each signal over both protocols; everything that the senders are told.
async fn send_all(weir: &Weir) -> String {
    let mut told = String::new();
    for signal in Signal::READ {
        let body = requests::unique(signal, "secret", 2);
        if let Err(status) = GrpcSender::new(weir.ports.grpc).send(signal, body.clone()).await {
            told.push_str(&format!("{} {:?}\n", status.message(), status.details()));
            told.push_str(&String::from_utf8_lossy(status.details()));
            told.push_str(&format!("{:?}\n", status.metadata()));
        }
        let reply = HttpSender::new(weir.ports.http).send(signal, body).await;
        told.push_str(&format!("{:?} {}\n", reply.headers, reply.text()));
    }
    told
}

/// Configurations with a mistake in or beside a secret.
fn mistakes(good: &Value) -> Vec<Value> {
    let with = |pointer: &str, value: Value| {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = value;
        bad
    };
    let half_of_a_key = KEY[..KEY.len() / 2].to_owned();
    vec![
        with("/exporters/otlp_grpc~1quoting/endpoint", json!("${env:TOKEN}")),
        with(
            "/exporters/otlp_grpc~1quoting/headers",
            json!({"authorization": format!("Bearer {LITERAL}\n")}),
        ),
        with("/exporters/otlp_grpc~1quoting/headers", json!(format!("authorization: {LITERAL}"))),
        with("/exporters/otlp_http~1proxied/proxy_url", json!(format!("socks5://ada:{PASSWORD}@proxy"))),
        with("/exporters/otlp_http~1proxied/proxy_url", json!({"url": PASSWORD})),
        with("/exporters/otlp_grpc~1tls/tls/key_pem", json!(half_of_a_key)),
        with("/exporters/otlp_grpc~1tls/tls/cert_pem", json!(KEY)),
        with("/exporters/otlp_grpc~1tls/tls/min_version", json!(LITERAL.to_owned() + KEY)),
    ]
}

/// What `weir validate` says to a configuration.
async fn validated(config: &Value) -> String {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("weir.yaml"), config.to_string()).unwrap();
    let mut command = weir::command(None);
    command.args(["validate", "--config", "weir.yaml"]).current_dir(dir.path()).env("TOKEN", FROM_ENV);
    let output = command.output().await.unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[tokio::test]
async fn no_secret_of_an_exporter_is_told_anywhere_whatever_goes_wrong() {
    let (home, upstream) = (tempfile::tempdir().unwrap(), Upstream::start().await);
    let proxy = Proxy::start(upstream.port(), Some("Basic nobody knows it")).await;
    let launch = launch(home.path(), &upstream, &proxy);
    let good = launch.config.clone();
    let weir = launch.start().await;
    let mut told = Vec::new();
    for answer in quotes() {
        upstream.always(answer);
        told.push(send_all(&weir).await);
    }
    for (number, bad) in (1..).zip(mistakes(&good)) {
        told.push(validated(&bad).await);
        weir.reconfigure(&bad);
        weir.reloads("failure", number).await;
    }
    told.push(validated(&good).await);
    upstream.always(Answer::Reset);
    told.push(send_all(&weir).await);
    for (port, path) in [
        (weir.ports.metrics, "/metrics"),
        (weir.ports.health, "/"),
        (weir.ports.health, "/plugins"),
        (weir.ports.health, "/nowhere"),
    ] {
        let reply = http::get(port, path).await.unwrap();
        told.push(format!("{:?} {}", reply.headers, reply.text()));
    }
    told.extend([weir.stderr(), weir.stdout()]);

    let received = upstream.received();
    let first = &received[0].headers;
    assert_eq!(first.get("authorization").unwrap(), &format!("Bearer {FROM_ENV}"));
    assert_eq!(first.get("x-from-file").unwrap(), FROM_FILE);
    assert_eq!(first.get("x-literal").unwrap(), LITERAL);
    assert!(proxy.heads()[0].contains(AUTHORIZATION), "the proxy is shown what it asks for");
    assert!(told.iter().any(|told| told.contains("[REDACTED]")), "the upstream's words were passed on");
    let key = KEY.lines().nth(1).unwrap();
    for secret in [FROM_ENV, FROM_FILE, LITERAL, PASSWORD, AUTHORIZATION, key, &key[..16]] {
        for told in &told {
            assert!(!told.contains(secret), "{secret} is told: {told}");
        }
    }
}
