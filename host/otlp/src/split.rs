//! Cuts a request into smaller ones, on bytes. (Merging needs no code: two encoded requests, one after the other, are one.)
//!
//! A message that fits into a part goes there as it stands. One that does not is opened: its children, which are messages or
//! items, go into this part and the next ones, and whatever else it holds (resource, scope, schema URL, a metric's name, unknown
//! fields) comes first in each of them.

use bytes::Bytes;

use crate::codes::Signal;
use crate::count::count;
use crate::frame::{Record, records};
use crate::wire::{Result, put_len, varint_len};

/// The most that one request may hold; zero is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SplitLimits {
    /// Spans, log records or data points.
    pub items: u64,
    /// Bytes of the encoded request, with what is repeated around its items.
    pub bytes: u64,
}

/// One of the requests that a split makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The encoded `Export*ServiceRequest`.
    pub payload: Bytes,
    /// Spans, log records or data points in it.
    pub items: u64,
}

/// Cuts an encoded `Export*ServiceRequest`. The parts come in order; together they hold every item once, in the order of
/// the original, below the same resource, scope and metric. An error if the framing down to the items is broken; what is inside of
/// the items is not looked at.
///
/// - A request within the limits is the only part, with the same bytes, which are not copied. So is one without items, and one of
///   profiles, whose messages refer to each other.
/// - Each part is filled as far as it goes. An item that is larger than a part may be has a part of its own.
/// - A metric with data of two kinds, of which decoders keep one, counts as its data points but is not cut.
///
/// The work is that of reading the request and of writing the parts. The parts together may be much larger than the request
/// if what is repeated is large, so they are made one at a time.
pub fn split(signal: Signal, payload: &Bytes, limits: SplitLimits) -> Result<Split> {
    let items = count(signal, payload)?;
    let mut split = Split { signal, limits, whole: None, levels: Vec::new(), items: 0 };
    let fits = limits.allow(items, payload.len() as u64);
    if fits || items == 0 || signal == Signal::Profiles {
        split.whole = Some(Part { payload: payload.clone(), items });
    } else {
        split.levels.push(Level::new(signal, 0, 0, payload.clone()));
    }
    Ok(split)
}

impl SplitLimits {
    fn allow(self, items: u64, bytes: u64) -> bool {
        (self.items == 0 || items <= self.items) && (self.bytes == 0 || bytes <= self.bytes)
    }
}

/// The parts of a request, made one at a time.
#[derive(Debug)]
pub struct Split {
    signal: Signal,
    limits: SplitLimits,
    /// The request, if it is not to be cut.
    whole: Option<Part>,
    /// The messages that are open, from the request inwards.
    levels: Vec<Level>,
    /// Items in the part that is being made.
    items: u64,
}

impl Iterator for Split {
    type Item = Part;

    fn next(&mut self) -> Option<Part> {
        if let Some(whole) = self.whole.take() {
            return Some(whole);
        }
        loop {
            let depth = self.levels.len().checked_sub(1)?;
            let Some(child) = self.levels[depth].next_child(self.signal, depth) else {
                if depth == 0 {
                    return self.last_part();
                }
                self.close();
                continue;
            };
            let items = items(self.signal, depth + 1, &self.levels[depth].message, &child.record);
            if self.fits(items, child.len()) {
                self.take(&child, items);
            } else if let Some(inner) = self.opened(depth + 1, &child) {
                self.levels[depth].at = child.record.end;
                self.levels.push(inner);
            } else if self.levels.iter().all(Level::is_bare) {
                self.take(&child, items);
            } else {
                return Some(self.part());
            }
        }
    }
}

impl Split {
    /// Whether the part that is being made may grow by a child of the innermost message.
    fn fits(&self, items: u64, len: u64) -> bool {
        let bytes = self.levels.iter().rev().fold(len, |inner, level| {
            let body = level.out.len() as u64 + inner;
            if level.number == 0 { body } else { 1 + varint_len(body) as u64 + body }
        });
        self.limits.allow(self.items + items, bytes)
    }

    /// Puts a child of the innermost message into the part, as it stands.
    fn take(&mut self, child: &Child, items: u64) {
        self.items += items;
        if let Some(level) = self.levels.last_mut() {
            level.out.extend_from_slice(&level.message[child.start as usize..child.record.end as usize]);
            level.at = child.record.end;
        }
    }

    /// The message at this depth, opened; None if it is an item, or has nothing to be cut at.
    fn opened(&self, depth: usize, child: &Child) -> Option<Level> {
        let Record { number, body, end, .. } = child.record;
        let mut message = self.levels.last()?.message.slice(body as usize..end as usize);
        if depth == METRIC {
            message = with_joined_data(message)?;
        }
        let numbers = children(self.signal, depth);
        let has_children = all_records(&message).any(|(_, record)| record.is_one_of(numbers));
        has_children.then(|| Level::new(self.signal, depth, number, message))
    }

    /// Leaves the innermost message: it has no more children.
    fn close(&mut self) {
        if let (Some(mut closed), Some(parent)) = (self.levels.pop(), self.levels.last_mut()) {
            closed.give_to(parent);
        }
    }

    /// Ends the part that is being made. The open messages stay open, for the next one.
    fn part(&mut self) -> Part {
        for depth in (1..self.levels.len()).rev() {
            let (outer, inner) = self.levels.split_at_mut(depth);
            if let (Some(parent), Some(level)) = (outer.last_mut(), inner.first_mut()) {
                level.give_to(parent);
            }
        }
        let payload = self.levels.first_mut().map(Level::take_out).unwrap_or_default();
        Part { payload: payload.into_boxed_slice().into(), items: std::mem::take(&mut self.items) }
    }

    fn last_part(&mut self) -> Option<Part> {
        let is_bare = self.levels.iter().all(Level::is_bare);
        let part = self.part();
        self.levels.clear();
        (!is_bare).then_some(part)
    }
}

/// A message that is open: some of its children are in former parts, some in this one, some to come.
#[derive(Debug)]
struct Level {
    /// Its field number in the message around it; zero for the request.
    number: u32,
    /// Its payload.
    message: Bytes,
    /// Where its next record starts.
    at: u32,
    /// Its payload in the part that is being made: the envelope, then children.
    out: Vec<u8>,
    /// How long the envelope is, which is everything but the children.
    envelope: usize,
}

/// A child of an open message, with the place of its tag.
struct Child {
    start: u32,
    record: Record,
}

impl Child {
    fn len(&self) -> u64 {
        u64::from(self.record.end - self.start)
    }
}

impl Level {
    fn new(signal: Signal, depth: usize, number: u32, message: Bytes) -> Self {
        let mut out = Vec::new();
        for (start, record) in all_records(&message) {
            if !record.is_one_of(children(signal, depth)) {
                out.extend_from_slice(&message[start as usize..record.end as usize]);
            }
        }
        let envelope = out.len();
        Level { number, message, at: 0, out, envelope }
    }

    /// The next child, without going past it.
    fn next_child(&mut self, signal: Signal, depth: usize) -> Option<Child> {
        let numbers = children(signal, depth);
        let end = self.message.len() as u32;
        let found = records(&self.message, self.at, end).find(|(_, record)| record.is_one_of(numbers));
        let (start, record) = found?;
        self.at = start;
        Some(Child { start, record })
    }

    /// Whether nothing but the envelope stands in the part.
    fn is_bare(&self) -> bool {
        self.out.len() == self.envelope
    }

    /// Adds what stands in the part to the message around this one, if there is something, and starts anew.
    fn give_to(&mut self, parent: &mut Level) {
        if !self.is_bare() {
            put_len(&mut parent.out, self.number, &self.out);
            self.out.truncate(self.envelope);
        }
    }

    /// Hands out what stands in the part, and starts anew.
    fn take_out(&mut self) -> Vec<u8> {
        let bare = self.out.get(..self.envelope).unwrap_or_default().to_vec();
        std::mem::replace(&mut self.out, bare)
    }
}

/// How deep a metric stands.
const METRIC: usize = 3;

/// Gauge, sum, histogram, exponential histogram and summary.
const METRIC_DATA: &[u32] = &[5, 7, 9, 10, 11];

/// The field numbers of what a message at this depth is cut at; none for items. The request is at 0.
const fn children(signal: Signal, depth: usize) -> &'static [u32] {
    match (signal, depth) {
        (_, 0) => &[1],
        (_, 1 | 2) => &[2],
        (Signal::Metrics, METRIC) => METRIC_DATA,
        (Signal::Metrics, 4) => &[1],
        _ => &[],
    }
}

impl Record {
    /// Whether it is a message in one of these fields.
    fn is_one_of(&self, numbers: &[u32]) -> bool {
        self.length_at.is_some() && numbers.contains(&self.number)
    }
}

/// The items in a message at this depth.
fn items(signal: Signal, depth: usize, source: &[u8], message: &Record) -> u64 {
    let numbers = children(signal, depth);
    if numbers.is_empty() {
        return 1;
    }
    records(source, message.body, message.end)
        .filter(|(_, record)| record.is_one_of(numbers))
        .map(|(_, record)| items(signal, depth + 1, source, &record))
        .sum()
}

/// A metric with its data in one record, which is how decoders take several of one kind. None if there are several kinds.
fn with_joined_data(metric: Bytes) -> Option<Bytes> {
    let is_data = |record: &Record| record.is_one_of(METRIC_DATA);
    let mut kinds =
        all_records(&metric).filter(|(_, record)| is_data(record)).map(|(_, record)| record.number);
    let Some(kind) = kinds.next() else { return Some(metric.clone()) };
    let (mut is_split, mut rest, mut data) = (false, Vec::new(), Vec::new());
    for other in kinds {
        if other != kind {
            return None;
        }
        is_split = true;
    }
    if !is_split {
        return Some(metric.clone());
    }
    for (start, record) in all_records(&metric) {
        let (out, from) = if is_data(&record) { (&mut data, record.body) } else { (&mut rest, start) };
        out.extend_from_slice(&metric[from as usize..record.end as usize]);
    }
    put_len(&mut rest, kind, &data);
    Some(rest.into())
}

fn all_records(message: &[u8]) -> impl Iterator<Item = (u32, Record)> {
    records(message, 0, message.len() as u32)
}
