//! One log record as the text of a line, as the Collector's exporter lays it out.

use std::io::Write;

use weir_otlp::read::{KeyValue, LogRecord, Scope, Value, put_json_text};

use super::PUSH_BYTES_MAX;
use super::hints::{Format, Known};
use super::logfmt;
use super::refused::Refused;

/// What a line is made of.
pub(super) struct Source<'s, 'a> {
    pub record: &'s LogRecord<'a>,
    pub attributes: &'s Known<'a>,
    pub scope: &'s Scope<'a>,
    /// The keys of attributes that are labels, and so are not in the line.
    pub promoted: &'s [&'a str],
}

/// The resource as it stands in each line of it: written once a format, as most of its records want the same.
#[derive(Default)]
pub(super) struct ResourceText {
    json: Option<Vec<u8>>,
    logfmt: Option<Vec<u8>>,
}

/// The ids of a record, in hexadecimal digits, if it has valid ones.
#[derive(Clone, Copy)]
pub(super) struct Ids {
    pub trace: Option<[u8; 32]>,
    pub span: Option<[u8; 16]>,
}

impl Ids {
    pub(super) fn of(record: &LogRecord<'_>) -> Self {
        Ids { trace: hex::<16, 32>(record.trace_id), span: hex::<8, 16>(record.span_id) }
    }

    /// Those that are lacking, by the attributes in which loggers put them that know nothing of OpenTelemetry's, such as zap.
    pub(super) fn or_of(self, attributes: &Known<'_>) -> Self {
        Ids {
            trace: self.trace.or_else(|| digits(attributes.text("trace_id")?)),
            span: self.span.or_else(|| digits(attributes.text("span_id")?)),
        }
    }

    pub(super) fn is_any(&self) -> bool {
        self.trace.is_some() || self.span.is_some()
    }

    /// The digits of those that there are, each behind its name.
    pub(super) fn named_as(
        &self,
        trace: &'static str,
        span: &'static str,
    ) -> impl Iterator<Item = (&'static str, &[u8])> {
        let trace = self.trace.as_ref().map(|digits| (trace, digits.as_slice()));
        let span = self.span.as_ref().map(|digits| (span, digits.as_slice()));
        trace.into_iter().chain(span)
    }
}

/// The digits of an id of the right length that is not all zeros, which is how one says that there is none.
fn hex<const BYTES: usize, const DIGITS: usize>(id: &[u8]) -> Option<[u8; DIGITS]> {
    if id.len() != BYTES || id.iter().all(|&byte| byte == 0) {
        return None;
    }
    let mut digits = [0; DIGITS];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(id) {
        for (digit, value) in pair.iter_mut().zip([byte >> 4, byte & 15]) {
            *digit = b"0123456789abcdef".get(usize::from(value)).copied().unwrap_or(b'0');
        }
    }
    Some(digits)
}

/// An id that is written already.
fn digits<const DIGITS: usize>(text: &str) -> Option<[u8; DIGITS]> {
    let digits: [u8; DIGITS] = text.as_bytes().try_into().ok()?;
    let is_id = digits.iter().all(u8::is_ascii_hexdigit) && digits.iter().any(|&digit| digit != b'0');
    is_id.then(|| digits.map(|digit| digit.to_ascii_lowercase()))
}

impl ResourceText {
    /// Forgets the resource.
    pub(super) fn clear(&mut self) {
        *self = ResourceText::default();
    }

    /// The resource without what is a label of all its records.
    pub(super) fn get(
        &mut self,
        format: Format,
        resource: &Known<'_>,
        promoted: &[&str],
    ) -> Result<&[u8], Refused> {
        let slot = match format {
            Format::Json => &mut self.json,
            Format::Logfmt => &mut self.logfmt,
            Format::Raw => return Ok(&[]),
        };
        if slot.is_none() {
            let mut text = Vec::new();
            put_resource(&mut text, format, resource, promoted)?;
            *slot = Some(text);
        }
        Ok(slot.as_deref().unwrap_or_default())
    }
}

/// Appends the resource's part of a line.
pub(super) fn put_resource(
    out: &mut Vec<u8>,
    format: Format,
    resource: &Known<'_>,
    promoted: &[&str],
) -> Result<(), Refused> {
    match format {
        Format::Json => put_object(out, "resources", resource.without(promoted))?,
        Format::Logfmt => logfmt::put_attributes(out, "resource_", resource.without(promoted))?,
        Format::Raw => {}
    }
    bounded(out)
}

/// Escapes make six bytes of one.
fn bounded(text: &[u8]) -> Result<(), Refused> {
    if text.len() > PUSH_BYTES_MAX { Err(Refused::TooLarge) } else { Ok(()) }
}

/// Writes a line in place of what stands in `out`. `resource` is the resource's part of it.
pub(super) fn put_line(
    out: &mut Vec<u8>,
    format: Format,
    source: &Source<'_, '_>,
    ids: Ids,
    resource: &[u8],
) -> Result<(), Refused> {
    out.clear();
    match format {
        Format::Json => put_json(out, source, ids, resource)?,
        Format::Logfmt => logfmt::put_line(out, source, ids, resource)?,
        Format::Raw => source.record.body.put_text(out)?,
    }
    bounded(out)
}

fn put_json(out: &mut Vec<u8>, source: &Source<'_, '_>, ids: Ids, resource: &[u8]) -> Result<(), Refused> {
    let Source { record, attributes, scope, promoted } = source;
    out.push(b'{');
    if !matches!(record.body, Value::Empty) {
        put_name(out, "body");
        record.body.put_json(out)?;
    }
    for (name, digits) in ids.named_as("traceid", "spanid") {
        put_name(out, name);
        out.push(b'"');
        out.extend_from_slice(digits);
        out.push(b'"');
    }
    for (name, text) in [("severity", record.severity_text), ("event_name", record.event_name)] {
        if !text.is_empty() {
            put_name(out, name);
            put_json_text(out, text);
        }
    }
    if record.flags != 0 {
        put_name(out, "flags");
        // Writing to memory does not fail.
        let _ = write!(out, "{}", record.flags);
    }
    put_object(out, "attributes", attributes.without(promoted))?;
    if !resource.is_empty() {
        if out.len() == 1 {
            // It begins with a comma.
            out.extend_from_slice(resource.get(1..).unwrap_or_default());
        } else {
            out.extend_from_slice(resource);
        }
    }
    if !scope.name.is_empty() {
        put_name(out, "instrumentation_scope");
        out.extend_from_slice(b"{\"name\":");
        put_json_text(out, scope.name);
        if !scope.version.is_empty() {
            out.extend_from_slice(b",\"version\":");
            put_json_text(out, scope.version);
        }
        out.push(b'}');
    }
    out.push(b'}');
    Ok(())
}

/// Appends a member's name, behind a comma unless it is the first of the line.
fn put_name(out: &mut Vec<u8>, name: &str) {
    if out.len() != 1 {
        out.push(b',');
    }
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

/// Appends attributes as a member, unless there are none.
fn put_object<'s, 'a: 's>(
    out: &mut Vec<u8>,
    name: &str,
    attributes: impl Iterator<Item = &'s KeyValue<'a>>,
) -> Result<(), Refused> {
    let mut is_first = true;
    for KeyValue { key, value } in attributes {
        if std::mem::take(&mut is_first) {
            put_name(out, name);
            out.push(b'{');
        } else {
            out.push(b',');
        }
        put_json_text(out, key);
        out.push(b':');
        value.put_json(out)?;
    }
    if !is_first {
        out.push(b'}');
    }
    Ok(())
}
