//! What a configuration has of the Collector that weir lacks: wrong if something uses it, and else worth a warning.

use crate::config::at::At;
use crate::config::catalog;
use crate::config::diagnostic::Diagnostic;
use crate::config::id::ComponentId;
use crate::config::node::Value;

/// The components of one section that weir lacks.
#[derive(Default)]
pub(super) struct Missed {
    lacking: Vec<(ComponentId, Diagnostic)>,
    left_out: Vec<Diagnostic>,
}

impl Missed {
    /// All connectors, since weir has none. `at` is their section.
    pub(super) fn connectors(at: &At<'_>, problems: &mut Vec<Diagnostic>) -> Missed {
        let mut missed = Missed::default();
        let Some(node) = at.node() else { return missed };
        if !matches!(node.value, Value::Map(_) | Value::Null) {
            problems.push(at.problem("expected a map of connectors"));
        }
        for entry in node.entries() {
            let at = at.key(&entry.key);
            match ComponentId::parse(&entry.key) {
                Ok(id) => {
                    let problem = catalog::lacking(&at.path, "connector", id.component_type());
                    missed.lacking(id, problem.at(at.place()));
                }
                Err(reason) => problems.push(at.problem(reason)),
            }
        }
        missed
    }

    /// Adds one, with what to do instead.
    pub(super) fn lacking(&mut self, id: ComponentId, problem: Diagnostic) {
        self.lacking.push((id, problem));
    }

    /// Adds one on which no data depends; the reason says what to know.
    pub(super) fn left_out(&mut self, about: Diagnostic) {
        let reason = format!("left out, since no data depends on it: {}", about.reason);
        self.left_out.push(Diagnostic { reason, ..about });
    }

    /// Their ids.
    pub(super) fn ids(&self) -> impl Iterator<Item = ComponentId> {
        self.lacking.iter().map(|(id, _)| id.clone())
    }

    /// Whether this is one of them.
    pub(super) fn has(&self, id: &ComponentId) -> bool {
        self.lacking.iter().any(|(known, _)| known == id)
    }

    /// Tells of each.
    pub(super) fn tell(
        &self,
        is_used: impl Fn(&ComponentId) -> bool,
        problems: &mut Vec<Diagnostic>,
        warnings: &mut Vec<Diagnostic>,
    ) {
        warnings.extend(self.left_out.iter().cloned());
        for (id, problem) in &self.lacking {
            if is_used(id) {
                problems.push(problem.clone());
            } else {
                let reason = "weir has no such component, and nothing uses it".to_owned();
                warnings.push(Diagnostic { reason, ..problem.clone() });
            }
        }
    }
}
