//! A request's messages as records of raw bytes: enough of OTLP's shape to find messages, items and unknown fields.
//! Written apart from the crate's own tables. Takes valid requests only.

use weir_otlp::Signal;

/// The messages that hold other messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    Request(Signal),
    Group(Signal),
    ScopeGroup(Signal),
    Resource,
    Scope,
    Span,
    Event,
    Link,
    Status,
    Log,
    Metric,
    Numbers,
    Histograms,
    Exponentials,
    Summaries,
    Number,
    Histogram,
    Exponential,
    Buckets,
    Summary,
    Quantile,
    Exemplar,
    Pair,
    Any,
    Array,
    Map,
}

impl Message {
    /// What message a field is, if it is one.
    pub fn child(self, number: u32) -> Option<Message> {
        use Message::*;
        Some(match (self, number) {
            (Request(signal), 1) => Group(signal),
            (Group(_), 1) => Resource,
            (Group(signal), 2) => ScopeGroup(signal),
            (ScopeGroup(_), 1) => Scope,
            (ScopeGroup(Signal::Traces), 2) => Span,
            (ScopeGroup(Signal::Metrics), 2) => Metric,
            (ScopeGroup(_), 2) => Log,
            (Span, 11) => Event,
            (Span, 13) => Link,
            (Span, 15) => Status,
            (Log, 5) | (Pair, 2) | (Array, 1) => Any,
            (Metric, 5 | 7) => Numbers,
            (Metric, 9) => Histograms,
            (Metric, 10) => Exponentials,
            (Metric, 11) => Summaries,
            (Numbers, 1) => Number,
            (Histograms, 1) => Histogram,
            (Exponentials, 1) => Exponential,
            (Summaries, 1) => Summary,
            (Number, 5) | (Histogram, 8) | (Exponential, 11) => Exemplar,
            (Exponential, 8 | 9) => Buckets,
            (Summary, 6) => Quantile,
            (Resource | Exponential | Map, 1) | (Scope | Event, 3) | (Link, 4) | (Log, 6) => Pair,
            (Span | Histogram, 9) | (Number | Summary | Exemplar, 7) | (Metric, 12) => Pair,
            (Any, 5) => Array,
            (Any, 6) => Map,
            _ => return None,
        })
    }

    pub fn is_item(self) -> bool {
        use Message::*;
        matches!(self, Span | Log | Number | Histogram | Exponential | Summary)
    }
}

/// One record: tag and value.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    pub number: u32,
    pub wire: u8,
    /// The value without a length: of a group, everything behind its tag.
    pub value: &'a [u8],
}

pub fn varint(bytes: &[u8], pos: &mut usize) -> u64 {
    let mut value = 0;
    for shift in (0..70).step_by(7) {
        let byte = bytes[*pos];
        *pos += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}

pub fn records(bytes: &[u8]) -> Vec<Record<'_>> {
    let mut records = Vec::new();
    let mut pos = 0;
    while pos < bytes.len() {
        records.push(record(bytes, &mut pos));
    }
    records
}

fn record<'a>(bytes: &'a [u8], pos: &mut usize) -> Record<'a> {
    let tag = varint(bytes, pos) as u32;
    let from = *pos;
    let (number, wire) = (tag >> 3, (tag & 7) as u8);
    match wire {
        0 => drop(varint(bytes, pos)),
        1 => *pos += 8,
        2 => {
            let len = varint(bytes, pos) as usize;
            let from = *pos;
            *pos += len;
            return Record { number, wire, value: &bytes[from..*pos] };
        }
        3 => while record(bytes, pos).wire != 4 {},
        4 => {}
        _ => *pos += 4,
    }
    Record { number, wire, value: &bytes[from..*pos] }
}

/// One item of a request.
#[derive(Debug, PartialEq)]
pub struct Item<'a> {
    pub payload: &'a [u8],
    /// The unknown fields in it, other than those inside of attributes and bodies.
    pub unknown: Vec<&'a [u8]>,
}

#[derive(Debug, Default, PartialEq)]
pub struct Outline<'a> {
    pub items: Vec<Item<'a>>,
    /// The unknown fields outside of items, attributes and bodies.
    pub unknown: Vec<&'a [u8]>,
}

pub fn outline(signal: Signal, request: &[u8]) -> Outline<'_> {
    let mut outline = Outline::default();
    envelope(Message::Request(signal), request, &mut outline);
    outline
}

fn envelope<'a>(message: Message, bytes: &'a [u8], outline: &mut Outline<'a>) {
    for record in records(bytes) {
        match message.child(record.number) {
            Some(item) if item.is_item() => {
                let mut unknown = Vec::new();
                collect_unknown(item, record.value, &mut unknown);
                outline.items.push(Item { payload: record.value, unknown });
            }
            Some(inner) if !matches!(inner, Message::Pair | Message::Any) => {
                envelope(inner, record.value, outline);
            }
            None if record.number >= UNKNOWN => outline.unknown.push(record.value),
            _ => {}
        }
    }
}

fn collect_unknown<'a>(message: Message, bytes: &'a [u8], unknown: &mut Vec<&'a [u8]>) {
    for record in records(bytes) {
        match message.child(record.number) {
            Some(Message::Pair | Message::Any) => {}
            Some(inner) => collect_unknown(inner, record.value, unknown),
            None if record.number >= UNKNOWN => unknown.push(record.value),
            None => {}
        }
    }
}

/// The number of a field that no version of OTLP has.
pub const UNKNOWN: u32 = 1000;
