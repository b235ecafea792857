//! A weir whose telemetry takes two ways: as it came to one upstream, which so knows what the client sent, and through plugins to
//! another. What the one has is held against what the other has by an [`Oracle`](crate::Oracle).

use serde_json::{Value, json};

use crate::build::plugin;
use crate::weir::plain_grpc;
use crate::{Launch, Received, Signal, Upstream, Weir};

/// What [`Fork::through_three_plugins`] adds to every resource.
pub const ENRICHED: (&str, &str) = ("k8s.cluster.name", "blue");

/// See the module.
pub struct Fork {
    /// Has everything as it came.
    pub sent: Upstream,
    /// Has what the plugins made of it.
    pub arrived: Upstream,
    /// The process.
    pub weir: Weir,
}

impl Fork {
    /// One whose second way leads through these processors, in all three signals.
    pub async fn start(processors: &[(&str, Value)]) -> Fork {
        let (sent, arrived) = (Upstream::start().await, Upstream::start().await);
        let mut launch = Launch::new();
        launch.config["exporters"] = json!({
            "otlp_grpc/sent": plain_grpc(&sent.address()), "otlp_grpc/arrived": plain_grpc(&arrived.address()),
        });
        let mut pipelines = json!({});
        for signal in Signal::READ {
            let name = signal.name();
            pipelines[format!("{name}/sent")] =
                json!({"receivers": ["otlp"], "exporters": ["otlp_grpc/sent"]});
            let ids: Vec<&str> = processors.iter().map(|(id, _)| *id).collect();
            pipelines[format!("{name}/arrived")] =
                json!({"receivers": ["otlp"], "processors": ids, "exporters": ["otlp_grpc/arrived"]});
        }
        launch.config["service"]["pipelines"] = pipelines;
        launch.config["processors"] =
            processors.iter().map(|(id, settings)| (*id, settings.clone())).collect();
        let weir = launch.start().await;
        Fork { sent, arrived, weir }
    }

    /// One that keeps half of the traces, redacts what is left, and adds [`ENRICHED`].
    pub async fn through_three_plugins() -> Fork {
        let (key, value) = ENRICHED;
        Fork::start(&[
            ("wasm/sample", json!({"plugin": plugin("sample"), "config": {"percentage": 50}})),
            ("wasm/redact", json!({"plugin": plugin("redact")})),
            (
                "wasm/enrich",
                json!({"plugin": plugin("enrich"), "config": {"resource": {"set": {key: value}}}}),
            ),
        ])
        .await
    }

    /// What was delivered on both ways, once the client has ended: it has been told that both have it.
    pub fn both(&self) -> (Vec<Received>, Vec<Received>) {
        (self.sent.delivered(), self.arrived.delivered())
    }
}
