//! The fields of one message, and the messages of one number in it.

use std::marker::PhantomData;

use crate::wire::{Fault, Reader, Result, WireError, wire_type};

/// The bytes of a message.
#[derive(Clone, Copy)]
pub struct Body<'a>(pub(super) Reader<'a>);

/// A message that can be read from its bytes.
pub trait Message<'a>: Sized {
    /// Reads its single values. Lists are read when they are iterated.
    ///
    /// # Errors
    /// If the bytes are no such message.
    fn read(body: Body<'a>) -> Result<Self>;
}

/// The messages of one field number, in order. The first error is the last thing that it gives.
#[derive(Clone, Copy)]
pub struct Repeated<'a, M> {
    rest: Body<'a>,
    number: u32,
    message: PhantomData<M>,
}

impl<'a> Body<'a> {
    pub(super) const EMPTY: Body<'static> = Body(Reader::EMPTY);

    /// Its fields, each given to `take`.
    #[inline]
    pub(super) fn each(mut self, mut take: impl FnMut(Field<'a>) -> Result<()>) -> Result<()> {
        while !self.0.is_empty() {
            take(Field::next(&mut self)?)?;
        }
        Ok(())
    }
}

impl<'a, M> Repeated<'a, M> {
    pub(super) fn new(body: Body<'a>, number: u32) -> Self {
        Repeated { rest: body, number, message: PhantomData }
    }
}

impl<'a, M: Message<'a>> Iterator for Repeated<'a, M> {
    type Item = Result<M>;

    fn next(&mut self) -> Option<Result<M>> {
        let found = next_of(&mut self.rest, self.number).transpose()?.and_then(M::read);
        if found.is_err() {
            self.rest = Body::EMPTY;
        }
        Some(found)
    }
}

/// The next length-delimited field of this number.
pub(super) fn next_of<'a>(rest: &mut Body<'a>, number: u32) -> Result<Option<Body<'a>>> {
    while !rest.0.is_empty() {
        let field = Field::next(rest)?;
        if field.number == number {
            return field.message().map(Some);
        }
    }
    Ok(None)
}

/// One field: its number, and its value as it stands on the wire.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    pub number: u32,
    at: usize,
    raw: Raw<'a>,
}

#[derive(Clone, Copy)]
enum Raw<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Len(Reader<'a>),
    /// Of a kind that no field has which is read here: passed over.
    Other,
}

impl<'a> Field<'a> {
    /// Reads the next field of a message that has not ended.
    #[inline]
    pub(super) fn next(rest: &mut Body<'a>) -> Result<Self> {
        let rest = &mut rest.0;
        let at = rest.pos();
        let tag = rest.tag()?;
        let raw = match (tag & 7) as u8 {
            wire_type::VARINT => Raw::Varint(rest.varint()?),
            wire_type::FIXED64 => Raw::Fixed64(rest.fixed64()?),
            wire_type::FIXED32 => Raw::Fixed32(rest.fixed32()?),
            wire_type::LEN => Raw::Len(rest.delimited()?),
            _ => {
                rest.skip(tag)?;
                Raw::Other
            }
        };
        Ok(Field { number: tag >> 3, at, raw })
    }

    /// A nested message, or the elements of a packed list.
    pub fn message(self) -> Result<Body<'a>> {
        match self.raw {
            Raw::Len(body) => Ok(Body(body)),
            _ => Err(self.wrong()),
        }
    }

    /// `bytes`
    pub fn bytes(self) -> Result<&'a [u8]> {
        Ok(self.message()?.0.rest())
    }

    /// `string`
    pub fn text(self) -> Result<&'a str> {
        let body = self.message()?.0;
        std::str::from_utf8(body.rest())
            .map_err(|error| WireError::new(Fault::Utf8, body.pos() + error.valid_up_to()))
    }

    /// `bool`, `uint64`, `int64`, enums.
    pub fn varint(self) -> Result<u64> {
        match self.raw {
            Raw::Varint(value) => Ok(value),
            _ => Err(self.wrong()),
        }
    }

    /// `fixed64`, `sfixed64`
    pub fn fixed64(self) -> Result<u64> {
        match self.raw {
            Raw::Fixed64(value) => Ok(value),
            _ => Err(self.wrong()),
        }
    }

    /// `double`
    pub fn double(self) -> Result<f64> {
        self.fixed64().map(f64::from_bits)
    }

    /// `fixed32`
    pub fn fixed32(self) -> Result<u32> {
        match self.raw {
            Raw::Fixed32(value) => Ok(value),
            _ => Err(self.wrong()),
        }
    }

    #[cold]
    fn wrong(self) -> WireError {
        WireError::new(Fault::WireType, self.at)
    }
}
