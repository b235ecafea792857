//! `rename`, `delete` and `set`: what is done to the attributes of items, or of other levels.

use std::collections::{BTreeMap, BTreeSet};

use weir_sdk::{Edits, Entity, Field, Interest, Level, Levels, Signal, Signals};

use crate::config::{At, Config, Policy};
use crate::constant::Constant;
use crate::put::Put;

/// What is done at the levels that it is meant for.
#[derive(Debug)]
pub struct Actions {
    levels: Levels,
    renames: Vec<Rename>,
    deletions: Deletions,
    puts: Vec<Put>,
}

/// An attribute that comes to have the key `to`: the first one of `from` that is there.
#[derive(Debug)]
struct Rename {
    from: Vec<Field>,
    to: Field,
}

#[derive(Debug)]
struct Deletions {
    keys: Vec<Field>,
    prefixes: Vec<String>,
    /// Where data points keep theirs.
    spares_points: bool,
}

impl Actions {
    /// Checks the actions and declares what they read and write. The error names the key that is wrong.
    pub fn new(config: &Config, interest: &mut Interest) -> Result<Actions, String> {
        check(config)?;
        let levels = At::levels(config.levels.as_deref());
        let mut targets: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        config.rename.iter().for_each(|(from, to)| targets.entry(to).or_default().push(from));
        let renames = targets.into_iter().map(|(to, from)| Rename {
            from: from.into_iter().map(|key| interest.attribute(key).at(levels).read_write()).collect(),
            to: interest.attribute(to).at(levels).write(),
        });
        let renames = renames.collect();
        let deletions = Deletions::new(config, levels, interest);
        let mut puts = Vec::new();
        for (key, value) in &config.set {
            let value =
                Constant::from_json(value).map_err(|reason| format!("config key `set.{key}`: {reason}"))?;
            let Some(value) = value else { continue };
            let select = interest.attribute(key.as_str()).at(levels);
            let field = if config.policy == Policy::Update { select.read_write() } else { select.write() };
            puts.push(Put { field, value, policy: config.policy });
        }
        Ok(Actions { levels, renames, deletions, puts })
    }

    pub fn are_meant_at(&self, level: Level) -> bool {
        self.levels.has(level)
    }

    pub fn apply(&self, signal: Signal, entity: Entity<'_>, edits: &mut Edits) {
        for rename in &self.renames {
            if let Some(cell) = rename.from.iter().find_map(|from| entity.get(*from)) {
                edits.rename(cell, rename.to);
            }
        }
        self.deletions.apply(signal, entity, edits);
        self.puts.iter().for_each(|put| put.apply(entity, edits));
    }
}

impl Deletions {
    fn new(config: &Config, levels: Levels, interest: &mut Interest) -> Deletions {
        let mut deletions =
            Deletions { keys: vec![], prefixes: vec![], spares_points: !config.delete_metric_attributes };
        let spares_all_metrics = deletions.spares_points && levels == Level::ITEM.into();
        let signals: Signals =
            if spares_all_metrics { [Signal::TRACES, Signal::LOGS].into() } else { Signals::NONE };
        for pattern in config.delete.iter().collect::<BTreeSet<_>>() {
            if let Some(prefix) = pattern.strip_suffix('*') {
                interest.attributes(pattern.as_str()).at(levels).of(signals).read_write();
                deletions.prefixes.push(prefix.to_owned());
            } else if !config.delete.iter().any(|other| other != pattern && is_covered(pattern, other)) {
                // Not what a prefix deletes already: weir refuses to remove an attribute twice.
                deletions.keys.push(interest.attribute(pattern.as_str()).at(levels).of(signals).read_write());
            }
        }
        deletions
    }

    fn apply(&self, signal: Signal, entity: Entity<'_>, edits: &mut Edits) {
        if self.spares_points && signal == Signal::METRICS && entity.level() == Level::ITEM {
            return;
        }
        self.keys.iter().filter_map(|key| entity.get(*key)).for_each(|cell| edits.remove(cell));
        if !self.prefixes.is_empty() {
            let is_meant = |key: &str| self.prefixes.iter().any(|prefix| key.starts_with(prefix.as_str()));
            entity.attributes().filter(|(key, _)| is_meant(key)).for_each(|(_, cell)| edits.remove(cell));
        }
    }
}

/// Refuses what would depend on an order that the operator cannot see.
fn check(config: &Config) -> Result<(), String> {
    for key in config.set.keys().chain(config.rename.keys()).chain(config.rename.values()) {
        if key.is_empty() || key.ends_with('*') {
            return Err(format!("config keys `set` and `rename`: `{key}` is not the key of an attribute"));
        }
        if let Some(pattern) = config.delete.iter().find(|pattern| is_covered(key, pattern)) {
            return Err(format!("config key `delete`: `{pattern}` covers `{key}`, which is set or renamed"));
        }
    }
    if let Some(key) = config.rename.values().find(|to| config.rename.contains_key(*to)) {
        return Err(format!("config key `rename`: `{key}` is both an old and a new key"));
    }
    let is_renamed =
        |key: &&String| config.rename.contains_key(*key) || config.rename.values().any(|to| to == *key);
    if let Some(key) = config.set.keys().find(is_renamed) {
        return Err(format!("config key `set`: `{key}` is renamed as well"));
    }
    if config.delete.iter().any(String::is_empty) {
        return Err("config key `delete`: a pattern is empty (use `*` for every attribute)".to_owned());
    }
    Ok(())
}

/// Whether a pattern of `delete` is meant for the key.
pub fn is_covered(key: &str, pattern: &str) -> bool {
    pattern.strip_suffix('*').map_or(key == pattern, |prefix| key.starts_with(prefix))
}
