//! The consume contract, from both ends at once: senders that behave as SDKs do, several at a time over every wire, and an upstream
//! that answers at random. What the Collector's `receivertest` and `exportertest` ask of a component, asked of all of weir:
//!
//! - what weir acknowledged was delivered (with `wait_for_result: false`: or refused by the upstream for good);
//! - what was sent was acknowledged or refused, nothing is in between;
//! - an item arrives twice only where something failed, and never after a final answer;
//! - what every exporter's upstream has refused for good was delivered nowhere.

mod one_exporter;
mod script;
mod several_exporters;
mod verdict;

use std::path::Path;

use serde_json::{Value, json};
use weir_tests::weir::plain_grpc;
use weir_tests::{Launch, Upstream};

use script::Protocol;

/// When weir acknowledges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// When the upstream has; the default.
    Downstream,
    /// The same without a queue.
    NoQueue,
    /// When the batch is on disk.
    Durable,
    /// When the batch is in memory.
    Memory,
}

impl Mode {
    const ALL: [Mode; 4] = [Mode::Downstream, Mode::NoQueue, Mode::Durable, Mode::Memory];

    /// Whether weir acknowledges before the upstream has.
    fn is_ahead(self) -> bool {
        matches!(self, Mode::Durable | Mode::Memory)
    }

    /// A weir with such exporters, whose queues on disk are in this directory.
    fn launch(self, directory: &Path) -> Launch {
        let mut launch = Launch::new();
        if self == Mode::Durable {
            launch.config["extensions"]["file_storage"] = json!({"directory": directory});
            launch.config["service"]["extensions"] = json!(["health_check", "file_storage"]);
        }
        launch
    }

    /// An exporter to this upstream. It tries again soon: these tests are about what is retried, not when.
    fn exporter(self, protocol: Protocol, upstream: &Upstream) -> Value {
        let mut settings = match protocol {
            Protocol::Grpc => plain_grpc(&upstream.address()),
            Protocol::Http => {
                json!({"endpoint": format!("http://{}", upstream.address()), "compression": "none"})
            }
        };
        settings["retry_on_failure"] = json!({"initial_interval": "10ms", "max_interval": "50ms"});
        settings["sending_queue"] = match self {
            Mode::Downstream => json!({}),
            Mode::NoQueue => json!({"enabled": false}),
            Mode::Durable => json!({"storage": "file_storage"}),
            Mode::Memory => json!({"wait_for_result": false}),
        };
        settings
    }
}
