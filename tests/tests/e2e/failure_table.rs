//! The table "Plugins that fail" of ARCHITECTURE.md says what happens: each of its cells is compared with what does.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use prost::Message;
use serde_json::{Value, json};
use tonic::Code;
use weir_tests::build::source_file;
use weir_tests::guest::Guest;
use weir_tests::requests::{attribute, log, logs, span, text, traces};
use weir_tests::{GrpcSender, HttpSender, Launch, Signal, Upstream, Weir, wait};

/// The policies, as the table's columns name them.
const POLICIES: [&str; 4] = ["reject", "drop", "bypass", "isolate"];

/// How a reason is brought about.
struct Provocation {
    reason: &'static str,
    guest: &'static str,
    settings: Value,
    /// How many batches come before the one that fails for this reason.
    before: Before,
}

enum Before {
    Nothing,
    /// One that costs the plugin its instance.
    OneFailure,
    /// As many as it takes to open the circuit breaker.
    FailuresUntilItRests,
    /// One that holds the only instance for longer than another one waits.
    OneThatTakesLong,
}

fn provocations() -> Vec<Provocation> {
    let at_once = |reason, guest, timeout: &str| Provocation {
        reason,
        guest,
        settings: json!({"timeout": timeout}),
        before: Before::Nothing,
    };
    vec![
        at_once("trap", "process/unreachable", "20s"),
        at_once("timeout", "process/endless_loop", "200ms"),
        at_once("memory", "process/memory_bomb", "20s"),
        at_once("table", "process/table_bomb", "20s"),
        at_once("stack", "process/deep_recursion", "20s"),
        at_once("too_large", "process/answer_too_large", "20s"),
        at_once("bad_output", "process/words_of_16_gib", "20s"),
        at_once("error", "process/error", "20s"),
        at_once("bad_edit", "process/entity_out_of_range", "20s"),
        Provocation {
            reason: "busy",
            guest: "process/sleeps_awhile",
            settings: json!({"timeout": "1s", "config": "stateful"}),
            before: Before::OneThatTakesLong,
        },
        Provocation {
            reason: "start",
            guest: "process/unreachable",
            settings: json!({"timeout": "20s", "config": "whim"}),
            before: Before::OneFailure,
        },
        Provocation {
            reason: "resting",
            guest: "process/unreachable",
            settings: json!({"timeout": "20s"}),
            before: Before::FailuresUntilItRests,
        },
    ]
}

/// A weir with one failing plugin, and what it does to a batch.
struct Scene {
    weir: Weir,
    upstream: Upstream,
    sender: GrpcSender,
    _plugins: tempfile::TempDir,
}

impl Scene {
    async fn of(provocation: &Provocation, policy: &str) -> Scene {
        let upstream = Upstream::start().await;
        let plugins = tempfile::tempdir().unwrap();
        let mut settings = provocation.settings.clone();
        settings["plugin"] = json!(Guest::Hostile(provocation.guest).install(plugins.path(), "guest"));
        settings["on_error"] = json!(policy);
        settings["memory_limit_mib"] = json!(16);
        let launch = Launch::new().to_grpc(&upstream.address());
        let weir = launch.processor("wasm/guest", settings).start().await;
        let sender = GrpcSender::new(weir.ports.grpc);
        let scene = Scene { weir, upstream, sender, _plugins: plugins };
        scene.prepare(&provocation.before).await;
        scene
    }

    async fn prepare(&self, before: &Before) {
        match before {
            Before::Nothing => {}
            Before::OneFailure => drop(self.sender.send(Signal::Logs, alone()).await),
            Before::FailuresUntilItRests => {
                wait::until("the breaker opens", async || {
                    drop(self.sender.send(Signal::Logs, alone()).await);
                    let metrics = self.weir.metrics().await;
                    (metrics.sum("weir_plugin_breaker_state", &[]) == 2.0).then_some(())
                })
                .await;
            }
            Before::OneThatTakesLong => {
                // By another pipeline, so that a worker of this one is free to wait.
                let sender = self.sender.clone();
                tokio::spawn(async move { sender.send(Signal::Traces, large()).await });
                self.weir
                    .metrics_until("the instance is lent", |metrics| {
                        metrics.sum("weir_plugin_calls_total", &[]) > 0.0
                    })
                    .await;
            }
        }
    }

    async fn count(&self, family: &str, reason: &str) -> f64 {
        self.weir.metrics().await.sum(family, &[("plugin", "guest"), ("reason", reason)])
    }

    /// Sends a batch of one poisonous item and another one; what became of it, in the words of the table.
    async fn outcome(&self, reason: &str) -> String {
        let failures = self.count("weir_plugin_failures_total", reason).await;
        let dropped = self.count("weir_plugin_items_dropped_total", "error").await;
        let isolated = self.count("weir_plugin_items_dropped_total", "isolated").await;
        let http = HttpSender::new(self.weir.ports.http);
        let (answer, reply) =
            tokio::join!(self.sender.send(Signal::Logs, two()), http.send(Signal::Logs, two()));
        assert!(self.count("weir_plugin_failures_total", reason).await > failures, "it fails for {reason}");
        let dropped = self.count("weir_plugin_items_dropped_total", "error").await - dropped;
        let isolated = self.count("weir_plugin_items_dropped_total", "isolated").await - isolated;
        let bodies = self.upstream.received().into_iter().map(|one| one.body);
        // What was sent to prepare the scene may have gone on too.
        let ours: Vec<Bytes> = bodies.filter(|body| *body == two() || *body == second()).collect();
        match (answer.map_err(|status| status.code()), reply.status, &ours[..], dropped, isolated) {
            (Err(Code::Unavailable), 503, [], 0.0, 0.0) => "UNAVAILABLE / 503".to_owned(),
            (Ok(_), 200, [], 4.0, 0.0) => "OK, dropped as error".to_owned(),
            (Ok(_), 200, [a, b], 0.0, 0.0) if a == b && *a == two() => "OK, goes on as it came".to_owned(),
            (Ok(_), 200, [a, b], 0.0, 2.0) if a == b && *a == second() => {
                "OK, found and dropped as isolated".to_owned()
            }
            other => format!("{other:?}"),
        }
    }

    /// What became of the instance that failed.
    async fn instance(&self, provocation: &Provocation) -> &'static str {
        match (&provocation.before, self.weir.metrics().await.sum("weir_plugin_instances", &[])) {
            (Before::Nothing, 0.0) => "thrown away",
            (Before::Nothing, _) => "kept",
            _ => "",
        }
    }
}

fn poisonous() -> opentelemetry_proto::tonic::logs::v1::LogRecord {
    let mut record = log("poisonous");
    record.attributes.push(attribute("test.trigger", text("now")));
    record
}

/// A request of one poisonous item.
fn alone() -> Bytes {
    logs(vec![poisonous()]).encode_to_vec().into()
}

/// A request of one poisonous item and another one.
fn two() -> Bytes {
    logs(vec![poisonous(), log("other")]).encode_to_vec().into()
}

/// What is left of it without the poisonous item.
fn second() -> Bytes {
    logs(vec![log("other")]).encode_to_vec().into()
}

/// A request of traces in more than ten parts, each of which the guest is shown on its own.
fn large() -> Bytes {
    let mut poisonous = span("poisonous");
    poisonous.attributes.push(attribute("test.trigger", text("now")));
    traces(vec![poisonous; 50_000]).encode_to_vec().into()
}

/// The rows of the table by their reason, each a map from the column's name to the cell.
fn table() -> BTreeMap<String, BTreeMap<String, String>> {
    let path = source_file(Path::new("../ARCHITECTURE.md"));
    let page = std::fs::read_to_string(path).unwrap();
    let (_, section) = page.split_once("\n## Plugins that fail\n").expect("the section is there");
    let mut lines = section.lines().skip_while(|line| !line.starts_with('|'));
    let mut cells = || -> Option<Vec<String>> {
        let line = lines.next().filter(|line| line.starts_with('|'))?;
        let inner = line.trim_matches('|').split('|');
        Some(inner.map(|cell| cell.trim().trim_matches('`').replace("on_error: ", "")).collect())
    };
    let columns = cells().expect("a header");
    cells().expect("a rule under the header");
    let mut rows = BTreeMap::new();
    while let Some(row) = cells() {
        let row: BTreeMap<_, _> = columns.iter().cloned().zip(row).collect();
        rows.insert(row["reason"].clone(), row);
    }
    rows
}

#[test]
fn the_table_has_a_row_for_each_reason_and_a_column_for_each_policy() {
    let mut reasons: Vec<_> = provocations().iter().map(|one| one.reason.to_owned()).collect();
    reasons.sort();
    let table = table();
    assert_eq!(table.keys().cloned().collect::<Vec<_>>(), reasons);
    for row in table.values() {
        for column in POLICIES.iter().chain(&["what happened", "instance"]) {
            assert!(row.contains_key(*column), "{column}");
        }
    }
}

/// The table has every reason that weir counts, since each has a series from the start.
#[tokio::test]
async fn the_table_has_each_reason_that_the_metric_knows() {
    let scene = Scene::of(&provocations()[0], "reject").await;
    let metrics = scene.weir.metrics().await;
    let failures = metrics.samples().iter().filter(|one| one.name == "weir_plugin_failures_total");
    let mut reasons: Vec<String> = failures.map(|one| one.labels["reason"].clone()).collect();
    reasons.sort();
    assert_eq!(reasons, table().keys().cloned().collect::<Vec<_>>());
}

async fn column_is_true(policy: &str) {
    let table = table();
    for provocation in provocations() {
        let scene = Scene::of(&provocation, policy).await;
        let outcome = scene.outcome(provocation.reason).await;
        let row = &table[provocation.reason];
        assert_eq!(row[policy], outcome, "{} under {policy}", provocation.reason);
        if policy == "reject" {
            assert_eq!(row["instance"], scene.instance(&provocation).await, "{}", provocation.reason);
        }
        assert_eq!(scene.weir.health().await, Some(200));
    }
}

#[tokio::test]
async fn the_column_reject_is_what_happens() {
    column_is_true("reject").await;
}

#[tokio::test]
async fn the_column_drop_is_what_happens() {
    column_is_true("drop").await;
}

#[tokio::test]
async fn the_column_bypass_is_what_happens() {
    column_is_true("bypass").await;
}

#[tokio::test]
async fn the_column_isolate_is_what_happens() {
    column_is_true("isolate").await;
}
