//! The `debug` exporter's configuration.

use serde::Deserialize;

/// Prints what arrives. The only place where weir shows telemetry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DebugExporterConfig {
    /// How much to print.
    pub verbosity: Verbosity,
}

/// How much the `debug` exporter prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verbosity {
    /// A line per batch.
    #[default]
    Basic,
    /// A line per item.
    Normal,
    /// Everything.
    Detailed,
}
