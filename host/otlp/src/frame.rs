//! Finds the messages around the patches of a splice, and computes their new lengths.
//!
//! It needs no schema: a record that contains a patch without being the patch is a message. The patches come
//! in order, so that each byte of a message around them is looked at once.

use crate::splice::{Patch, Scratch};
use crate::tape::NONE;
use crate::wire::{Reader, varint_len, wire_type};

/// A message that contains a patch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    /// Where its length stands in the source.
    pub length_at: u32,
    /// Its payload.
    pub body: u32,
    pub end: u32,
    /// By how much the payload grows.
    delta: i64,
    /// How far its records have been looked at.
    cursor: u32,
}

impl Frame {
    pub(crate) fn new_len(&self) -> u64 {
        (i64::from(self.end - self.body) + self.delta).max(0) as u64
    }

    /// Whether a patch lies in the payload.
    fn holds(&self, patch: &Patch) -> bool {
        match patch.frame {
            NONE => self.body <= patch.pos && patch.pos < self.end,
            frame => self.body <= frame && frame <= self.end,
        }
    }
}

/// Fills `scratch.frames`, in the order of the source; the first is the request itself. The patches are sorted.
pub(crate) fn fit(source: &[u8], scratch: &mut Scratch) {
    let Scratch { patches, frames, stack, .. } = scratch;
    frames.clear();
    stack.clear();
    frames.push(Frame { length_at: 0, body: 0, end: source.len() as u32, delta: 0, cursor: 0 });
    stack.push(0);
    for patch in patches.iter() {
        while stack.len() > 1 && !top(frames, stack).holds(patch) {
            close(frames, stack);
        }
        while let Some(inner) = descend(source, top(frames, stack), patch) {
            stack.push(frames.len() as u32);
            frames.push(inner);
        }
        top(frames, stack).delta += i64::from(patch.to - patch.from) - i64::from(patch.end - patch.pos);
    }
    while stack.len() > 1 {
        close(frames, stack);
    }
}

fn top<'a>(frames: &'a mut [Frame], stack: &[u32]) -> &'a mut Frame {
    let index = stack.last().copied().unwrap_or(0);
    &mut frames[index as usize]
}

/// Hands a message's growth, and that of its length, to the message around it.
fn close(frames: &mut [Frame], stack: &mut Vec<u32>) {
    let Frame { length_at, body, delta, .. } = *top(frames, stack);
    // The length in the source may be written longer than it need be.
    let longer = varint_len(top(frames, stack).new_len()) as i64 - i64::from(body - length_at);
    stack.pop();
    top(frames, stack).delta += delta + longer;
}

/// The message inside `frame` that contains the patch; None if the patch stands directly in `frame`.
fn descend(source: &[u8], frame: &mut Frame, patch: &Patch) -> Option<Frame> {
    if patch.frame == frame.body && frame.length_at != 0 {
        return None;
    }
    if patch.near.body == frame.body && patch.near.record > frame.cursor {
        frame.cursor = patch.near.record;
    }
    while frame.cursor < frame.end {
        let at = frame.cursor;
        if patch.frame == NONE && at >= patch.pos {
            return None;
        }
        let record = record(source, at)?;
        if let Some(length_at) = record.length_at {
            let body = record.body;
            let inner = Frame { length_at, body, end: record.end, delta: 0, cursor: body };
            if inner.holds(patch) {
                return Some(inner);
            }
        }
        frame.cursor = record.end;
    }
    None
}

/// One record: tag and value.
pub(crate) struct Record {
    pub(crate) number: u32,
    /// Where the length stands, if it has one.
    pub(crate) length_at: Option<u32>,
    /// The value, or the payload.
    pub(crate) body: u32,
    pub(crate) end: u32,
}

/// The record that starts at `at`. The walk has checked the source, so that this fails only on a wrong `at`.
fn record(source: &[u8], at: u32) -> Option<Record> {
    let mut at = Reader::new(source, at as usize, source.len());
    let tag = at.tag().ok()?;
    let number = tag >> 3;
    if (tag & 7) as u8 == wire_type::LEN {
        let length_at = at.pos() as u32;
        let inner = at.delimited().ok()?;
        let (body, end) = (inner.pos() as u32, inner.end() as u32);
        return Some(Record { number, length_at: Some(length_at), body, end });
    }
    let body = at.pos() as u32;
    at.skip(tag).ok()?;
    Some(Record { number, length_at: None, body, end: at.pos() as u32 })
}

/// The records of a message, one after the other: number, start, payload and end of each that has a length.
pub(crate) fn records(source: &[u8], body: u32, end: u32) -> impl Iterator<Item = (u32, Record)> {
    let mut at = body;
    std::iter::from_fn(move || {
        let start = at;
        let record = record(source, start).filter(|_| start < end)?;
        at = record.end;
        Some((start, record))
    })
}

/// The payload of the record that starts at `at`, from its start to its end.
pub(crate) fn payload(source: &[u8], at: u32) -> (u32, u32) {
    record(source, at).map_or((source.len() as u32, source.len() as u32), |record| (record.body, record.end))
}
