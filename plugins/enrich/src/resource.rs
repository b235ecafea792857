//! The attributes of the resource: collected once, from all that the configuration names.

use std::collections::BTreeMap;

use weir_sdk::{Field, Interest, Level};

use crate::config::{Config, DownwardApi, Policy};
use crate::constant::{Constant, otel_resource_attributes};
use crate::put::Put;
use crate::{file, podinfo};

/// Collects them and declares that they are written. Where two sources name an attribute, the first one counts: `set`,
/// `otel_service_name`, `otel_resource_attributes`, `downward_api`, `files`.
pub fn collect(config: &Config, interest: &mut Interest) -> Result<Vec<Put>, String> {
    let mut found = BTreeMap::new();
    let mut add = |key: String, value: Constant| {
        found.entry(key).or_insert(value);
    };
    for (key, value) in &config.resource.set {
        let value = Constant::from_json(value)
            .map_err(|reason| format!("config key `resource.set.{key}`: {reason}"))?;
        value.into_iter().for_each(|value| add(key.clone(), value));
    }
    // A variable of the environment that is not set arrives as an empty text.
    for name in config.resource.otel_service_name.iter().filter(|name| !name.is_empty()) {
        add("service.name".to_owned(), Constant::text(name));
    }
    if let Some(text) = &config.resource.otel_resource_attributes {
        let pairs = otel_resource_attributes(text);
        let pairs =
            pairs.map_err(|reason| format!("config key `resource.otel_resource_attributes`: {reason}"))?;
        pairs.into_iter().for_each(|(key, value)| add(key, Constant::text(value)));
    }
    if let Some(api) = &config.downward_api {
        pod_attributes(api, &mut add).map_err(|reason| format!("config key `downward_api`: {reason}"))?;
    }
    for (key, path) in &config.files {
        let text = file::read(path, file::SMALL_BYTES_MAX)
            .map_err(|reason| format!("config key `files.{key}`: {reason}"))?;
        add(key.clone(), Constant::text(text.trim_end_matches(['\r', '\n'])));
    }
    let policy = config.resource.policy;
    found.into_iter().map(|(key, value)| put(key, value, policy, interest)).collect()
}

fn put(key: String, value: Constant, policy: Policy, interest: &mut Interest) -> Result<Put, String> {
    if key.is_empty() || key.ends_with('*') {
        return Err(format!("config key `resource`: `{key}` is not the key of an attribute"));
    }
    let select = interest.attribute(key).at(Level::RESOURCE);
    let field: Field = if policy == Policy::Update { select.read_write() } else { select.write() };
    Ok(Put { field, value, policy })
}

fn pod_attributes(api: &DownwardApi, add: &mut impl FnMut(String, Constant)) -> Result<(), String> {
    let read = |name: &str| {
        let path = format!("{}/{name}", api.path.trim_end_matches('/'));
        Ok::<_, String>((file::read(&path, file::SMALL_BYTES_MAX)?, path))
    };
    if !api.labels.is_empty() || api.all_labels {
        let (text, path) = read("labels")?;
        for (label, value) in podinfo::parse(&text).map_err(|reason| format!("{path}: {reason}"))? {
            if let Some(attribute) = api.labels.get(label) {
                add(attribute.clone(), Constant::text(value));
            } else if api.all_labels {
                add(format!("k8s.pod.label.{label}"), Constant::text(value));
            }
        }
    }
    let prefixes = api.annotations.iter().map(|pattern| {
        let prefix = pattern.strip_suffix('*').filter(|prefix| !prefix.is_empty());
        prefix.ok_or_else(|| format!("annotation `{pattern}` must be a prefix and `*`"))
    });
    let prefixes: Vec<&str> = prefixes.collect::<Result<_, _>>()?;
    if !prefixes.is_empty() {
        let (text, path) = read("annotations")?;
        for (annotation, value) in podinfo::parse(&text).map_err(|reason| format!("{path}: {reason}"))? {
            let attribute = prefixes.iter().find_map(|prefix| annotation.strip_prefix(prefix));
            if let Some(attribute) = attribute.filter(|attribute| !attribute.is_empty()) {
                add(attribute.to_owned(), Constant::text(value));
            }
        }
    }
    Ok(())
}
