//! Finds the messages around the patches of a splice, and computes their new lengths.
//!
//! It needs no schema: a record that contains a patch without being the patch is a message. The patches come
//! in order, so that each byte of a message around them is looked at once.

use crate::splice::{Patch, Scratch};
use crate::tape::NONE;
use crate::wire::{self, varint_len, wire_type};

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
    let Frame { body, end, delta, .. } = *top(frames, stack);
    let old = i64::from(end - body);
    let longer = varint_len((old + delta).max(0) as u64) as i64 - varint_len(old as u64) as i64;
    stack.pop();
    top(frames, stack).delta += delta + longer;
}

/// The message inside `frame` that contains the patch; None if the patch stands directly in `frame`.
fn descend(source: &[u8], frame: &mut Frame, patch: &Patch) -> Option<Frame> {
    if patch.frame == frame.body && frame.length_at != 0 {
        return None;
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
struct Record {
    number: u32,
    /// Where the length stands, if it has one.
    length_at: Option<u32>,
    body: u32,
    end: u32,
}

/// The record that starts at `at`. The walk has checked the source, so that this fails only on a wrong `at`.
fn record(source: &[u8], at: u32) -> Option<Record> {
    let mut pos = at as usize;
    let end = source.len();
    let tag = wire::tag(source, &mut pos, end).ok()?;
    let number = tag >> 3;
    if (tag & 7) as u8 == wire_type::LEN {
        let length_at = pos as u32;
        let stop = wire::length(source, &mut pos, end).ok()?;
        return Some(Record { number, length_at: Some(length_at), body: pos as u32, end: stop as u32 });
    }
    let body = pos as u32;
    wire::skip(source, &mut pos, end, tag, 0).ok()?;
    Some(Record { number, length_at: None, body, end: pos as u32 })
}

/// Where the record ends that starts at `at`.
pub(crate) fn record_end(source: &[u8], at: u32) -> u32 {
    record(source, at).map_or(source.len() as u32, |record| record.end)
}

/// Where the payload of the record starts that starts at `at`.
pub(crate) fn payload_start(source: &[u8], at: u32) -> u32 {
    record(source, at).map_or(source.len() as u32, |record| record.body)
}

/// The payload of the first length-delimited field with this number in a message.
pub(crate) fn find(source: &[u8], body: u32, end: u32, number: u32) -> Option<(u32, u32)> {
    let mut at = body;
    while at < end {
        let record = record(source, at)?;
        if record.number == number && record.length_at.is_some() {
            return Some((record.body, record.end));
        }
        at = record.end;
    }
    None
}
