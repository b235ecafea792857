//! What a reload changed, by the ids of the components, for the log.

use std::collections::BTreeMap;
use std::fmt::Display;

/// The components of two configurations, compared.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    kept: Vec<String>,
    added: Vec<String>,
    changed: Vec<String>,
    removed: Vec<String>,
}

impl Changes {
    /// Compares the components of one section.
    pub(super) fn compare<K: Ord + Display, T>(
        &mut self,
        section: &str,
        former: &BTreeMap<K, T>,
        next: &BTreeMap<K, T>,
        is_same: impl Fn(&T, &T) -> bool,
    ) {
        for (id, component) in next {
            let list = match former.get(id) {
                None => &mut self.added,
                Some(former) if is_same(former, component) => &mut self.kept,
                Some(_) => &mut self.changed,
            };
            list.push(format!("{section}::{id}"));
        }
        let removed = former.keys().filter(|id| !next.contains_key(id));
        self.removed.extend(removed.map(|id| format!("{section}::{id}")));
    }

    /// Compares what there is exactly one of.
    pub(super) fn compare_one<T: PartialEq>(&mut self, path: &str, former: &T, next: &T) {
        let list = if former == next { &mut self.kept } else { &mut self.changed };
        list.push(path.to_owned());
    }

    /// Whether everything is as it was.
    pub(super) fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }

    /// Tells the operator.
    pub(super) fn log(&self, trigger: &str) {
        tracing::info!(
            trigger,
            added = list(&self.added),
            changed = list(&self.changed),
            removed = list(&self.removed),
            kept = list(&self.kept),
            "configuration reloaded"
        );
    }
}

fn list(paths: &[String]) -> String {
    if paths.is_empty() { "none".to_owned() } else { paths.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(former: &[(&str, u8)], next: &[(&str, u8)]) -> Changes {
        let map = |list: &[(&str, u8)]| list.iter().map(|(id, value)| ((*id).to_owned(), *value)).collect();
        let mut changes = Changes::default();
        changes.compare::<String, u8>("exporters", &map(former), &map(next), |a, b| a == b);
        changes
    }

    #[test]
    fn components_are_kept_added_changed_or_removed_by_their_id() {
        let changes = changes(&[("a", 1), ("b", 1), ("c", 1)], &[("a", 1), ("b", 2), ("d", 1)]);
        assert_eq!(changes.kept, ["exporters::a"]);
        assert_eq!(changes.changed, ["exporters::b"]);
        assert_eq!(changes.removed, ["exporters::c"]);
        assert_eq!(changes.added, ["exporters::d"]);
        assert!(!changes.is_empty());
    }

    #[test]
    fn nothing_has_changed_if_everything_was_kept() {
        let mut changes = changes(&[("a", 1)], &[("a", 1)]);
        changes.compare_one("service::telemetry", &1, &1);
        assert!(changes.is_empty());
        changes.compare_one("extensions::health_check", &1, &2);
        assert!(!changes.is_empty());
    }
}
