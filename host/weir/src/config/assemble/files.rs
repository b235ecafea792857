//! What concerns the components that read and write files: no two write to one, none gets a signal that it has no words for, and
//! none reads what it writes itself.

use std::collections::BTreeMap;
use std::path::Path;

use glob::{MatchOptions, Pattern};
use weir_otlp::Signal;

use crate::config::at::At;
use crate::config::diagnostic::Diagnostic;
use crate::config::exporter::{ExporterConfig, FileFormat};
use crate::config::id::ComponentId;
use crate::config::receiver::{OtlpJsonFileReceiverConfig, ReceiverConfig};
use crate::config::{Config, PipelineConfig};

/// Checks all of it.
pub(super) fn check(config: &Config, root: &At<'_>, problems: &mut Vec<Diagnostic>) {
    check_paths(config, root, problems);
    for pipeline in &config.pipelines {
        check_profiles(config, pipeline, root, problems);
        check_circle(config, pipeline, root, problems);
    }
}

fn check_paths(config: &Config, root: &At<'_>, problems: &mut Vec<Diagnostic>) {
    let mut written: BTreeMap<&Path, &ComponentId> = BTreeMap::new();
    for (id, exporter) in &config.exporters {
        let ExporterConfig::File(file) = exporter else { continue };
        if let Some(other) = written.insert(&file.path, id) {
            let reason = format!("the file is that of exporters::{other} already");
            problems.push(root.key("exporters").key(&id.to_string()).key("path").problem(reason));
        }
    }
}

/// Nobody has settled yet what profiles look like as OTLP/JSON.
fn check_profiles(config: &Config, pipeline: &PipelineConfig, root: &At<'_>, problems: &mut Vec<Diagnostic>) {
    if pipeline.signal != Signal::Profiles {
        return;
    }
    for id in &pipeline.exporters {
        if let Some(ExporterConfig::File(file)) = config.exporters.get(id)
            && file.format == FileFormat::Json
        {
            let reason = format!(
                "the pipeline {} sends profiles here, which weir cannot write as json; use proto",
                pipeline.name
            );
            problems.push(root.key("exporters").key(&id.to_string()).key("format").problem(reason));
        }
    }
    for id in &pipeline.receivers {
        if let Some(ReceiverConfig::OtlpJsonFile(_)) = config.receivers.get(id) {
            let reason =
                format!("the pipeline {} takes profiles, which are not read from files", pipeline.name);
            problems.push(root.key("receivers").key(&id.to_string()).problem(reason));
        }
    }
}

/// A pipeline that reads what it writes would never come to an end.
fn check_circle(config: &Config, pipeline: &PipelineConfig, root: &At<'_>, problems: &mut Vec<Diagnostic>) {
    for id in &pipeline.receivers {
        let Some(ReceiverConfig::OtlpJsonFile(receiver)) = config.receivers.get(id) else { continue };
        for exporter in &pipeline.exporters {
            let Some(ExporterConfig::File(file)) = config.exporters.get(exporter) else { continue };
            if reads(receiver, &file.path) {
                let reason = format!(
                    "the pipeline {} would read what its exporter {exporter} writes, without end; exclude its file",
                    pipeline.name
                );
                problems.push(root.key("receivers").key(&id.to_string()).key("include").problem(reason));
            }
        }
    }
}

fn reads(receiver: &OtlpJsonFileReceiverConfig, path: &Path) -> bool {
    let options = MatchOptions { require_literal_separator: true, ..MatchOptions::new() };
    let matches =
        |pattern: &str| Pattern::new(pattern).is_ok_and(|pattern| pattern.matches_path_with(path, options));
    receiver.include.iter().any(|glob| matches(glob.as_str()))
        && !receiver.exclude.iter().any(|glob| matches(glob.as_str()))
}
