//! Protobuf messages, written forwards before their lengths are known.

use crate::wire::{put_tag, put_varint, varint_len, wire_type};

/// Bytes without the lengths of messages, and the lengths apart. They are put in at the end, in one pass: inserting
/// each when its message ends would move the bytes of a deep message once for every level.
#[derive(Default)]
pub(super) struct Body {
    pub bytes: Vec<u8>,
    lengths: Vec<Length>,
    /// How many bytes the lengths that are known will take.
    prefixes: usize,
}

/// The length of a message.
struct Length {
    /// Where it belongs in the bytes.
    at: u32,
    len: u32,
}

/// A message that has been begun.
pub(super) struct Open {
    place: usize,
    /// Where its tag stands.
    record: usize,
    start: usize,
    prefixes: usize,
}

impl Body {
    /// Begins a message, or a packed list.
    pub(super) fn open(&mut self, number: u32) -> Open {
        let record = self.bytes.len();
        put_tag(&mut self.bytes, number, wire_type::LEN);
        let start = self.bytes.len();
        // Positions stay below 2^32, as the text is far shorter.
        self.lengths.push(Length { at: start as u32, len: 0 });
        Open { place: self.lengths.len() - 1, record, start, prefixes: self.prefixes }
    }

    pub(super) fn close(&mut self, open: Open) {
        let inner = self.prefixes - open.prefixes;
        let len = self.bytes.len() - open.start + inner;
        if let Some(length) = self.lengths.get_mut(open.place) {
            length.len = len as u32;
        }
        self.prefixes += varint_len(len as u64);
    }

    /// Ends a packed list, which is left out if it is empty.
    pub(super) fn close_list(&mut self, open: Open) {
        if self.bytes.len() > open.start {
            self.close(open);
        } else {
            self.bytes.truncate(open.record);
            self.lengths.truncate(open.place);
        }
    }

    /// The bytes with the lengths in their places.
    pub(super) fn finish(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.bytes.len() + self.prefixes);
        let mut from = 0;
        for Length { at, len } in self.lengths {
            let at = at as usize;
            out.extend_from_slice(self.bytes.get(from..at).unwrap_or_default());
            put_varint(&mut out, len.into());
            from = at;
        }
        out.extend_from_slice(self.bytes.get(from..).unwrap_or_default());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::put_len;

    #[test]
    fn lengths_of_one_and_more_bytes_are_put_in_from_inside_out() {
        for size in [0, 1, 100, 127, 128, 129, 16_383, 16_384, 20_000] {
            let mut body = Body::default();
            let outer = body.open(1);
            let inner = body.open(20);
            body.bytes.extend(vec![7; size]);
            body.close(inner);
            let empty = body.open(3);
            body.close(empty);
            let list = body.open(4);
            body.close_list(list);
            body.close(outer);

            let mut expected_inner = Vec::new();
            put_len(&mut expected_inner, 20, &vec![7; size]);
            put_len(&mut expected_inner, 3, &[]);
            let mut expected = Vec::new();
            put_len(&mut expected, 1, &expected_inner);
            assert_eq!(body.finish(), expected);
        }
    }
}
