//! From a request's bytes to pushes.

use weir_otlp::read::{LogRecord, ScopeGroup, Value, groups};
use weir_pipeline::Charge;

use super::hints::{ATTRIBUTE_LABELS, Known, RESOURCE_LABELS};
use super::labels::Labels;
use super::line::{Ids, ResourceText, Source, put_line, put_resource};
use super::push::{Gathering, Push};
use super::refused::Refused;
use super::{DefaultLabels, PUSH_BYTES_MAX, PushEncoding};

/// How logs are laid out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub default_labels: DefaultLabels,
    pub encoding: PushEncoding,
    pub structured_metadata: bool,
}

/// What a request comes to.
#[derive(Debug, Default)]
pub(super) struct Converted {
    pub pushes: Vec<Push>,
    /// Logs without a single label, which Loki would refuse.
    pub unlabelled: u64,
}

/// The resource of the records that are being converted.
#[derive(Default)]
struct CurrentResource<'a> {
    attributes: Known<'a>,
    labels: Labels,
    /// The keys of those that are labels of every record.
    promoted: Vec<&'a str>,
    text: ResourceText,
}

/// Room for one record, used again for the next.
#[derive(Default)]
struct CurrentRecord<'a> {
    attributes: Known<'a>,
    labels: Labels,
    promoted: Vec<&'a str>,
    /// The keys of the resource's attributes that are labels of this record, if it says so itself.
    resource_promoted: Vec<&'a str>,
    line: Vec<u8>,
    stream: Vec<u8>,
    tenant: Vec<u8>,
}

struct Conversion<'a, 'c> {
    layout: Layout,
    received_unix_nano: u64,
    resource: CurrentResource<'a>,
    record: CurrentRecord<'a>,
    gathering: Gathering<'c>,
    unlabelled: u64,
}

/// Converts all logs of a request. What it takes is charged.
pub(super) fn convert(
    request: &[u8],
    layout: Layout,
    received_unix_nano: u64,
    charge: &Charge,
) -> Result<Converted, Refused> {
    if request.len() > PUSH_BYTES_MAX {
        return Err(Refused::TooLarge);
    }
    let mut conversion = Conversion {
        layout,
        received_unix_nano,
        resource: CurrentResource::default(),
        record: CurrentRecord::default(),
        gathering: Gathering::new(layout.encoding, charge),
        unlabelled: 0,
    };
    for group in groups(request) {
        let group = group?;
        conversion.resource.attributes.read(group.resource.attributes)?;
        conversion.resource.start(layout.default_labels);
        for scope in group.scopes() {
            let scope = scope?;
            for record in scope.items::<LogRecord<'_>>() {
                conversion.add(&scope, &record?)?;
            }
        }
    }
    Ok(Converted { pushes: conversion.gathering.finish()?, unlabelled: conversion.unlabelled })
}

impl CurrentResource<'_> {
    /// Another one.
    fn start(&mut self, default_labels: DefaultLabels) {
        let CurrentResource { attributes, labels, promoted, text } = self;
        labels.clear();
        promoted.clear();
        text.clear();
        if default_labels.exporter {
            labels.set("exporter", Value::Text("OTLP"));
        }
        if default_labels.job
            && let Some(name) = attributes.text("service.name")
        {
            match attributes.text("service.namespace") {
                Some(namespace) => labels.set("job", Value::Text(&format!("{namespace}/{name}"))),
                None => labels.set("job", Value::Text(name)),
            };
        }
        if default_labels.instance
            && let Some((id, _)) = attributes.find("service.instance.id")
        {
            labels.set("instance", id);
        }
        promote(labels, promoted, attributes, attributes.names(RESOURCE_LABELS));
    }
}

/// Makes labels of the attributes of these names, and notes the keys of those that need not be in the line then.
fn promote<'a>(
    labels: &mut Labels,
    promoted: &mut Vec<&'a str>,
    attributes: &Known<'a>,
    names: impl Iterator<Item = &'a str>,
) {
    for name in names {
        if let Some((value, is_attribute)) = attributes.find(name)
            && labels.set(name, value)
            && is_attribute
        {
            promoted.push(name);
        }
    }
}

impl<'a> Conversion<'a, '_> {
    fn add(&mut self, scope: &ScopeGroup<'a>, log: &LogRecord<'a>) -> Result<(), Refused> {
        let Conversion { layout, resource, record, .. } = self;
        record.attributes.read(log.attributes)?;
        record.label(resource, log, layout.default_labels.level);
        if record.labels.is_empty() {
            self.unlabelled += 1;
            return Ok(());
        }
        let format = resource.attributes.format().or_else(|| record.attributes.format()).unwrap_or_default();
        let ids = Ids::of(log);
        let CurrentRecord { attributes, labels, promoted, resource_promoted, line, stream, tenant } = record;
        let source = Source { record: log, attributes, scope: &scope.scope, promoted };
        if resource_promoted.is_empty() {
            let text = resource.text.get(format, &resource.attributes, &resource.promoted)?;
            put_line(line, format, &source, ids, text)?;
        } else {
            resource_promoted.extend_from_slice(&resource.promoted);
            let mut text = Vec::new();
            put_resource(&mut text, format, &resource.attributes, resource_promoted)?;
            put_line(line, format, &source, ids, &text)?;
        }
        stream.clear();
        labels.put(layout.encoding, stream);
        tenant.clear();
        let hint = resource.attributes.tenant_hint().or_else(|| attributes.tenant_hint());
        let named = hint.and_then(|name| resource.attributes.find(name).or_else(|| attributes.find(name)));
        if let Some((value, _)) = named {
            value.put_text(tenant)?;
        }
        let tenant = std::str::from_utf8(tenant).unwrap_or_default();
        let metadata = layout.structured_metadata.then(|| ids.or_of(attributes)).filter(Ids::is_any);
        self.gathering.add(tenant, stream, time(log, self.received_unix_nano), line, metadata)
    }
}

impl<'a> CurrentRecord<'a> {
    /// Sets the labels of a record, whose attributes are known.
    fn label(&mut self, resource: &CurrentResource<'a>, log: &LogRecord<'a>, sets_level: bool) {
        let CurrentRecord { attributes, labels, promoted, resource_promoted, .. } = self;
        labels.copy_from(&resource.labels);
        promoted.clear();
        resource_promoted.clear();
        // Before the hints, which may take all the room that is left.
        if sets_level && let Some(level) = level(log.severity_number) {
            match attributes.find("level") {
                Some((_, true)) => promote(labels, promoted, attributes, std::iter::once("level")),
                _ => drop(labels.set("level", Value::Text(level))),
            }
        }
        promote(labels, resource_promoted, &resource.attributes, attributes.names(RESOURCE_LABELS));
        promote(labels, promoted, attributes, attributes.names(ATTRIBUTE_LABELS));
    }
}

/// The name of a severity number, which `level` has if the record has none of its own.
fn level(severity_number: i32) -> Option<&'static str> {
    const LEVELS: [&str; 24] = [
        "TRACE", "TRACE2", "TRACE3", "TRACE4", "DEBUG", "DEBUG2", "DEBUG3", "DEBUG4", "INFO", "INFO2",
        "INFO3", "INFO4", "WARN", "WARN2", "WARN3", "WARN4", "ERROR", "ERROR2", "ERROR3", "ERROR4", "FATAL",
        "FATAL2", "FATAL3", "FATAL4",
    ];
    LEVELS.get(usize::try_from(severity_number).ok()?.checked_sub(1)?).copied()
}

/// When it happened, or was seen, or came to weir. What is no time for Loki, which has signed nanoseconds, is none.
fn time(log: &LogRecord<'_>, received_unix_nano: u64) -> u64 {
    let is_time = |time: &u64| (1..=i64::MAX as u64).contains(time);
    let known = [log.time_unix_nano, log.observed_time_unix_nano].into_iter().find(is_time);
    known.unwrap_or(received_unix_nano)
}
