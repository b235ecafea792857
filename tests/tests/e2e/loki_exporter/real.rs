//! The same with a real Loki, and a real Jaeger for the traces that logs belong to. Where they are not in the cache a test says that it
//! was skipped.

use std::collections::BTreeSet;

use weir_tests::requests::{span, trace_id, traces};
use weir_tests::weir::plain_grpc;
use weir_tests::{Backend, http, wait};

use super::*;

fn push_endpoint(loki: &Backend) -> String {
    format!("http://127.0.0.1:{}/loki/api/v1/push", loki.api)
}

fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The lines that Loki finds by a query, once there are so many.
async fn lines(loki: &Backend, query: &str, count: usize) -> Vec<String> {
    wait::until(&format!("Loki has {count} lines for {query}"), async || {
        let streams = loki.streams(query).await;
        let values = streams.iter().flat_map(|stream| stream["values"].as_array().unwrap());
        let lines: Vec<String> = values.map(|value| value[1].as_str().unwrap().to_owned()).collect();
        Some(lines).filter(|lines| lines.len() >= count)
    })
    .await
}

#[tokio::test]
async fn loki_gives_back_what_was_pushed_in_either_encoding() {
    let Some(loki) = Backend::loki(1000).await else { return };
    for settings in [json!({}), json!({"encoding": "json"}), json!({"compression": "gzip"})] {
        let weir = launch(&push_endpoint(&loki), settings).start().await;
        let tag = format!("real-{}", weir.ports.grpc);
        let mut records = records(&tag, 300);
        records.reverse();
        let hostile = "\"}\n,{a=\"\\\t\u{1}\u{7f}\u{85}\u{fffd}\u{2028}";
        for record in &mut records {
            record.attributes.push(attribute("loki.attribute.labels", text("run, odd")));
            record.attributes.push(attribute("run", text(tag.as_str())));
            record.attributes.push(attribute("odd", text(hostile)));
        }
        send(&weir, records).await.unwrap();
        let query = format!(r#"{{job="checkout", level="INFO", exporter="OTLP", run="{tag}"}}"#);
        let ids: Ids = lines(&loki, &query, 300)
            .await
            .iter()
            .map(|line| {
                let line: Value = serde_json::from_str(line).unwrap();
                line["attributes"][ids::KEY].as_str().unwrap().to_owned()
            })
            .collect();
        assert_eq!((ids.len(), ids.doubled().len()), (300, 0));
        let streams = loki.streams(&query).await;
        assert!(streams.iter().all(|stream| stream["stream"]["odd"] == hostile.replace('\u{fffd}', "?")));
        let by_metadata: BTreeSet<&str> =
            streams.iter().map(|stream| stream["stream"]["trace_id"].as_str().unwrap()).collect();
        assert_eq!(by_metadata.len(), 300, "each log has its trace's id as structured metadata");
    }
}

#[tokio::test]
async fn what_a_busy_loki_refuses_for_now_gets_there_in_the_end() {
    let Some(loki) = Backend::loki(1).await else { return };
    let settings = json!({
        "sending_queue": {"wait_for_result": false},
        "retry_on_failure": {"initial_interval": "100ms", "max_interval": "500ms"},
    });
    let weir = launch(&push_endpoint(&loki), settings).start().await;
    let mut expected = BTreeSet::new();
    for request in 0..8 {
        let tag = format!("busy-{request}");
        expected.extend(unique_ids(&tag, 250));
        let mut records = records(&tag, 250);
        records.iter_mut().for_each(|record| record.body = Some(text("x".repeat(1500))));
        send(&weir, records).await.unwrap();
    }
    let lines = lines(&loki, r#"{job="checkout"}"#, 2000).await;
    let ids: Ids = lines
        .iter()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["attributes"][ids::KEY].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(ids.iter().map(str::to_owned).collect::<BTreeSet<_>>(), expected);
    let metrics = http::get(loki.api, "/metrics").await.unwrap().text();
    let limited = metrics
        .lines()
        .any(|line| line.starts_with("loki_discarded_samples_total") && line.contains("rate_limited"));
    assert!(limited, "Loki has refused some for a while, or this shows nothing");
}

#[tokio::test]
async fn a_log_in_loki_leads_to_its_trace_in_jaeger_by_either_way() {
    let Some(loki) = Backend::loki(1000).await else { return };
    let Some(jaeger) = Backend::jaeger().await else { return };
    let otlp = json!({"endpoint": format!("http://127.0.0.1:{}/otlp", loki.api)});
    let push = json!({"endpoint": push_endpoint(&loki)});
    for (exporter, settings, selector) in
        [("loki", push, r#"{job="checkout"}"#), ("otlp_http", otlp, r#"{service_name="checkout"}"#)]
    {
        let mut launch = Launch::new();
        launch.config["exporters"] = json!({
            "otlp_grpc": plain_grpc(&format!("127.0.0.1:{}", jaeger.grpc)), exporter: settings,
        });
        launch.config["service"]["pipelines"] = json!({
            "traces": {"receivers": ["otlp"], "exporters": ["otlp_grpc"]},
            "logs": {"receivers": ["otlp"], "exporters": [exporter]},
        });
        let weir = launch.start().await;
        let id = format!("joined-{exporter}");
        let trace = hex(&trace_id(&id));
        let mut span = span(&id);
        (span.start_time_unix_nano, span.end_time_unix_nano) = (now() - 1_500_000, now());
        let sender = GrpcSender::new(weir.ports.grpc);
        sender.send(Signal::Traces, traces(vec![span]).encode_to_vec()).await.unwrap();
        send(&weir, vec![record(&id), record("another")]).await.unwrap();

        let found = lines(&loki, &format!("{selector} | trace_id=\"{trace}\""), 1).await;
        assert_eq!(found.len(), 1, "the log of this trace alone");
        let spans = wait::until("Jaeger has the trace", async || {
            let answer = jaeger.get(&format!("/api/traces/{trace}")).await?;
            answer.pointer("/data/0/spans")?.as_array().cloned()
        })
        .await;
        assert_eq!(spans[0]["traceID"], trace);
    }
}
