//! Counts the items of a request by its outer framing, without looking into them.

use crate::codes::Signal;
use crate::wire::{self, Fault, Result, WireError, wire_type};

/// The number of spans, data points, log records or profiles in an encoded export request. An error if the framing
/// down to the items is broken; what is inside of them is not looked at.
pub fn count(signal: Signal, request: &[u8]) -> Result<u64> {
    if request.len() > u32::MAX as usize {
        return Err(WireError::new(Fault::TooLarge, 0));
    }
    match signal {
        // groups, scopes, items
        Signal::Traces | Signal::Logs | Signal::Profiles => below(request, &[1, 2, 2], 0, request.len()),
        Signal::Metrics => each(request, 1, 0, request.len(), &mut |from, to| {
            each(request, 2, from, to, &mut |from, to| {
                each(request, 2, from, to, &mut |from, to| points(request, from, to))
            })
        }),
    }
}

fn below(src: &[u8], path: &[u32], from: usize, to: usize) -> Result<u64> {
    match path {
        [] => Ok(1),
        [number, rest @ ..] => each(src, *number, from, to, &mut |from, to| below(src, rest, from, to)),
    }
}

/// The data points of one metric: in field 1 of whichever of the five kinds of data it has.
fn points(src: &[u8], from: usize, to: usize) -> Result<u64> {
    let mut points = 0;
    let mut pos = from;
    while pos < to {
        let tag = wire::tag(src, &mut pos, to)?;
        if matches!(tag >> 3, 5 | 7 | 9 | 10 | 11) && (tag & 7) as u8 == wire_type::LEN {
            let stop = wire::length(src, &mut pos, to)?;
            points += each(src, 1, pos, stop, &mut |_, _| Ok(1))?;
            pos = stop;
        } else {
            wire::skip(src, &mut pos, to, tag, 0)?;
        }
    }
    Ok(points)
}

/// Adds up what `inner` says of each length-delimited field with this number.
fn each(
    src: &[u8],
    number: u32,
    from: usize,
    to: usize,
    inner: &mut dyn FnMut(usize, usize) -> Result<u64>,
) -> Result<u64> {
    let mut sum = 0;
    let mut pos = from;
    while pos < to {
        let tag = wire::tag(src, &mut pos, to)?;
        if tag == number << 3 | u32::from(wire_type::LEN) {
            let stop = wire::length(src, &mut pos, to)?;
            sum += inner(pos, stop)?;
            pos = stop;
        } else if tag >> 3 == number {
            return Err(WireError::new(Fault::WireType, pos));
        } else {
            wire::skip(src, &mut pos, to, tag, 0)?;
        }
    }
    Ok(sum)
}
