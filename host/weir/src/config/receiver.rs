//! The receivers' part of the configuration.

mod otlp;
mod otlp_json_file;

pub use otlp::{GrpcServerConfig, HttpServerConfig, OtlpReceiverConfig};
pub use otlp_json_file::{Glob, OtlpJsonFileReceiverConfig, StartAt};

use super::at::At;
use super::diagnostic::Diagnostic;
use super::id::ComponentId;

/// One receiver.
#[derive(Clone, Debug, PartialEq)]
pub enum ReceiverConfig {
    /// `otlp`
    Otlp(Box<OtlpReceiverConfig>),
    /// `otlp_json_file`, or `otlpjsonfile`: reads files, and so has no endpoint.
    OtlpJsonFile(OtlpJsonFileReceiverConfig),
}

impl ReceiverConfig {
    /// The settings of an `otlp` receiver, if it is one.
    pub fn otlp(&self) -> Option<&OtlpReceiverConfig> {
        match self {
            ReceiverConfig::Otlp(otlp) => Some(otlp),
            ReceiverConfig::OtlpJsonFile(_) => None,
        }
    }

    /// The `file_storage` extension in which it remembers how far it is, if it does.
    pub fn storage(&self) -> Option<&ComponentId> {
        match self {
            ReceiverConfig::Otlp(_) => None,
            ReceiverConfig::OtlpJsonFile(file) => file.storage.as_ref(),
        }
    }

    /// Reads and checks one of type `name`, which is the type's first name, not an alias.
    pub(super) fn read(name: &str, at: &At<'_>, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        match name {
            "otlp" => OtlpReceiverConfig::read(at, problems).map(|otlp| Self::Otlp(Box::new(otlp))),
            "otlp_json_file" => OtlpJsonFileReceiverConfig::read(at, problems).map(Self::OtlpJsonFile),
            // The catalogue names the types, so this is a type that the catalogue has and this match lacks.
            _ => {
                problems.push(at.problem("this receiver cannot be configured"));
                None
            }
        }
    }
}
