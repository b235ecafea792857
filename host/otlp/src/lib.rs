//! OTLP protobuf bytes as a tape of cells. No I/O, no owned decoding: bytes in, edits applied, bytes out.
//!
//! - [`count`] counts the items of a request from its outer framing alone.
//! - [`Plan`] compiles the interests of a chain of plugins into one projection for the walk and one lens a plugin.
//! - [`Tape::walk`] checks a request deeply, once, and makes entities and cells of what the plan selects.
//! - [`View::build`] shows one plugin its part of the tape, in the packed form of `wit/types.wit`.
//! - [`Tape::apply`] checks a plugin's edits and applies them, so that the next plugin sees them.
//! - [`Tape::splice`] writes the bytes once, at the end.
//! - [`split()`] cuts a request into smaller ones.
//! - [`mod@read`] gives borrowed messages to exporters of other formats than OTLP.
//! - [`json`] turns OTLP/JSON into bytes and back, and compares two requests by what they mean.
#![forbid(unsafe_code)]

mod apply;
mod arena;
mod build;
mod check;
mod codes;
mod count;
mod edit;
mod encode;
mod frame;
mod interest;
pub mod json;
mod lens;
mod lists;
mod names;
mod part;
mod plan;
pub mod read;
mod rows;
mod shape;
mod slot;
mod splice;
mod split;
mod tape;
mod text;
mod values;
mod view;
mod walk;
mod wire;

pub use apply::Applied;
pub use codes::{Signal, field, kind, level, op};
pub use count::count;
pub use edit::{EditError, EditFault, EditsRef};
pub use interest::{Interest, InterestError, NAME_BYTES_MAX, READ, SELECTORS_MAX, Selector, WRITE};
pub use part::Place;
pub use plan::Plan;
pub use split::{Part, Split, SplitLimits, split};
pub use tape::Tape;
pub use view::{Cursor, View};
pub use wire::{DEPTH_MAX, WireError};
