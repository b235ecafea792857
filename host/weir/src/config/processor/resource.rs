//! The `resource` processor's part of the configuration.

use serde::Deserialize;

use super::action::{self, RawAction};
use crate::config::at::At;
use crate::config::diagnostic::Diagnostic;
use crate::config::reader;
use crate::processor::Action;

/// One `resource` processor.
#[derive(Clone, Debug, PartialEq)]
pub struct ResourceConfig {
    /// What becomes of the attributes of resources.
    pub actions: Vec<Action>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawResource {
    attributes: Vec<RawAction>,
}

impl ResourceConfig {
    /// Reads and checks one.
    pub(super) fn read(at: &At<'_>, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let raw: RawResource = reader::read(at.node()?, &at.path, problems)?;
        let actions = action::read(raw.attributes, &at.key("attributes"), problems)?;
        Some(ResourceConfig { actions })
    }
}
