//! Guests that are broken or hostile: none of them crashes, hangs, starves or fools weir, or reads more than it was given;
//! and when one is bad, weir says which one and why. How to add one is written in `tests/README.md`.

mod batches;
mod harmless;
mod loading;
mod secrecy;
mod state;
mod words;

use bytes::Bytes;
use prost::Message;
use serde_json::{Value, json};
use tonic::Status;
use weir_tests::guest::{Guest, hostile_names};
use weir_tests::requests::{attribute, log, logs, text};
use weir_tests::{GrpcSender, HttpSender, Launch, Signal, Upstream, Weir};

/// What the first item says to a guest of `process/` that is to attack.
const ATTACK: &str = "now";
/// What it says to the same guest in a batch that is to be left alone.
const PEACE: &str = "later";

/// A weir whose only plugin is a hostile guest by the name of `guest`.
struct Host {
    weir: Weir,
    upstream: Upstream,
    _plugins: tempfile::TempDir,
}

impl Host {
    /// Starts it with `on_error: reject`, ample time, 16 MiB of memory, and what `settings` say.
    async fn start(guest: &'static str, settings: Value) -> Host {
        let upstream = Upstream::start().await;
        let plugins = tempfile::tempdir().unwrap();
        let mut all = json!({
            "plugin": Guest::Hostile(guest).install(plugins.path(), "guest"),
            "timeout": "20s",
            "memory_limit_mib": 16,
        });
        all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        let weir = Launch::new().to_grpc(&upstream.address()).processor("wasm/guest", all).start().await;
        Host { weir, upstream, _plugins: plugins }
    }

    /// Sends a request over gRPC.
    async fn send(&self, body: impl Into<Bytes>) -> Result<Bytes, Status> {
        GrpcSender::new(self.weir.ports.grpc).send(Signal::Logs, body).await
    }

    /// Sends a request over HTTP; the status.
    async fn send_http(&self, body: impl Into<Bytes>) -> u16 {
        HttpSender::new(self.weir.ports.http).send(Signal::Logs, body).await.status
    }

    /// Sends a request that must come out as it went in.
    async fn delivers_unchanged(&self, what: &str, body: Bytes) {
        self.send(body.clone()).await.unwrap_or_else(|status| panic!("{what}: {status}"));
        let last = self.upstream.delivered().pop().unwrap_or_else(|| panic!("{what}: nothing came"));
        assert_eq!(last.body, body, "{what}");
    }

    /// How often the guest failed for this reason.
    async fn failures(&self, reason: &str) -> f64 {
        let labels = [("plugin", "guest"), ("reason", reason)];
        self.weir.metrics().await.sum("weir_plugin_failures_total", &labels)
    }

    /// How often it failed at all.
    async fn all_failures(&self) -> f64 {
        self.weir.metrics().await.sum("weir_plugin_failures_total", &[("plugin", "guest")])
    }

    /// The process lives, and the pod stays in its Service.
    async fn is_well(&self, what: &str) {
        assert!(self.weir.is_running(), "{what}");
        assert_eq!(self.weir.health().await, Some(200), "{what}");
    }
}

/// A request of two log records, of which the first says this to the guest.
fn saying(word: &str) -> Bytes {
    let mut first = log("first");
    first.attributes.push(attribute("test.trigger", text(word)));
    first.attributes.push(attribute("test.other", text("was")));
    logs(vec![first, log("second")]).encode_to_vec().into()
}

#[test]
fn every_hostile_guest_has_a_row() {
    let mut rows: Vec<String> = [
        batches::guests(),
        harmless::guests(),
        loading::guests(),
        secrecy::GUESTS.to_vec(),
        state::GUESTS.to_vec(),
        words::GUESTS.to_vec(),
    ]
    .concat()
    .into_iter()
    .map(str::to_owned)
    .collect();
    rows.sort();
    let mut files = ["process", "configure", "realloc", "component"].map(hostile_names).concat();
    files.sort();
    assert_eq!(rows, files);
}
