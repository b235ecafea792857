//! Lists of numbers: packed, one by one, or both in turn.

use super::field::{Body, Field};
use crate::wire::{Reader, Result};

/// The numbers of one field, in order, as 64 bits each. The first error is the last thing that it gives.
#[derive(Clone, Copy)]
pub struct Words<'a> {
    rest: Body<'a>,
    number: u32,
    encoding: Encoding,
    packed: Reader<'a>,
}

/// How each number stands there.
#[derive(Clone, Copy)]
pub(super) enum Encoding {
    Varint,
    Fixed64,
}

impl<'a> Words<'a> {
    pub(super) fn new(body: Body<'a>, number: u32, encoding: Encoding) -> Self {
        Words { rest: body, number, encoding, packed: Reader::EMPTY }
    }

    fn step(&mut self) -> Result<Option<u64>> {
        loop {
            if !self.packed.is_empty() {
                return match self.encoding {
                    Encoding::Varint => self.packed.varint().map(Some),
                    Encoding::Fixed64 => self.packed.fixed64().map(Some),
                };
            }
            if self.rest.0.is_empty() {
                return Ok(None);
            }
            let field = Field::next(&mut self.rest)?;
            if field.number != self.number {
                continue;
            }
            match (field.message(), self.encoding) {
                (Ok(packed), _) => self.packed = packed.0,
                (Err(_), Encoding::Varint) => return field.varint().map(Some),
                (Err(_), Encoding::Fixed64) => return field.fixed64().map(Some),
            }
        }
    }
}

impl Iterator for Words<'_> {
    type Item = Result<u64>;

    fn next(&mut self) -> Option<Result<u64>> {
        let found = self.step();
        if found.is_err() {
            (self.rest, self.packed) = (Body::EMPTY, Reader::EMPTY);
        }
        found.transpose()
    }
}
