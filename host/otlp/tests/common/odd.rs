//! The same request in other bytes: all that the wire format allows and that hardly any sender does. Unknown fields
//! at every level, fields in odd order, lengths and numbers longer than they need be, lists unpacked or in
//! several records, a resource in two records, zeros that are written.

use weir_otlp::Signal;

use super::dice::Dice;
use super::outline::{Message, UNKNOWN, records, varint};

/// The request, re-encoded. It decodes to the same message.
pub fn request(dice: &mut Dice, signal: Signal, request: &[u8]) -> Vec<u8> {
    let how = How {
        unknown: dice.pick(&[0, 0, 15, 40]),
        swap: dice.pick(&[0, 30]),
        split: dice.pick(&[0, 40]),
        zero: dice.pick(&[0, 20]),
        pad: dice.pick(&[0, 0, 10]),
    };
    how.message(dice, Message::Request(signal), request)
}

/// How often, in percent.
struct How {
    unknown: usize,
    swap: usize,
    split: usize,
    zero: usize,
    pad: usize,
}

struct Part {
    number: u32,
    wire: u8,
    value: Vec<u8>,
}

impl How {
    fn message(&self, dice: &mut Dice, message: Message, bytes: &[u8]) -> Vec<u8> {
        let mut parts = Vec::new();
        for record in records(bytes) {
            let inner = message.child(record.number);
            let value = match inner {
                Some(inner) => self.message(dice, inner, record.value),
                None => record.value.to_vec(),
            };
            let part = Part { number: record.number, wire: record.wire, value };
            self.split(dice, message, part, &mut parts);
        }
        self.add_zeros(dice, message, &mut parts);
        if message != Message::Any {
            self.swap(dice, &mut parts);
        }
        self.add_unknown(dice, &mut parts);
        let mut out = Vec::new();
        for part in parts {
            self.put(dice, u64::from(part.number << 3 | u32::from(part.wire)), &mut out);
            match part.wire {
                0 => {
                    let number = varint(&part.value, &mut 0);
                    self.put(dice, number, &mut out);
                    continue;
                }
                2 => self.put(dice, part.value.len() as u64, &mut out),
                _ => {}
            }
            out.extend_from_slice(&part.value);
        }
        out
    }

    /// One record of a message that may come in several, or of a list, becomes two or many.
    fn split(&self, dice: &mut Dice, message: Message, part: Part, parts: &mut Vec<Part>) {
        use Message::*;
        let may = dice.percent(self.split);
        match (message, part.number) {
            (Group(_) | ScopeGroup(_), 1) | (Span, 15) | (Exponential, 8 | 9) if may => {
                let count = records(&part.value).len();
                let at = if count == 0 { 0 } else { dice.below(count) };
                let cut = part.value.len() - rest_after(&part.value, at).len();
                let (first, second) = part.value.split_at(cut);
                for value in [first, second] {
                    parts.push(Part { number: part.number, wire: 2, value: value.to_vec() });
                }
            }
            (Histogram, 6 | 7) if may => {
                for one in part.value.chunks(8) {
                    let wire = if dice.percent(50) { 1 } else { 2 };
                    parts.push(Part { number: part.number, wire, value: one.to_vec() });
                }
            }
            (Buckets, 2) if may => {
                let mut pos = 0;
                while pos < part.value.len() {
                    let from = pos;
                    varint(&part.value, &mut pos);
                    let wire = if dice.percent(50) { 0 } else { 2 };
                    parts.push(Part { number: part.number, wire, value: part.value[from..pos].to_vec() });
                }
            }
            _ => parts.push(part),
        }
    }

    /// Writes a zero or nothing where a field is absent.
    fn add_zeros(&self, dice: &mut Dice, message: Message, parts: &mut Vec<Part>) {
        use Message::*;
        let zeros: &[(u32, u8)] = match message {
            Group(_) | ScopeGroup(_) => &[(3, 2)],
            Resource => &[(2, 0)],
            Scope => &[(1, 2), (2, 2), (4, 0)],
            Span => {
                &[(1, 2), (2, 2), (3, 2), (4, 2), (5, 2), (6, 0), (7, 1), (8, 1), (10, 0), (15, 2), (16, 5)]
            }
            Event => &[(1, 1), (2, 2), (4, 0)],
            Link => &[(1, 2), (2, 2), (3, 2), (5, 0), (6, 5)],
            Status => &[(2, 2), (3, 0)],
            Log => &[(1, 1), (2, 0), (3, 2), (7, 0), (8, 5), (9, 2), (10, 2), (11, 1), (12, 2)],
            Metric => &[(1, 2), (2, 2), (3, 2)],
            Number => &[(2, 1), (3, 1), (8, 0)],
            Histogram => &[(2, 1), (4, 1), (6, 2), (7, 2), (10, 0)],
            Exponential => &[(2, 1), (4, 1), (6, 0), (7, 1), (14, 1)],
            Summary => &[(3, 1), (4, 1), (5, 1), (8, 0)],
            Quantile => &[(1, 1), (2, 1)],
            Exemplar => &[(2, 1), (4, 2), (5, 2)],
            Pair => &[(1, 2)],
            _ => &[],
        };
        for &(number, wire) in zeros {
            if dice.percent(self.zero) && parts.iter().all(|part| part.number != number) {
                let len = [1, 8, 0, 0, 0, 4][usize::from(wire)];
                let at = dice.below(parts.len() + 1);
                parts.insert(at, Part { number, wire, value: vec![0; len] });
            }
        }
    }

    /// Swaps neighbours that are not the same field: what is repeated keeps its order.
    fn swap(&self, dice: &mut Dice, parts: &mut [Part]) {
        for at in 1..parts.len() {
            if parts[at - 1].number != parts[at].number && dice.percent(self.swap) {
                parts.swap(at - 1, at);
            }
        }
    }

    fn add_unknown(&self, dice: &mut Dice, parts: &mut Vec<Part>) {
        while dice.percent(self.unknown) {
            let (wire, value) = match dice.below(5) {
                0 => (0, vec![dice.byte() & 0x7f]),
                1 => (1, vec![0xff; 8]),
                2 => (5, vec![0xfe; 4]),
                // A group with a varint in it.
                3 => (3, vec![0x08, dice.byte() & 0x7f, 0xc4, 0x3e]),
                _ => (2, (0..dice.below(12)).map(|_| dice.byte()).collect()),
            };
            let at = dice.below(parts.len() + 1);
            parts.insert(at, Part { number: UNKNOWN, wire, value });
        }
    }

    /// A varint, maybe longer than it need be.
    fn put(&self, dice: &mut Dice, mut value: u64, out: &mut Vec<u8>) {
        let from = out.len();
        while value >= 0x80 {
            out.push(value as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
        if out.len() - from < 9 && dice.percent(self.pad) {
            *out.last_mut().unwrap() |= 0x80;
            let more = dice.below(9 - (out.len() - from));
            out.extend(vec![0x80; more]);
            out.push(0);
        }
    }
}

/// What stands behind the first records of a message.
fn rest_after(bytes: &[u8], count: usize) -> &[u8] {
    match records(bytes).get(count) {
        None => &[],
        // A value's slice lies in the message; its tag and length stand before it.
        Some(_) => {
            let before: usize = (0..count).map(|at| whole_len(bytes, at)).sum();
            &bytes[before..]
        }
    }
}

fn whole_len(bytes: &[u8], at: usize) -> usize {
    let all = records(bytes);
    let end = |place: usize| all[place].value.as_ptr() as usize + all[place].value.len();
    let start = if at == 0 { bytes.as_ptr() as usize } else { end(at - 1) };
    end(at) - start
}
