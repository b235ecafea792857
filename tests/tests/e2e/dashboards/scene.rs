//! A weir to which everything happens that dashboards and alerts are about: plugins that work, drop, fail and are replaced; upstreams that
//! take, refuse, reject and say nothing; a queue on disk that outlives its weir, and one that is full; certificates that are renewed, a
//! configuration that is accepted and one that is not.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prost::Message;
use serde_json::{Value, json};
use tonic::Code;
use weir_tests::backend::Prometheus;
use weir_tests::build::plugin;
use weir_tests::guest::Guest;
use weir_tests::ports::free_port;
use weir_tests::requests::{self, attribute, log, logs, span, text, traces};
use weir_tests::upstream::Gate;
use weir_tests::weir::plain_grpc;
use weir_tests::{Answer, Backend, GrpcSender, HttpSender, Launch, Signal, Upstream, Weir, tls, wait};

/// So many that the sampler lets some of them through.
const SPANS: usize = 20;

pub(super) struct Scene {
    pub weir: Weir,
    config: Value,
    /// Takes everything.
    _good: Upstream,
    /// Refuses, rejects and takes.
    flaky: Upstream,
    /// Says nothing.
    _silent: Upstream,
    /// Behind the queue on disk.
    disk: Upstream,
    home: tempfile::TempDir,
}

impl Scene {
    /// One in which nothing has happened yet but a start over a queue that another weir has left on disk.
    pub(super) async fn start() -> Scene {
        let home = tempfile::tempdir().unwrap();
        for name in ["plugins", "tls", "queue", "letters"] {
            fs::create_dir(home.path().join(name)).unwrap();
        }
        install_certificate(home.path(), "server");
        let (good, flaky) = (Upstream::start().await, Upstream::start().await);
        let (silent, disk) = (Upstream::start().await, Upstream::start().await);
        silent.always(Answer::Hold(Gate::default()));
        let launch = launch(home.path(), [&good, &flaky, &silent, &disk]);
        let config = launch.config.clone();

        disk.always(Answer::Grpc(Code::Unavailable, None));
        let mut former = launch.clone().start().await;
        let left = requests::unique(Signal::Logs, "left", 3);
        GrpcSender::new(former.ports.grpc).send(Signal::Logs, left).await.unwrap();
        former.signal("KILL");
        former.wait().await;
        drop(former);
        disk.always(Answer::Ok);
        let weir = launch.start().await;
        Scene { weir, config, _good: good, flaky, _silent: silent, disk, home }
    }

    /// A Prometheus with these rules that has seen the scene before anything happens, so that it will see counters rise.
    pub(super) async fn watched(&self, rules: Vec<PathBuf>) -> Option<Backend> {
        let scrape = vec![("weir".to_owned(), self.weir.ports.metrics)];
        let prometheus = Backend::prometheus(Prometheus { scrape, rules, ..Prometheus::default() }).await?;
        wait::until("Prometheus has scraped weir twice", async || {
            let times = prometheus.vector("min(count_over_time(up{job='weir'}[1m]) and up == 1)").await;
            let times = times.first()?["value"][1].as_str()?.parse::<f64>().ok()?;
            (times >= 2.0).then_some(())
        })
        .await;
        Some(prometheus)
    }

    /// Lets everything happen.
    pub(super) async fn play(&self) {
        self.upstreams_are_good_and_bad().await;
        self.plugins_work_and_fail().await;
        self.a_queue_is_full().await;
        self.files_change().await;
    }

    async fn upstreams_are_good_and_bad(&self) {
        let grpc = GrpcSender::new(self.weir.ports.grpc);
        // The sender's patience ends before this upstream is willing; what the other one has is not sent twice.
        self.flaky.always(Answer::Grpc(Code::Unavailable, None));
        let body = requests::unique(Signal::Traces, "twice", SPANS);
        let patience = Duration::from_millis(500);
        grpc.send_within(patience, Signal::Traces, body.clone()).await.unwrap_err();
        self.flaky.always(Answer::Ok);
        grpc.send(Signal::Traces, body).await.unwrap();

        let count = AtomicU64::new(0);
        self.flaky.choose(move |_| match count.fetch_add(1, Ordering::Relaxed) % 4 {
            0 | 1 => Answer::Grpc(Code::Unavailable, None),
            2 => Answer::Partial { rejected: 1, message: "one too old" },
            _ => Answer::Ok,
        });
        for number in 0..8 {
            let mut spans: Vec<_> = (0..SPANS).map(|at| span(&format!("span-{number}-{at}"))).collect();
            for span in &mut spans {
                span.attributes.push(attribute("contact", text("ada.lovelace@example.org")));
            }
            let body = traces(spans).encode_to_vec();
            grpc.send(Signal::Traces, body).await.unwrap();
        }
        self.flaky.script([Answer::Grpc(Code::InvalidArgument, None)]);
        drop(grpc.send(Signal::Traces, requests::unique(Signal::Traces, "invalid", SPANS)).await);
        // The disk has taken it, and what the upstream rejects then goes to the dead letters.
        self.disk.script([Answer::Grpc(Code::InvalidArgument, None)]);
        let http = HttpSender::new(self.weir.ports.http);
        for number in 0..3 {
            let body = requests::unique(Signal::Logs, &format!("log-{number}"), 2);
            assert_eq!(http.send(Signal::Logs, body).await.status, 200);
        }
        self.counts("weir_exporter_dead_letter_items_total").await;
    }

    async fn plugins_work_and_fail(&self) {
        let grpc = GrpcSender::new(self.weir.ports.grpc);
        // It fails again and again, with a rest in between, until it is not asked any more.
        wait::until("the breaker opens", async || {
            let mut record = log("poisoned");
            record.attributes.push(attribute("test.trigger", text("now")));
            grpc.send(Signal::Logs, logs(vec![record]).encode_to_vec()).await.unwrap();
            let metrics = self.weir.metrics().await;
            (metrics.sum("weir_plugin_breaker_state", &[("plugin", "trap")]) == 2.0).then_some(())
        })
        .await;
        Guest::Tag("test.tag", "two").install(&self.home.path().join("plugins"), "tag");
        Guest::Refuse.install(&self.home.path().join("plugins"), "read");
        for (plugin, result) in [("tag", "success"), ("read", "failure")] {
            let labels = [("plugin", plugin), ("result", result)];
            self.weir
                .metrics_until(&format!("the reload of {plugin}"), |metrics| {
                    metrics.sum("weir_plugin_reloads_total", &labels) > 0.0
                })
                .await;
        }
    }

    async fn a_queue_is_full(&self) {
        let grpc = GrpcSender::new(self.weir.ports.grpc);
        for number in 0..2 {
            let body = requests::unique(Signal::Metrics, &format!("held-{number}"), 5);
            grpc.send(Signal::Metrics, body).await.unwrap();
        }
        let body = requests::unique(Signal::Metrics, "refused", 5);
        grpc.send(Signal::Metrics, body).await.unwrap_err();
    }

    async fn files_change(&self) {
        install_certificate(self.home.path(), "renewed");
        self.weir.signal("HUP");
        self.weir.reloads("success", 1).await;
        self.counts("weir_receiver_certificate_renewals_total").await;
        let mut mistaken = self.config.clone();
        mistaken["exporters"]["otlp_grpc/good"]["no_such_key"] = json!(true);
        self.weir.reconfigure(&mistaken);
        self.weir.reloads("failure", 1).await;
    }

    async fn counts(&self, counter: &str) {
        self.weir.metrics_until(&format!("{counter} rises"), |metrics| metrics.sum(counter, &[]) > 0.0).await;
    }
}

/// The upstreams are the good, the flaky, the silent one, and the one behind the queue on disk.
fn launch(home: &Path, upstreams: [&Upstream; 4]) -> Launch {
    let mut launch = Launch::new();
    let [good, flaky, silent, mut disk] = upstreams.map(|upstream| plain_grpc(&upstream.address()));
    let retry = json!({"initial_interval": "20ms", "max_interval": "50ms"});
    let mut flaky = flaky;
    flaky["retry_on_failure"] = retry.clone();
    let mut silent = silent;
    silent["timeout"] = json!("1m");
    silent["sending_queue"] = json!({"queue_size": 2, "wait_for_result": false});
    disk["retry_on_failure"] = retry;
    disk["sending_queue"] =
        json!({"storage": "file_storage", "dead_letters": {"directory": home.join("letters")}});
    launch.config["exporters"] = json!({
        "otlp_grpc/good": good, "otlp_grpc/flaky": flaky, "otlp_grpc/silent": silent, "otlp_grpc/disk": disk,
    });

    let guests = home.join("plugins");
    launch.config["processors"] = json!({
        "wasm/redact": {"plugin": plugin("redact")},
        "wasm/sample": {"plugin": plugin("sample"), "config": {"percentage": 50}},
        "wasm/tag": {"plugin": Guest::Tag("test.tag", "one").install(&guests, "tag")},
        "wasm/read": {"plugin": Guest::Read.install(&guests, "read")},
        "wasm/trap": {"plugin": Guest::Trap.install(&guests, "trap"), "on_error": "drop"},
    });
    let (cert, key) = (home.join("tls/cert.pem"), home.join("tls/key.pem"));
    let endpoint = format!("127.0.0.1:{}", free_port());
    launch.config["receivers"]["otlp/tls"] = json!({"protocols": {
        "grpc": {"endpoint": endpoint, "tls": {"cert_file": cert, "key_file": key}},
    }});
    launch.config["extensions"]["file_storage"] = json!({"directory": home.join("queue")});
    launch.config["service"]["extensions"] = json!(["health_check", "file_storage"]);
    launch.config["service"]["pipelines"] = json!({
        "traces": {
            "receivers": ["otlp", "otlp/tls"],
            "processors": ["wasm/redact", "wasm/sample", "wasm/tag", "wasm/read"],
            "exporters": ["otlp_grpc/good", "otlp_grpc/flaky"],
        },
        "metrics": {"receivers": ["otlp"], "processors": ["wasm/tag"], "exporters": ["otlp_grpc/silent"]},
        "logs": {"receivers": ["otlp"], "processors": ["wasm/trap"], "exporters": ["otlp_grpc/disk"]},
    });
    launch
}

/// Puts one of the tests' certificates into place, key first.
fn install_certificate(home: &Path, name: &str) {
    fs::copy(tls::file(&format!("{name}.key.pem")), home.join("tls/key.pem")).unwrap();
    fs::copy(tls::file(&format!("{name}.pem")), home.join("tls/cert.pem")).unwrap();
}
