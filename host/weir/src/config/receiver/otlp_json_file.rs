//! The `otlp_json_file` receiver's configuration: the keys of the Collector's file reader that make sense for lines of OTLP/JSON.

use std::fmt;
use std::time::Duration;

use glob::Pattern;
use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

use crate::config::at::At;
use crate::config::diagnostic::Diagnostic;
use crate::config::field::{bounded, byte_size, positive_duration};
use crate::config::id::ComponentId;
use crate::config::reader;

/// The longest line: as much as a request may have by default. The Collector's is 1 MiB, and it cuts longer ones to pieces.
const LINE_BYTES: u64 = 64 << 20;
/// What the JSON decoder takes at most.
const LINE_BYTES_MAX: u64 = 256 << 20;

/// Reads requests from files of OTLP/JSON, one a line.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OtlpJsonFileReceiverConfig {
    /// The files to read.
    pub include: Vec<Glob>,
    /// Those of them that are not to be read.
    pub exclude: Vec<Glob>,
    /// Where to begin in the files that are there at the start. Those that come later are read from their beginning.
    pub start_at: StartAt,
    /// How often to look at the files, beside the times when the system reports a change. The Collector's default is 200 ms;
    /// without one, weir looks every half minute, so that it does not wake while nothing happens.
    #[serde(deserialize_with = "some_duration")]
    pub poll_interval: Option<Duration>,
    /// Whether to begin again when everything has been read, for ever.
    pub replay_file: bool,
    /// The longest line, in bytes.
    #[serde(deserialize_with = "byte_size::<1, LINE_BYTES_MAX, _>")]
    pub max_log_size: u64,
    /// How many files are followed at a time.
    #[serde(deserialize_with = "bounded::<1, 10_000, _, _>")]
    pub max_concurrent_files: usize,
    /// The `file_storage` extension in which it is remembered how far each file has been read.
    pub storage: Option<ComponentId>,
}

/// Where to begin in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StartAt {
    /// With what it has.
    Beginning,
    /// With what is added to it: the Collector's default.
    #[default]
    End,
}

/// A pattern for paths: `*`, `?` and `[...]` within a name, `**` for any directories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(String);

impl Glob {
    /// As it is written. It is a valid pattern.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for OtlpJsonFileReceiverConfig {
    fn default() -> Self {
        OtlpJsonFileReceiverConfig {
            include: Vec::new(),
            exclude: Vec::new(),
            start_at: StartAt::End,
            poll_interval: None,
            replay_file: false,
            max_log_size: LINE_BYTES,
            max_concurrent_files: 1024,
            storage: None,
        }
    }
}

impl OtlpJsonFileReceiverConfig {
    /// Reads and checks one.
    pub(super) fn read(at: &At<'_>, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let config: Self = reader::read(at.node()?, &at.path, problems)?;
        if config.include.is_empty() {
            problems.push(at.key("include").problem("name at least one file or pattern"));
        }
        if config.replay_file && config.storage.is_some() {
            let reason = "has no use with replay_file, which begins anew each time; leave one of them out";
            problems.push(at.key("storage").problem(reason));
        }
        Some(config)
    }
}

impl<'de> Deserialize<'de> for Glob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct GlobVisitor;
        impl Visitor<'_> for GlobVisitor {
            type Value = Glob;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a path, with *, ?, [...] and ** for what may be anything (alternatives in braces are not supported)")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Glob, E> {
                match Pattern::new(text) {
                    Ok(_) if !text.is_empty() && !text.contains('{') => Ok(Glob(text.to_owned())),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Other("text"), &self)),
                }
            }
        }
        deserializer.deserialize_string(GlobVisitor)
    }
}

fn some_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    positive_duration(deserializer).map(Some)
}
