//! `service::extensions`, and what becomes of the extensions: a health check, and storages.

use std::collections::BTreeMap;

use super::Section;
use crate::config::at::At;
use crate::config::diagnostic::Diagnostic;
use crate::config::extension::{ExtensionConfig, FileStorageConfig, HealthCheckConfig};
use crate::config::id::ComponentId;
use crate::config::node::Value;

/// The extensions by their kinds.
#[derive(Default)]
pub(super) struct Extensions {
    pub(super) health_check: HealthCheckConfig,
    pub(super) file_storages: BTreeMap<ComponentId, FileStorageConfig>,
    /// In `service::extensions`.
    pub(super) listed: Vec<ComponentId>,
}

/// Sorts the extensions. `at` is `service::extensions`.
pub(super) fn read(
    section: Section<ExtensionConfig>,
    at: &At<'_>,
    problems: &mut Vec<Diagnostic>,
    warnings: &mut Vec<Diagnostic>,
) -> Extensions {
    let listed = listed(&section, at, problems);
    section.missed.tell(|id| listed.contains(id), problems, warnings);
    let mut extensions = Extensions { listed, ..Extensions::default() };
    // The health check is on in any case: as configured, or with its defaults.
    let mut health_check: Option<ComponentId> = None;
    for (id, extension) in section.components {
        let about = |reason: &str| {
            let diagnostic = Diagnostic::new(format!("extensions::{id}"), reason);
            match section.places.get(&id) {
                Some(place) => diagnostic.at(place),
                None => diagnostic,
            }
        };
        let is_listed = extensions.listed.contains(&id);
        match extension {
            ExtensionConfig::HealthCheck(_) if health_check.is_some() => {
                problems.push(about("weir has one health check; leave this out"));
            }
            ExtensionConfig::HealthCheck(config) => {
                if !is_listed {
                    warnings.push(about("not listed in service::extensions; weir serves it all the same"));
                }
                extensions.health_check = config;
                health_check = Some(id);
            }
            ExtensionConfig::FileStorage(config) => {
                if !is_listed {
                    warnings.push(about("not listed in service::extensions, so it is not started"));
                }
                extensions.file_storages.insert(id, config);
            }
        }
    }
    extensions
}

fn listed(
    section: &Section<ExtensionConfig>,
    at: &At<'_>,
    problems: &mut Vec<Diagnostic>,
) -> Vec<ComponentId> {
    let mut ids = Vec::new();
    let items = match at.node().map(|node| &node.value) {
        None | Some(Value::Null) => return ids,
        Some(Value::Sequence(items)) => items,
        Some(_) => {
            problems.push(at.problem("expected a list of extensions"));
            return ids;
        }
    };
    for (index, item) in items.iter().enumerate() {
        let problem = |reason: String| at.item(index).problem(reason);
        let Value::String(written) = &item.value else {
            problems.push(problem("expected the id of an extension".to_owned()));
            continue;
        };
        match ComponentId::parse(written) {
            Err(reason) => problems.push(problem(reason)),
            Ok(id) if !section.places.contains_key(&id) => {
                problems.push(problem(format!("references extension \"{id}\" which is not configured")));
            }
            Ok(id) => ids.push(id),
        }
    }
    ids
}
