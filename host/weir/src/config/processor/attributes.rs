//! The `attributes` processor's part of the configuration.

use serde::Deserialize;
use weir_otlp::Signal;

use super::action::{self, RawAction};
use super::matching::{self, RawMatch};
use crate::config::at::At;
use crate::config::diagnostic::Diagnostic;
use crate::config::reader;
use crate::processor::{Action, Match};

/// One `attributes` processor.
#[derive(Clone, Debug, PartialEq)]
pub struct AttributesConfig {
    /// What becomes of the attributes of items.
    pub actions: Vec<Action>,
    /// The items that it is about; all if there is nothing here.
    pub include: Option<Match>,
    /// Those among them that it is not about.
    pub exclude: Option<Match>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawAttributes {
    actions: Vec<RawAction>,
    include: Option<RawMatch>,
    exclude: Option<RawMatch>,
}

impl AttributesConfig {
    /// Reads and checks one.
    pub(super) fn read(at: &At<'_>, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let before = problems.len();
        let raw: RawAttributes = reader::read(at.node()?, &at.path, problems)?;
        let actions = action::read(raw.actions, &at.key("actions"), problems);
        let include = raw.include.and_then(|raw| matching::read(raw, &at.key("include"), problems));
        let exclude = raw.exclude.and_then(|raw| matching::read(raw, &at.key("exclude"), problems));
        let actions = actions.filter(|_| problems.len() == before)?;
        Some(AttributesConfig { actions, include, exclude })
    }

    /// Checks that what is matched can be in a pipeline of this signal.
    pub(in crate::config) fn check(
        &self,
        signal: Signal,
        pipeline: &str,
        at: &At<'_>,
        problems: &mut Vec<Diagnostic>,
    ) {
        for (key, matching) in [("include", &self.include), ("exclude", &self.exclude)] {
            if let Some(matching) = matching {
                matching::check(matching, signal, pipeline, &at.key(key), problems);
            }
        }
    }
}
