//! The operator's configuration. The README has every key with an example.

use serde::Deserialize;

use crate::decide::{Inconsistent, Mode, Steps};
use crate::rule::RuleConfig;

/// What to sample. The default keeps all.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How many of a hundred traces are kept where no rule says otherwise.
    pub percentage: f64,
    /// What becomes of traces that were sampled before.
    pub mode: Mode,
    /// The seed of the hash by which the mode `hash_seed` decides; 0 if it is left out.
    pub hash_seed: Option<u32>,
    /// Significant hexadecimal digits of the thresholds, 1 to 14.
    pub precision: u8,
    /// Keep spans with the status error, and log records of severity error and above, whatever the rules say.
    pub keep_errors: bool,
    /// A span whose attribute `sampling.priority` is 0 is dropped, and kept if it is another number.
    pub honor_priority: bool,
    /// What becomes of a span without a valid trace id where a share is to be kept.
    pub missing_trace_id: Missing,
    /// What becomes of an item whose threshold cannot be true.
    pub inconsistent: Inconsistent,
    /// The first rule that is meant for a span decides.
    pub rules: Vec<RuleConfig>,
    /// Log records.
    pub logs: Logs,
}

/// What becomes of an item about which nothing can be decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// Drop it.
    #[default]
    Drop,
    /// Keep it.
    Keep,
}

/// How log records are sampled.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Logs {
    /// A record with a trace id is kept if its trace is at the top `percentage`.
    pub follow_trace: bool,
    /// How many of a hundred records are kept that follow no trace, where no rule says otherwise.
    pub percentage: f64,
    /// Records of this severity and above are kept.
    pub min_severity_kept: Option<Severity>,
    /// The attribute by whose value a record without a trace id is judged; without it, by its time and body.
    pub key: Option<Key>,
    /// Whether a record with a trace id is judged by it, or by its key as well.
    pub judge_by: JudgeBy,
    /// What becomes of a record that has neither a trace id nor a key, where a share is to be kept.
    pub missing_key: MissingKey,
    /// An attribute of a record: how many of a hundred records like it are kept, whatever the rules say.
    pub percentage_attribute: Option<String>,
    /// The first rule that is meant for a record decides.
    pub rules: Vec<RuleConfig>,
}

/// By what log records are judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JudgeBy {
    /// By the trace id if there is one.
    #[default]
    TraceId,
    /// By the key alone.
    Key,
}

/// What becomes of a record that has nothing to be judged by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingKey {
    /// It is judged by its time and body.
    #[default]
    Body,
    /// It is dropped.
    Drop,
    /// It is kept.
    Keep,
}

/// The attribute by whose value a record is judged.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    pub attribute: String,
    #[serde(default)]
    pub level: KeyLevel,
}

/// Where the key is looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyLevel {
    /// On the record.
    #[default]
    #[serde(alias = "log")]
    Item,
    /// On its resource.
    Resource,
}

/// The lowest number of each range of severities.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    #[serde(alias = "trace")]
    Trace = 1,
    #[serde(alias = "debug")]
    Debug = 5,
    #[serde(alias = "info")]
    Info = 9,
    #[serde(alias = "warn")]
    Warn = 13,
    #[serde(alias = "error")]
    Error = 17,
    #[serde(alias = "fatal")]
    Fatal = 21,
}

impl Config {
    /// The steps of all percentages.
    pub fn steps(&self) -> Steps {
        match self.mode {
            Mode::HashSeed => Steps::Buckets,
            Mode::Equalizing | Mode::Proportional => Steps::Digits(self.precision),
        }
    }

    /// The seed of the hash that decides, if one does.
    pub fn seed(&self) -> Option<u32> {
        (self.mode == Mode::HashSeed).then(|| self.hash_seed.unwrap_or(0))
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            percentage: 100.0,
            mode: Mode::Equalizing,
            hash_seed: None,
            precision: 4,
            keep_errors: true,
            honor_priority: true,
            missing_trace_id: Missing::Drop,
            inconsistent: Inconsistent::Erase,
            rules: Vec::new(),
            logs: Logs::default(),
        }
    }
}

impl Default for Logs {
    fn default() -> Logs {
        Logs {
            follow_trace: true,
            percentage: 100.0,
            min_severity_kept: None,
            key: None,
            judge_by: JudgeBy::TraceId,
            missing_key: MissingKey::Body,
            percentage_attribute: None,
            rules: Vec::new(),
        }
    }
}
