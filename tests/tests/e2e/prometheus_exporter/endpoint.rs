//! The endpoint of the page: what it answers, that it is bound before anything changes and kept while nothing does.

use std::net::TcpListener;
use std::path::Path;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use weir_tests::ports::free_port;
use weir_tests::tls::{TlsClient, file};
use weir_tests::{Launch, http, wait, weir};

use super::corpus::{gauge, of_service, point};
use super::{Scraped, launch, scrape};

fn level() -> opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest {
    of_service(vec![gauge("level", "", vec![point(&[], 1.0)])])
}

#[tokio::test]
async fn nothing_but_the_page_is_there() {
    let scraped = Scraped::start(json!({"response_headers": {"x-from": "weir"}})).await;
    let elsewhere = http::get(scraped.port, "/").await.unwrap();
    assert_eq!(elsewhere.status, 404);
    assert!(elsewhere.text().contains("/metrics"), "{}", elsewhere.text());
    let request =
        ::http::Request::post("/metrics").header("host", "localhost").body(Default::default()).unwrap();
    assert_eq!(http::send(scraped.port, request).await.unwrap().status, 405);
    let empty = scraped.page("*/*").await;
    assert_eq!((empty.text().as_str(), &empty.headers["x-from"]), ("", &"weir".parse().unwrap()));
}

#[tokio::test]
async fn a_reload_keeps_the_series_of_an_exporter_that_it_does_not_touch() {
    let scraped = Scraped::start(json!({})).await;
    scraped.send(&level(), 0).await;
    let Launch { mut config, .. } = launch(scraped.port, json!({}));
    for (key, port) in [("grpc", scraped.weir.ports.grpc), ("http", scraped.weir.ports.http)] {
        config["receivers"]["otlp"]["protocols"][key]["endpoint"] = json!(format!("127.0.0.1:{port}"));
    }
    config["extensions"]["health_check"]["endpoint"] =
        json!(format!("127.0.0.1:{}", scraped.weir.ports.health));
    config["service"]["telemetry"]["metrics"]["address"] =
        json!(format!("127.0.0.1:{}", scraped.weir.ports.metrics));
    // Something else changes.
    config["exporters"]["nop"] = json!({});
    config["service"]["pipelines"]["logs"] = json!({"receivers": ["otlp"], "exporters": ["nop"]});
    scraped.weir.reconfigure(&config);
    scraped.weir.reloads("success", 1).await;
    assert!(scraped.text().await.contains("\nlevel{"), "{}", scraped.text().await);

    // Now it is the exporter itself: its page is another one, on the same port.
    config["exporters"]["prometheus"]["namespace"] = json!("other");
    scraped.weir.reconfigure(&config);
    scraped.weir.reloads("success", 2).await;
    assert_eq!(scraped.text().await, "");
    scraped.send(&level(), 0).await;
    assert!(scraped.text().await.contains("\nother_level{"), "{}", scraped.text().await);

    // A port that is taken changes nothing, and one that is free moves the page.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    config["exporters"]["prometheus"]["endpoint"] = json!(taken.local_addr().unwrap().to_string());
    scraped.weir.reconfigure(&config);
    scraped.weir.reloads("failure", 1).await;
    scraped.weir.stderr_says("exporter prometheus: cannot listen on").await;
    assert!(scraped.text().await.contains("\nother_level{"));
    let moved = free_port();
    config["exporters"]["prometheus"]["endpoint"] = json!(format!("127.0.0.1:{moved}"));
    scraped.weir.reconfigure(&config);
    scraped.weir.reloads("success", 3).await;
    assert_eq!(scrape(moved, &[]).await.text(), "");
    wait::until("nobody listens on the former port", async || {
        http::get(scraped.port, "/metrics").await.is_none().then_some(())
    })
    .await;
    assert_eq!(scraped.weir.health().await, Some(200));
}

#[tokio::test]
async fn an_endpoint_that_is_taken_keeps_weir_from_starting_and_says_whose_it_is() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut weir = launch(port, json!({})).spawn().await;
    assert_eq!(weir.wait().await.code(), Some(1));
    let expected = format!("exporter prometheus: cannot listen on 127.0.0.1:{port}: address already in use");
    assert!(weir.stderr().contains(&expected), "{}", weir.stderr());
}

async fn validated(config: &serde_json::Value) -> String {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("weir.yaml"), config.to_string()).unwrap();
    let output = weir::run(&["validate", "--config", "weir.yaml"], dir.path()).await;
    String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
}

#[tokio::test]
async fn pipelines_of_other_signals_and_endpoints_that_are_in_use_are_refused_before_the_start() {
    let mut config = launch(9999, json!({})).config;
    config["service"]["pipelines"]["traces"] = json!({"receivers": ["otlp"], "exporters": ["prometheus"]});
    let told = validated(&config).await;
    assert!(told.contains("exporter \"prometheus\" takes metrics and no traces"), "{told}");
    let mut config = launch(9999, json!({})).config;
    config["exporters"]["prometheus"]["endpoint"] = config["extensions"]["health_check"]["endpoint"].clone();
    let told = validated(&config).await;
    assert!(told.contains("is that of extensions::health_check already"), "{told}");
    let mut config =
        launch(9999, json!({"tls": {"cert_file": "nowhere.pem", "key_file": "nowhere.pem"}})).config;
    let told = validated(&config).await;
    assert!(told.contains("exporters::prometheus::tls::cert_file"), "{told}");
    config["exporters"]["prometheus"] = json!({});
    let told = validated(&config).await;
    assert!(told.contains("an endpoint is required"), "{told}");
}

fn pem(path: &Path) -> String {
    path.display().to_string()
}

#[tokio::test]
async fn the_page_may_be_served_with_tls() {
    let tls = json!({"cert_file": pem(&file("server.pem")), "key_file": pem(&file("server.key.pem"))});
    let scraped = Scraped::start(json!({"tls": tls})).await;
    scraped.send(&level(), 0).await;
    let mut stream = TlsClient::offering(&["h2", "http/1.1"]).connect(scraped.port).await.unwrap();
    let request = b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    // Not every peer says goodbye.
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\nlevel{"), "{answer}");
}
