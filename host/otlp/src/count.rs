//! Counts the items of a request by its outer framing, without looking into them.

use crate::codes::Signal;
use crate::wire::{Fault, Reader, Result, WireError, wire_type};

/// The number of spans, data points, log records or profiles in an encoded export request. An error if the framing
/// down to the items is broken; what is inside of them is not looked at.
pub fn count(signal: Signal, request: &[u8]) -> Result<u64> {
    if request.len() > u32::MAX as usize {
        return Err(WireError::new(Fault::TooLarge, 0));
    }
    let request = Reader::new(request, 0, request.len());
    match signal {
        // groups, scopes, items
        Signal::Traces | Signal::Logs | Signal::Profiles => below(request, &[1, 2, 2]),
        Signal::Metrics => each(request, 1, &mut |group| {
            each(group, 2, &mut |scope| each(scope, 2, &mut |metric| points(metric)))
        }),
    }
}

fn below(message: Reader, path: &[u32]) -> Result<u64> {
    match path {
        [] => Ok(1),
        [number, rest @ ..] => each(message, *number, &mut |inner| below(inner, rest)),
    }
}

/// The data points of one metric: in field 1 of whichever of the five kinds of data it has.
fn points(mut metric: Reader) -> Result<u64> {
    let mut points = 0;
    while !metric.is_empty() {
        let tag = metric.tag()?;
        if matches!(tag >> 3, 5 | 7 | 9 | 10 | 11) && (tag & 7) as u8 == wire_type::LEN {
            points += each(metric.delimited()?, 1, &mut |_| Ok(1))?;
        } else {
            metric.skip(tag)?;
        }
    }
    Ok(points)
}

/// Adds up what `inner` says of each length-delimited field with this number.
fn each(mut message: Reader, number: u32, inner: &mut dyn FnMut(Reader) -> Result<u64>) -> Result<u64> {
    let mut sum = 0;
    while !message.is_empty() {
        let tag = message.tag()?;
        if tag == number << 3 | u32::from(wire_type::LEN) {
            sum += inner(message.delimited()?)?;
        } else if tag >> 3 == number {
            return Err(WireError::new(Fault::WireType, message.pos()));
        } else {
            message.skip(tag)?;
        }
    }
    Ok(sum)
}
