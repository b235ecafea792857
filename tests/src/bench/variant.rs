//! The processes that are compared: the relay and weir in several configurations.

use std::path::Path;

use serde_json::{Value, json};

use crate::build::plugin;
use crate::guest::Guest;
use crate::weir::Launch;

/// What runs between the generator and the sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// The floor.
    Relay,
    /// weir without a plugin.
    NoPlugin,
    /// A plugin that reads one attribute of every item and changes nothing.
    Read,
    /// One attribute of every item renamed.
    Rename,
    /// The three shipped plugins at work: half sampled out, two attributes added, personal data redacted.
    Three,
    /// The same with the redactor first, which then searches what is dropped afterwards, too.
    RedactFirst,
}

impl Variant {
    /// In the order in which they are loaded and printed.
    pub const ALL: [Variant; 6] = [
        Variant::Relay,
        Variant::NoPlugin,
        Variant::Read,
        Variant::Rename,
        Variant::Three,
        Variant::RedactFirst,
    ];

    /// Its name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Variant::Relay => "relay floor",
            Variant::NoPlugin => "no plugin",
            Variant::Read => "one attribute read",
            Variant::Rename => "one attribute renamed",
            Variant::Three => "sample, redact, enrich",
            Variant::RedactFirst => "redact, sample, enrich",
        }
    }

    /// The ratio to reach at 1,000 items a request.
    pub fn goal(self) -> Option<f64> {
        match self {
            Variant::Relay => None,
            Variant::NoPlugin => Some(1.3),
            Variant::Read => Some(2.0),
            Variant::Rename => Some(2.3),
            Variant::Three | Variant::RedactFirst => Some(4.0),
        }
    }

    /// What to start for it, other than the relay. `scratch` takes the guest that is written for it.
    pub fn launch(self, upstream: &str, core: usize, scratch: &Path) -> Launch {
        let mut launch = Launch::new().to_grpc(upstream);
        launch.core = Some(core);
        launch.config["service"]["telemetry"]["logs"] = json!({"level": "warn"});
        self.processors(scratch)
            .into_iter()
            .fold(launch, |launch, (id, settings)| launch.processor(id, settings))
    }

    fn processors(self, scratch: &Path) -> Vec<Processor> {
        match self {
            Variant::Relay | Variant::NoPlugin => Vec::new(),
            Variant::Read => vec![("wasm/read", json!({"plugin": Guest::Read.install(scratch, "read")}))],
            Variant::Rename => {
                let config = json!({"rename": {"http.request.method": "http.method"}});
                vec![("wasm/enrich", json!({"plugin": plugin("enrich"), "config": config}))]
            }
            Variant::Three => vec![sample(), redact(), enrich()],
            Variant::RedactFirst => vec![redact(), sample(), enrich()],
        }
    }
}

type Processor = (&'static str, Value);

/// Half of the traces, with the logs that belong to them.
fn sample() -> Processor {
    let config = json!({"percentage": 50, "logs": {"follow_trace": true, "percentage": 50}});
    ("wasm/sample", json!({"plugin": plugin("sample"), "config": config}))
}

/// All default rules.
fn redact() -> Processor {
    ("wasm/redact", json!({"plugin": plugin("redact")}))
}

/// Two attributes on every item.
fn enrich() -> Processor {
    let set = json!({"deployment.environment.name": "production", "k8s.cluster.name": "blue"});
    ("wasm/enrich", json!({"plugin": plugin("enrich"), "config": {"set": set}}))
}
