//! A weir between one sender and one upstream, for tests that change its plugins and look at what comes out.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::{GrpcSender, Launch, Signal, Upstream, Weir, requests, wait};

/// Two seconds are promised. The rest is for a machine that is busy with other tests.
const PROMISED: Duration = Duration::from_secs(5);

/// See the module.
pub struct Sidecar {
    /// Where everything ends up.
    pub upstream: Upstream,
    /// The process.
    pub weir: Weir,
    sender: GrpcSender,
}

impl Sidecar {
    /// One with the plugins of this directory.
    pub async fn start(plugins: &Path) -> Sidecar {
        Sidecar::launch(Launch::new().processor("wasm", json!({"directory": plugins}))).await
    }

    /// One as it is configured, except for the upstream.
    pub async fn launch(launch: Launch) -> Sidecar {
        let upstream = Upstream::start().await;
        let weir = launch.to_grpc(&upstream.address()).start().await;
        let sender = GrpcSender::new(weir.ports.grpc);
        Sidecar { upstream, weir, sender }
    }

    /// Sends one log record and gives the request that arrives; `None` if it was refused.
    pub async fn pass(&self) -> Option<bytes::Bytes> {
        let body = requests::unique(Signal::Logs, "probe", 1);
        self.sender.send(Signal::Logs, body).await.ok()?;
        Some(self.upstream.delivered().pop()?.body)
    }

    /// Sends one log record and gives the resource attribute of what arrives.
    pub async fn attribute(&self, key: &str) -> Option<String> {
        let body = self.pass().await?;
        requests::text_of(&requests::log_resource(&body), key).map(str::to_owned)
    }

    /// Waits until what arrives has this value of the resource attribute.
    pub async fn turns_to(&self, key: &str, value: Option<&str>) {
        self.comes_to(&format!("{key} is {value:?}"), async || self.attribute(key).await.as_deref() == value)
            .await;
    }

    /// Waits until a change has taken effect, for as long as is promised.
    pub async fn comes_to(&self, what: &str, probe: impl AsyncFn() -> bool) {
        wait::within(PROMISED, what, async || probe().await.then_some(())).await;
    }

    /// How often a plugin was reloaded with this result.
    pub async fn reloads(&self, plugin: &str, result: &str) -> f64 {
        let metrics = self.weir.metrics().await;
        metrics.sum("weir_plugin_reloads_total", &[("plugin", plugin), ("result", result)])
    }

    /// Waits until a reload has failed more often than `before`.
    pub async fn refuses(&self, plugin: &str, before: f64) {
        self.comes_to("the failure is counted", async || self.reloads(plugin, "failure").await > before)
            .await;
    }
}
