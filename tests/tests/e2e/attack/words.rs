//! What guests say: in the log and in counters. They can neither flood them, nor speak with the voice of weir.

use serde_json::{Value, json};
use weir_tests::guest::Guest;
use weir_tests::{GrpcSender, Launch, Signal, Upstream, Weir};

use super::{ATTACK, Host, saying};

/// The guests of this file.
pub(super) const GUESTS: [&str; 3] =
    ["process/counter_flood", "process/floods_the_log_and_fails", "process/log_flood"];
/// What they put into whatever they say.
const FORGED: &str = "forged";

/// Every line that weir wrote begins as weir's lines do, and what a guest said stands behind the mark that it did.
pub(super) fn is_not_fooled(stderr: &str) {
    for line in stderr.lines() {
        let begin: String = line.chars().take(11).map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        assert_eq!(begin, "0000-00-00T", "not a line of weir's: {line:.200}");
        assert!(!line.contains(|c: char| c.is_control() || c == '\u{2028}'), "{line:.200}");
        if let Some((before, _)) = line.split_once(FORGED) {
            let marks = ["plugin says: ", "detail=\"", "refuses its configuration: "];
            assert!(marks.iter().any(|mark| before.contains(mark)), "{line:.200}");
        }
    }
}

async fn flooded(encoding: &str) -> (Weir, String) {
    let upstream = Upstream::start().await;
    let plugins = tempfile::tempdir().unwrap();
    let guest = Guest::Hostile("process/log_flood").install(plugins.path(), "guest");
    let mut launch = Launch::new()
        .to_grpc(&upstream.address())
        .processor("wasm/guest", json!({"plugin": guest, "timeout": "30s"}));
    launch.config["service"]["telemetry"]["logs"] = json!({"level": "debug", "encoding": encoding});
    let weir = launch.start().await;
    GrpcSender::new(weir.ports.grpc).send(Signal::Logs, saying(ATTACK)).await.unwrap();
    weir.stderr_says("plugin says: first").await;
    let metrics = weir
        .metrics_until("what was not written is counted", |metrics| {
            metrics.sum("weir_plugin_log_lines_dropped_total", &[("plugin", "guest")]) > 0.0
        })
        .await;
    let dropped = metrics.sum("weir_plugin_log_lines_dropped_total", &[("plugin", "guest")]);
    let written = (100_000.0 - dropped) as usize;
    // A hundred at once and ten a second; the call takes less than a minute.
    assert!((100..700).contains(&written), "{written}");
    weir_tests::wait::until("all lines have been read", async || {
        (weir.stderr().matches("plugin says: ").count() == written).then_some(())
    })
    .await;
    let stderr = weir.stderr();
    (weir, stderr)
}

#[tokio::test]
async fn a_flood_of_lines_is_limited_cut_and_marked_as_the_plugin_s() {
    let (weir, stderr) = flooded("console").await;
    is_not_fooled(&stderr);
    for line in stderr.lines().filter(|line| line.contains(FORGED)) {
        assert!(line.len() < 4096 + 200, "{} bytes", line.len());
        assert!(line.ends_with(r#"plugin="guest""#), "it is named: {line:.200}");
    }
    assert_eq!(weir.health().await, Some(200));
}

#[tokio::test]
async fn a_flood_of_lines_as_json_is_objects_that_name_the_plugin() {
    let (_weir, stderr) = flooded("json").await;
    for line in stderr.lines() {
        let object: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:.200}"));
        if object["message"].as_str().unwrap().contains(FORGED) {
            assert_eq!(object["plugin"], "guest");
            assert!(object["message"].as_str().unwrap().starts_with("plugin says: first\\n"));
        }
    }
}

#[tokio::test]
async fn the_words_of_an_error_forge_no_line() {
    let host = Host::start("process/error", json!({})).await;
    host.send(saying(ATTACK)).await.unwrap_err();
    host.weir.stderr_says(FORGED).await;
    is_not_fooled(&host.weir.stderr());
    let page = weir_tests::http::get(host.weir.ports.health, "/plugins").await.unwrap();
    assert!(!page.text().contains(FORGED), "its words are for the log alone");
}

#[tokio::test]
async fn a_flood_of_lines_does_not_hide_that_the_plugin_fails() {
    let host = Host::start("process/floods_the_log_and_fails", json!({})).await;
    let status = host.send(saying(ATTACK)).await.unwrap_err();
    assert_eq!(status.message(), "plugin guest failed (error), try again");
    let line = r#"plugin failed on a batch plugin="guest" reason="error" detail="cannot""#;
    host.weir.stderr_says(line).await;
}

#[tokio::test]
async fn a_million_counters_are_a_few_series_and_no_name_ends_its_line() {
    let host = Host::start("process/counter_flood", json!({})).await;
    host.delivers_unchanged("it only counts", saying(ATTACK)).await;
    // Parsing panics at a line that is none.
    let metrics = host.weir.metrics().await;
    let of_guest = |name: &str| name == "weir_plugin_counter_total";
    let series: Vec<_> = metrics.samples().iter().filter(|sample| of_guest(&sample.name)).collect();
    assert_eq!(series.len(), 65, "64 pairs, and one for all others");
    assert_eq!(metrics.sum("weir_plugin_counter_total", &[("plugin", "guest")]), 1_000_000.0);
    for sample in series {
        let counter = &sample.labels["counter"];
        assert!(counter.len() <= 64 && counter.chars().all(|c| c.is_ascii_graphic()), "{counter:?}");
    }
    assert!(metrics.samples().iter().all(|sample| !sample.name.starts_with(FORGED)));
    host.is_well("counters").await;
}
