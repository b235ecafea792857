//! Log records.

use super::attributes::Attributes;
use super::field::{Body, Message};
use super::value::Value;
use crate::wire::Result;

/// `LogRecord`, which is what the [`ScopeGroup`](super::ScopeGroup)s of logs hold.
#[derive(Clone, Copy)]
pub struct LogRecord<'a> {
    /// When it happened; zero if that is not known.
    pub time_unix_nano: u64,
    /// When it was seen first; zero if that is not known.
    pub observed_time_unix_nano: u64,
    /// How bad it is, from 1 to 24; zero if that is not known. May be any number.
    pub severity_number: i32,
    /// The same in the words of its source.
    pub severity_text: &'a str,
    /// What it says.
    pub body: Value<'a>,
    /// Its attributes.
    pub attributes: Attributes<'a>,
    /// The flags of its trace, in the lowest eight bits.
    pub flags: u32,
    /// Of the trace that it belongs to; empty if there is none. May be of any length.
    pub trace_id: &'a [u8],
    /// Of the span that it belongs to; empty if there is none. May be of any length.
    pub span_id: &'a [u8],
    /// What kind of event it is; empty if it is none.
    pub event_name: &'a str,
}

impl<'a> Message<'a> for LogRecord<'a> {
    fn read(body: Body<'a>) -> Result<Self> {
        let mut record = LogRecord {
            time_unix_nano: 0,
            observed_time_unix_nano: 0,
            severity_number: 0,
            severity_text: "",
            body: Value::Empty,
            attributes: Attributes::of(body, 6),
            flags: 0,
            trace_id: &[],
            span_id: &[],
            event_name: "",
        };
        body.each(|field| {
            match field.number {
                1 => record.time_unix_nano = field.fixed64()?,
                2 => record.severity_number = field.varint()? as i32,
                3 => record.severity_text = field.text()?,
                5 => record.body = Value::read(field.message()?)?,
                8 => record.flags = field.fixed32()?,
                9 => record.trace_id = field.bytes()?,
                10 => record.span_id = field.bytes()?,
                11 => record.observed_time_unix_nano = field.fixed64()?,
                12 => record.event_name = field.text()?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(record)
    }
}
