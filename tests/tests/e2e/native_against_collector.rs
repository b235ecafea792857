//! weir's own processors beside the Collector's: the same configurations over the same requests, and what comes out.
//!
//! Both get one request a signal and pass it through one pipeline for each row of the table, whose exporter says which row it is.

mod cases;
mod plain;
mod rich;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use weir_tests::backend::Backend;
use weir_tests::{GrpcSender, Launch, Signal, Upstream, wait};

use cases::{CASES, Case};

/// Which row of the table a request went through.
const ROW: &str = "x-row";

/// What came out, by row and signal.
type Outcomes = BTreeMap<(usize, &'static str), String>;

fn rows(case: &Case) -> impl Iterator<Item = Signal> {
    Signal::READ.into_iter().filter(|signal| case.signals.contains(signal.name()))
}

/// Processors, exporters and pipelines for the whole table.
fn configure(config: &mut Value, upstream: &str) {
    let (mut processors, mut exporters, mut pipelines) = (json!({}), json!({}), json!({}));
    for (row, case) in CASES.iter().enumerate() {
        let mut ids = Vec::new();
        let parsed: Value =
            serde_json::from_str(case.processors).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        for (kind, settings) in parsed.as_array().unwrap().iter().flat_map(|one| one.as_object().unwrap()) {
            let id = format!("{kind}/{row}.{}", ids.len());
            processors[&id] = settings.clone();
            ids.push(id);
        }
        let exporter = format!("otlp_grpc/{row}");
        exporters[&exporter] = json!({
            "endpoint": upstream, "tls": {"insecure": true}, "compression": "none", "headers": {ROW: row.to_string()},
            "sending_queue": {"enabled": false}, "retry_on_failure": {"enabled": false},
        });
        for signal in rows(case) {
            let pipeline = json!({"receivers": ["otlp"], "processors": ids, "exporters": [exporter]});
            pipelines[format!("{}/{row}", signal.name())] = pipeline;
        }
    }
    config["processors"] = processors;
    config["exporters"] = exporters;
    config["service"]["pipelines"] = pipelines;
}

/// Sends the requests to this port, and waits until every row has come to the upstream.
async fn outcomes(port: u16, upstream: &Upstream) -> Outcomes {
    let expected: usize = CASES.iter().map(|case| rows(case).count()).sum();
    let sender = GrpcSender::new(port);
    for signal in Signal::READ {
        sender.send(signal, rich::request(signal)).await.unwrap();
    }
    let received = wait::until("every row has arrived", async || {
        let received = upstream.delivered();
        (received.len() >= expected).then_some(received)
    });
    let received = received.await;
    assert_eq!(received.len(), expected);
    let outcome = received.iter().map(|one| {
        let row = one.headers[ROW].to_str().unwrap().parse().unwrap();
        ((row, one.signal.name()), plain::text(one.signal, &one.body))
    });
    outcome.collect()
}

/// The first line in which two texts differ, with what stands before it.
fn difference(weir: &str, collector: &str) -> String {
    let (weir, collector): (Vec<_>, Vec<_>) = (weir.lines().collect(), collector.lines().collect());
    let at = (0..weir.len().max(collector.len())).find(|at| weir.get(*at) != collector.get(*at)).unwrap_or(0);
    let before = weir[at.saturating_sub(6).min(weir.len())..at.min(weir.len())].join("\n");
    format!("{before}\nweir:      {:?}\ncollector: {:?}", weir.get(at..at + 3), collector.get(at..at + 3))
}

#[tokio::test]
async fn every_configuration_does_what_the_collector_does_or_the_table_says_why_not() {
    let (upstream, other) = (Upstream::start().await, Upstream::start().await);
    let mut config = json!({
        "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": "127.0.0.1:${env:GRPC}"}}}},
        "service": {},
    });
    configure(&mut config, &other.address());
    let Some(collector) = Backend::collector(&config.to_string()).await else { return };
    let theirs = outcomes(collector.grpc, &other).await;

    let mut launch = Launch::new();
    configure(&mut launch.config, &upstream.address());
    let weir = launch.start().await;
    let ours = outcomes(weir.ports.grpc, &upstream).await;

    let mut wrong = Vec::new();
    for ((row, signal), ours) in &ours {
        let (case, theirs) = (&CASES[*row], &theirs[&(*row, *signal)]);
        let name = case.name;
        match (ours == theirs, case.differs) {
            (false, "") => wrong.push(format!("{signal}: {name}\n{}", difference(ours, theirs))),
            (true, reason) if !reason.is_empty() && case.differs_in.contains(signal) => {
                wrong.push(format!("{signal}: {name}: no difference, though \"{reason}\""));
            }
            (false, _) if !case.differs_in.contains(signal) => {
                wrong.push(format!("{signal}: {name}\n{}", difference(ours, theirs)));
            }
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn the_table_has_rows_that_change_something_and_rows_for_each_processor() {
    for kind in ["attributes", "resource", "redaction"] {
        let count = CASES.iter().filter(|case| case.processors.contains(&format!("\"{kind}\""))).count();
        assert!(count >= 4, "{kind}: {count}");
    }
    assert!(CASES.len() >= 25);
    assert!(CASES.iter().all(|case| case.differs.is_empty() == case.differs_in.is_empty()));
}
