//! What a generation has to show before it takes over: the samples beside its file, and recent live batches.
//!
//! Nothing of a rehearsal leaves it: answers are thrown away, and neither log lines nor counters of the plugin are written.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use weir_otlp::{Signal, json};

use crate::failure::LoadError;
use crate::load::Plugin;
use crate::recent::Recent;
use crate::run;

/// Samples of one plugin. Each is a call.
const SAMPLES_MAX: usize = 64;
/// The size of one, in bytes.
const SAMPLE_BYTES_MAX: u64 = 4 << 20;
/// When the batch of a sample was received, in Unix nanoseconds, unless it says: a sample must come out the same each time.
const SAMPLE_RECEIVED: u64 = 1_800_000_000_000_000_000;

/// `NAME.samples/*.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample<'a> {
    /// When it was received, in Unix nanoseconds.
    received: Option<u64>,
    /// An export request as OTLP/JSON.
    #[serde(borrow)]
    input: &'a RawValue,
    /// The request that must come out; `null` if nothing is to be left.
    #[serde(borrow)]
    output: &'a RawValue,
}

/// The directory of the samples of a plugin's file.
pub(crate) fn directory(plugin: &Path) -> PathBuf {
    plugin.with_extension("samples")
}

/// Runs the plugin over each sample beside its file. Says how many there were.
///
/// # Errors
/// Names the first sample that does not come out as it says, and the first difference.
pub(crate) fn samples(plugin: &Arc<Plugin>, file: &Path) -> Result<usize, LoadError> {
    let files = list(&directory(file)).map_err(|(path, reason)| fault(plugin, path, reason))?;
    let _quiet = plugin.voice().hush();
    for path in &files {
        sample(plugin, path).map_err(|reason| fault(plugin, path.clone(), reason))?;
    }
    Ok(files.len())
}

/// Runs the plugin over batches that its former generation got through. Says how many there were.
///
/// # Errors
/// It fails on one of them.
pub(crate) fn recent(plugin: &Arc<Plugin>, recent: &Recent, received: u64) -> Result<usize, LoadError> {
    let batches = recent.batches();
    let count = batches.len();
    let _quiet = plugin.voice().hush();
    for (signal, payload) in batches {
        run::alone(plugin, signal, payload, received).map_err(|failure| LoadError::Rehearsal {
            plugin: plugin.name.to_string(),
            signal: signal.name(),
            reason: failure.public(),
        })?;
    }
    Ok(count)
}

fn fault(plugin: &Plugin, path: PathBuf, reason: String) -> LoadError {
    LoadError::Sample { plugin: plugin.name.to_string(), path, reason }
}

fn list(directory: &Path) -> Result<Vec<PathBuf>, (PathBuf, String)> {
    if !directory.is_dir() {
        return Ok(Vec::new());
    }
    let fault = |error: std::io::Error| (directory.to_owned(), error.to_string());
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(fault)? {
        let path = entry.map_err(fault)?.path();
        let is_hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
        if !is_hidden && path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
        if files.len() > SAMPLES_MAX {
            return Err((directory.to_owned(), format!("it holds more than {SAMPLES_MAX} samples")));
        }
    }
    files.sort();
    Ok(files)
}

fn sample(plugin: &Arc<Plugin>, path: &Path) -> Result<(), String> {
    let mut text = String::new();
    fs::File::open(path)
        .and_then(|file| file.take(SAMPLE_BYTES_MAX + 1).read_to_string(&mut text))
        .map_err(|error| error.to_string())?;
    if text.len() as u64 > SAMPLE_BYTES_MAX {
        return Err("it is larger than 4 MiB".to_owned());
    }
    let sample: Sample<'_> = serde_json::from_str(&text).map_err(|error| {
        format!("expected {{\"input\": OTLP/JSON request, \"output\": OTLP/JSON request or null}}: {error}")
    })?;
    let signal = signal_of(sample.input.get())
        .ok_or("input has none of resourceSpans, resourceMetrics and resourceLogs")?;
    let request = |part: &str, text: &RawValue| {
        json::decode(signal, text.get().as_bytes()).map_err(|error| format!("{part}: {error}"))
    };
    let input = request("input", sample.input)?;
    let expected = match sample.output.get().trim() {
        "null" => Vec::new(),
        _ => request("output", sample.output)?,
    };
    let received = sample.received.unwrap_or(SAMPLE_RECEIVED);
    let found = run::alone(plugin, signal, Bytes::from(input), received).map_err(|failure| {
        // A sample is no telemetry, so the plugin's own words may be shown.
        format!("the plugin failed ({}): {}", failure.reason.name(), failure.detail)
    })?;
    match json::difference(signal, &expected, &found.unwrap_or_default()) {
        Some(difference) => Err(difference),
        None => Ok(()),
    }
}

/// The signal whose request has this member.
fn signal_of(request: &str) -> Option<Signal> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Members {
        resource_spans: Option<serde::de::IgnoredAny>,
        resource_metrics: Option<serde::de::IgnoredAny>,
        resource_logs: Option<serde::de::IgnoredAny>,
    }
    let members: Members = serde_json::from_str(request).ok()?;
    let signals = [
        (members.resource_spans, Signal::Traces),
        (members.resource_metrics, Signal::Metrics),
        (members.resource_logs, Signal::Logs),
    ];
    signals.into_iter().find_map(|(member, signal)| member.map(|_| signal))
}
