//! The extensions' part of the configuration.

mod file_storage;
mod health_check;

pub use file_storage::FileStorageConfig;
pub use health_check::HealthCheckConfig;

use super::at::At;
use super::diagnostic::Diagnostic;

/// One extension.
pub(super) enum ExtensionConfig {
    /// `health_check`
    HealthCheck(HealthCheckConfig),
    /// `file_storage`
    FileStorage(FileStorageConfig),
}

impl ExtensionConfig {
    /// Reads and checks one of type `name`.
    pub(super) fn read(
        name: &str,
        at: &At<'_>,
        problems: &mut Vec<Diagnostic>,
        warnings: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        match name {
            "health_check" => HealthCheckConfig::read(at, problems).map(Self::HealthCheck),
            "file_storage" => FileStorageConfig::read(at, problems, warnings).map(Self::FileStorage),
            // The catalogue names the types, so this is a type that the catalogue has and this match lacks.
            _ => {
                problems.push(at.problem("this extension cannot be configured"));
                None
            }
        }
    }
}
