//! Every component of a pipeline takes the signal that flows through it. The catalogue says which signals a type takes.

use crate::config::catalog::{self, Kind};
use crate::config::diagnostic::Diagnostic;
use crate::config::id::ComponentId;
use crate::config::pipeline::PipelineConfig;

/// Reports the components that have no place in their pipelines.
pub(super) fn check(pipelines: &[PipelineConfig], problems: &mut Vec<Diagnostic>) {
    for pipeline in pipelines {
        let sections = [
            (&catalog::RECEIVERS, &pipeline.receivers),
            (&catalog::PROCESSORS, &pipeline.processors),
            (&catalog::EXPORTERS, &pipeline.exporters),
        ];
        let misplaced = sections.into_iter().flat_map(|(kind, ids)| misplaced(kind, ids, pipeline));
        problems.extend(misplaced);
    }
}

fn misplaced(
    kind: &'static Kind,
    ids: &[ComponentId],
    pipeline: &PipelineConfig,
) -> impl Iterator<Item = Diagnostic> {
    ids.iter().filter_map(move |id| {
        let signal = pipeline.signal.name();
        // What the catalogue lacks has been reported already.
        let found = kind.find("", id.component_type()).ok()?;
        let taken: Vec<&str> = found.stability.iter().map(|(taken, _)| *taken).collect();
        if taken.contains(&signal) {
            return None;
        }
        let path = format!("service::pipelines::{}", pipeline.name);
        let reason = format!("{} \"{id}\" takes {} and no {signal}", kind.noun, taken.join(", "));
        Some(Diagnostic::new(path, reason).at(&pipeline.place))
    })
}
