//! The extensions' part of the configuration.

use serde::Deserialize;

use crate::config::at::At;
use crate::config::diagnostic::Diagnostic;
use crate::config::endpoint::HostPort;
use crate::config::field::url_path;
use crate::config::reader;

/// The port of the Collector's `health_check` extension.
const HEALTH_PORT: u16 = 13133;

/// Where weir says whether it is ready. It does so even if the configuration names no such extension.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HealthCheckConfig {
    /// Where to listen.
    pub endpoint: HostPort,
    /// The path that answers.
    #[serde(deserialize_with = "url_path")]
    pub path: String,
}

impl Default for HealthCheckConfig {
    fn default() -> Self {
        HealthCheckConfig { endpoint: HostPort::localhost(HEALTH_PORT), path: "/".to_owned() }
    }
}

impl HealthCheckConfig {
    /// Reads and checks one.
    pub(in crate::config) fn read(at: &At<'_>, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        reader::read(at.node()?, &at.path, problems)
    }
}
