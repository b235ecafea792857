//! At rest, for every signal: accepted = sent + dropped by a plugin + failed to send, and what was sent arrived.

use bytes::Bytes;
use prost::Message;
use serde_json::json;
use tonic::Code;
use weir_tests::build::plugin;
use weir_tests::guest::Guest;
use weir_tests::metrics::Metrics;
use weir_tests::requests::{self, attribute, log, logs, text};
use weir_tests::weir::plain_grpc;
use weir_tests::{Answer, GrpcSender, HttpSender, Launch, Signal, Upstream, Weir};

struct Account {
    accepted: f64,
    refused: f64,
    sent: f64,
    failed: f64,
    dropped: f64,
}

fn account(metrics: &Metrics, signal: Signal) -> Account {
    let sum = |what: &str| metrics.sum(&format!("otelcol_{what}_{}_total", signal.items()), &[]);
    Account {
        accepted: sum("receiver_accepted"),
        refused: sum("receiver_refused"),
        sent: sum("exporter_sent"),
        failed: sum("exporter_send_failed"),
        dropped: metrics.sum("weir_plugin_items_dropped_total", &[("signal", signal.name())]),
    }
}

#[tokio::test]
async fn accepted_is_sent_and_dropped_and_failed_for_every_signal() {
    let upstream = Upstream::start().await;
    let plugins = tempfile::tempdir().unwrap();
    let trap = Guest::Trap.install(plugins.path(), "trap");
    let weir = Launch::new()
        .to_grpc(&upstream.address())
        .processor("wasm/trap", json!({"plugin": trap, "on_error": "drop"}))
        .processor("wasm/sample", json!({"plugin": plugin("sample"), "config": {"percentage": 50}}))
        .start()
        .await;
    let (grpc, http) = (GrpcSender::new(weir.ports.grpc), HttpSender::new(weir.ports.http));
    let mut offered = 0;
    for round in 0..12 {
        for signal in Signal::READ {
            // Every third request fails for good at the upstream, every fourth in part.
            if round % 3 == 1 {
                upstream.script([Answer::Grpc(Code::InvalidArgument, None)]);
            } else if round % 4 == 3 {
                upstream.script([Answer::Partial { rejected: 2, message: "two too old" }]);
            }
            let body = requests::unique(signal, &format!("{}{round}", signal.name()), 20);
            if round % 2 == 0 {
                drop(grpc.send(signal, body).await);
            } else {
                drop(http.send(signal, body).await);
            }
        }
        offered += 20;
        // A batch that a failing plugin drops, and one that is no request at all and so counts no item.
        let mut record = log("poisoned");
        record.attributes.push(attribute("test.trigger", text("now")));
        grpc.send(Signal::Logs, logs(vec![record]).encode_to_vec()).await.unwrap();
        grpc.send(Signal::Logs, "no protobuf at all").await.unwrap_err();
    }
    let metrics = weir.metrics().await;
    for signal in Signal::READ {
        let account = account(&metrics, signal);
        let name = signal.name();
        assert_eq!(account.accepted, account.sent + account.dropped + account.failed, "{name}");
        let poisoned = if signal == Signal::Logs { 12.0 } else { 0.0 };
        assert_eq!(account.accepted + account.refused, f64::from(offered) + poisoned, "{name}");
        assert!(account.sent > 0.0 && account.failed > 0.0, "{name}: every fate was met");
        if signal != Signal::Metrics {
            assert!(account.dropped > 0.0, "{name}: the sampler dropped some");
        }
        let partial = 2.0 * 2.0;
        let delivered = upstream.delivered();
        let arrived: usize = delivered
            .iter()
            .filter(|one| one.signal == signal)
            .map(|one| weir_tests::ids::of(signal, &one.body).len())
            .sum();
        assert_eq!(
            account.sent,
            arrived as f64 - partial,
            "{name}: sent is what arrived and was not rejected"
        );
    }
    assert!(upstream.delivered_ids().doubled().is_empty());
}

/// A weir with two pipelines of logs, of which one samples a half and the other breaks on what is poisoned.
struct TwoPipelines {
    one: Upstream,
    two: Upstream,
    weir: Weir,
    _plugins: tempfile::TempDir,
}

impl TwoPipelines {
    /// `on_error` is what the second one does then.
    async fn start(on_error: &str) -> TwoPipelines {
        let (one, two) = (Upstream::start().await, Upstream::start().await);
        let plugins = tempfile::tempdir().unwrap();
        let trap = Guest::Trap.install(plugins.path(), "trap");
        let mut launch = Launch::new();
        launch.config["exporters"] =
            json!({"otlp_grpc/one": plain_grpc(&one.address()), "otlp_grpc/two": plain_grpc(&two.address())});
        launch.config["processors"] = json!({
            "wasm/sample": {"plugin": plugin("sample"), "config": {"percentage": 50}},
            "wasm/trap": {"plugin": trap, "on_error": on_error},
        });
        launch.config["service"]["pipelines"] = json!({
            "logs/one": {"receivers": ["otlp"], "processors": ["wasm/sample"], "exporters": ["otlp_grpc/one"]},
            "logs/two": {"receivers": ["otlp"], "processors": ["wasm/trap"], "exporters": ["otlp_grpc/two"]},
        });
        TwoPipelines { one, two, weir: launch.start().await, _plugins: plugins }
    }

    /// The same twenty records each time, poisoned or not.
    async fn send(&self, is_poisoned: bool) -> Result<Bytes, tonic::Status> {
        let mut records: Vec<_> = requests::unique_ids("both", 20).iter().map(|id| log(id)).collect();
        if is_poisoned {
            records[0].attributes.push(attribute("test.trigger", text("now")));
        }
        GrpcSender::new(self.weir.ports.grpc).send(Signal::Logs, logs(records).encode_to_vec()).await
    }
}

#[tokio::test]
async fn two_pipelines_of_a_signal_have_accounts_of_their_own() {
    let pipelines = TwoPipelines::start("drop").await;
    pipelines.send(true).await.unwrap();
    pipelines.send(false).await.unwrap();
    let TwoPipelines { one, two, weir, .. } = &pipelines;
    weir.settle().await;
    let metrics = weir.metrics().await;
    assert_eq!(metrics.sum("otelcol_receiver_accepted_log_records_total", &[]), 40.0);
    assert_eq!(
        metrics.sum("otelcol_exporter_sent_log_records_total", &[("exporter", "otlp_grpc/two")]),
        20.0
    );
    assert_eq!(two.delivered_ids().len(), 20);
    let kept = one.delivered_ids().len();
    assert!(kept > 0 && kept < 20, "one in two of the same twenty: {kept}");
}

/// What one pipeline drops by a rule and another one refuses was never accepted.
#[tokio::test]
async fn a_batch_that_one_of_two_pipelines_refuses_is_in_no_account() {
    let pipelines = TwoPipelines::start("reject").await;
    pipelines.send(true).await.unwrap_err();
    pipelines.send(false).await.unwrap();
    let TwoPipelines { two, weir, .. } = &pipelines;
    let metrics = weir.metrics().await;
    assert_eq!(metrics.sum("otelcol_receiver_accepted_log_records_total", &[]), 20.0);
    assert_eq!(metrics.sum("otelcol_receiver_refused_log_records_total", &[]), 20.0);
    assert_eq!(two.delivered_ids().len(), 20);
}
